#!/usr/bin/env python3
"""Somebody else holds the database's write lock: who waits, how long, what it says, and that a stop is a stop."""
import os
import signal
import subprocess

import devices
from devices import BINARY, until

WAITS = f"waiting for process {os.getpid()} (python3), which holds the write lock of"
# What is promised, and what a slowed program makes of it.
STOP_SECONDS = 2 * devices.PATIENCE_SECONDS / 30


class Locked(devices.Case):
    def command(self, device, *arguments):
        """A command under way, with what it says going to a file."""
        said = self.folder / "said.txt"
        process = subprocess.Popen([BINARY, *map(str, arguments)], stdout=subprocess.PIPE, stderr=said.open("w"), text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        return process, said

    def freeze(self, device):
        """Stops its process at a moment when it holds no lock itself."""
        while True:
            os.kill(device.process.pid, signal.SIGSTOP)
            if subprocess.run(["sqlite3", device.path, "BEGIN IMMEDIATE; ROLLBACK"], stderr=subprocess.DEVNULL).returncode == 0:
                return
            os.kill(device.process.pid, signal.SIGCONT)

    def test_commands_wait(self):
        """track, untrack and trust wait while another process holds the lock, say for whom, and go on when it is free"""
        a = self.device("a", track=())
        for arguments in (("track", a.path, "notes"), ("trust", a.path, "1" * 64), ("untrack", a.path, "notes")):
            a.sql("BEGIN IMMEDIATE")
            process, said = self.command(a, *arguments)
            until(lambda: WAITS in said.read_text(), "it says whom it waits for")
            a.sql("COMMIT")
            self.assertEqual(process.wait(timeout=30), 0, said.read_text())

    def test_init_waits(self):
        """init waits for a lock too"""
        a = self.device("a", track=())
        other = self.folder / "other.db"
        connection = devices.sqlite3.connect(other, isolation_level=None)
        connection.execute(devices.NOTES)
        connection.execute("BEGIN EXCLUSIVE")
        process, said = self.command(a, "init", other)
        until(lambda: "waiting for process" in said.read_text(), "it says whom it waits for")
        connection.execute("COMMIT")
        self.assertEqual(process.wait(timeout=30), 0, said.read_text())
        connection.close()

    def test_commands_give_up(self):
        """a command that has waited in vain says for whom and that nothing was changed, and that is so"""
        a = self.device("a", track=())
        a.sql("BEGIN IMMEDIATE")
        done = a.command("track", "notes")
        self.assert_refused(done, "locked", f"process {os.getpid()}", "nothing was changed", status=(1,))
        a.sql("COMMIT")
        self.assertEqual(a.status()["resources"], [])

    def test_commands_beside_running(self):
        """a command waits for the lock as long when another process runs the device"""
        a = self.device("a", track=())
        a.start()
        a.sql("BEGIN IMMEDIATE")
        process, said = self.command(a, "track", a.path, "notes")
        until(lambda: WAITS in said.read_text(), "it says whom it waits for")
        a.sql("COMMIT")
        self.assertEqual(process.wait(timeout=30), 0, said.read_text())
        until(lambda: a.status()["resources"], "notes is tracked")

    def test_asker_outlives_who_was_asked(self):
        """what was asked of a process that ends is done by who asked"""
        a = self.device("a", track=())
        a.start()
        self.freeze(a)
        process, said = self.command(a, "track", a.path, "notes")
        until(lambda: a.sql("SELECT count(*) FROM strandline_requests") == [(1,)], "the request is there")
        a.kill()
        self.assertEqual(process.wait(timeout=30), 0, said.read_text())
        self.assertEqual(len(a.status()["resources"]), 1)

    def test_run_waits_to_begin(self):
        """run waits for the lock for as long as it takes, says for whom, and begins when it is free"""
        a = self.device("a")
        a.sql("BEGIN IMMEDIATE")
        process, said = self.command(a, "run", a.path, "--listen", "127.0.0.1:0")
        until(lambda: said.read_text().count(WAITS) == 2, "it says twice whom it waits for")
        self.assertIsNone(process.poll())
        a.sql("COMMIT")
        self.assertIn("listening on", process.stdout.readline())
        process.terminate()
        self.assertEqual(process.wait(timeout=30), 0)

    def test_stop_while_waiting_to_begin(self):
        """run stops at once when it is told to while it waits for the lock to begin"""
        a = self.device("a")
        for how in (signal.SIGTERM, signal.SIGINT):
            a.sql("BEGIN IMMEDIATE")
            process, said = self.command(a, "run", a.path, "--listen", "127.0.0.1:0")
            until(lambda: WAITS in said.read_text(), "it says whom it waits for")
            process.send_signal(how)
            self.assertEqual(process.wait(timeout=STOP_SECONDS), 0, said.read_text())
            a.sql("COMMIT")

    def test_once_keeps_its_time(self):
        """run --once waits for the lock no longer than its time, and answers no"""
        a = self.device("a")
        a.sql("BEGIN IMMEDIATE")
        done = a.command("run", "--peer", "127.0.0.1:1", "--once", "--timeout", "1")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("not in step", done.stderr)

    def test_run_says_what_it_waits_for(self):
        """a running device says which process keeps it from the database, and when that is over"""
        a, b = self.running_pair()
        a.sql("BEGIN IMMEDIATE")
        b.sql("INSERT INTO notes VALUES ('x', 'one', NULL)")
        until(lambda: f"waits for process {os.getpid()} (python3)" in a.log.read_text(), "a says whom it waits for")
        a.sql("COMMIT")
        until(lambda: "free again" in a.log.read_text(), "a says that the lock is free")
        self.until_equal(a, b)

    def test_stop_under_lock(self):
        """SIGTERM ends run within two seconds whatever is locked, and nothing is lost or said that is not so"""
        a, b = self.running_pair()
        for i in range(7):
            a.sql("INSERT INTO notes VALUES (?, 'one', NULL)", f"n{i}")
        self.until_equal(a, b)
        until(lambda: a.status()["peers"][0]["behind"] == 0, "b has told that it holds them")
        for round in range(3):
            a.sql("BEGIN IMMEDIATE")
            a.sql("INSERT INTO notes VALUES (?, 'two', NULL)", f"m{round}")
            b.sql("INSERT INTO notes VALUES (?, 'three', NULL)", f"b{round}")
            a.process.terminate()
            self.assertEqual(a.process.wait(timeout=STOP_SECONDS), 0)
            a.process.stdout.close()
            a.process = None
            self.assertFalse(a.status()["peers"][0]["connected"])
            self.assertEqual(a.status()["peers"][0]["behind"], 0)
            a.sql("COMMIT")
            a.start(b)
            self.until_equal(a, b)
            until(lambda: a.status()["peers"][0]["behind"] == 0, "b has told that it holds them")
        self.assertEqual(a.count(), 7 + 2 * 3)


class Lost(devices.Case):
    """The law: nothing is acknowledged that is not durable in the file that everybody sees."""

    def assert_stops(self, device, *words):
        self.assertEqual(device.process.wait(timeout=devices.PATIENCE_SECONDS), 1)
        device.process.stdout.close()
        device.process = None
        for word in words:
            self.assertIn(word, device.log.read_text())

    def loses(self, lose, *words):
        """b's files are lost, and a writes on: b must not tell a that it holds what it wrote into nothing."""
        a, b = self.running_pair()
        a.sql("INSERT INTO notes VALUES ('kept', 'one', NULL)")
        self.until_equal(a, b)
        until(lambda: a.status()["peers"][0]["behind"] == 0, "b has told that it holds it")
        os.kill(a.process.pid, signal.SIGSTOP)
        a.sql("INSERT INTO notes VALUES ('lost?', 'two', NULL)")
        b.app.close()
        os.kill(b.process.pid, signal.SIGSTOP)
        lose(b.path)
        os.kill(a.process.pid, signal.SIGCONT)
        os.kill(b.process.pid, signal.SIGCONT)
        self.assert_stops(b, *words)
        until(lambda: not a.status()["peers"][0]["connected"], "a has noticed that b is gone")
        self.assertEqual(a.status()["peers"][0]["behind"], 1)

    def test_removed(self):
        """a database that is removed while it runs stops the device, and nothing is acknowledged from there on"""
        def lose(path):
            for suffix in ("", "-wal", "-shm"):
                os.unlink(f"{path}{suffix}")
        self.loses(lose, "b.db is gone")

    def test_moved(self):
        """so does one that is moved away"""
        self.loses(lambda path: path.rename(path.with_suffix(".moved")), "b.db is gone")

    def test_replaced(self):
        """so does one in whose place another file stands, and that file is left as it is"""
        def lose(path):
            other = self.folder / "other.db"
            connection = devices.sqlite3.connect(other)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(devices.NOTES)
            connection.close()
            self.before = other.read_bytes()
            other.rename(path)
        self.loses(lose, "b.db is another file now")
        self.assertEqual((self.folder / "b.db").read_bytes(), self.before)

    def test_wal_removed(self):
        """so does a WAL that somebody takes for a leftover"""
        self.loses(lambda path: os.unlink(f"{path}-wal"), "b.db-wal is gone")

    def test_idle(self):
        """an idle device notices that its database is gone, too"""
        a = self.device("a")
        a.start()
        a.app.close()
        a.path.unlink()
        self.assert_stops(a, "a.db is gone")


if __name__ == "__main__":
    devices.main()
