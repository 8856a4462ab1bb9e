#!/usr/bin/env python3
"""Snapshots of a device at work, and what becomes of a device that one is restored on: real processes and files."""
import os
import signal
import sqlite3
import subprocess
import threading

import devices
from devices import BINARY, strandline, until


class Snapshots(devices.Case):
    def incarnations(self, device):
        return [event["text"] for event in device.ask("events")["events"] if event["kind"] == "incarnation"]

    def restore(self, device, file):
        device.app.close()
        told = device.ask("restore", file)
        device.app = device.connect()
        return told

    def ids(self, path):
        held = sqlite3.connect(path)
        ids = [row[0] for row in held.execute("SELECT id FROM notes ORDER BY id")]
        held.close()
        return ids

    def unfinished(self):
        """What a copy is called until it is whole."""
        return [name for name in os.listdir(self.folder) if ".strandline-" in name]

    def test_restored(self):
        """a device that is restored goes on as a new origin, gets back what it lost, and what was deleted stays so"""
        a, b = self.running_pair()
        a.sql("INSERT INTO notes VALUES ('base', 'x', 'y'), ('gone', 'x', 'y')")
        self.until_equal(a, b)
        kept = self.folder / "kept.db"
        self.assertEqual(b.ask("snapshot", kept)["bytes"], kept.stat().st_size)
        self.assertEqual(self.ids(kept), ["base", "gone"])
        b.sql("INSERT INTO notes VALUES ('lost', 'x', 'y')")
        a.sql("DELETE FROM notes WHERE id = 'gone'")
        self.until_equal(a, b)
        b.stop()
        b.sql("INSERT INTO notes VALUES ('unsent', 'x', 'y')")
        told = self.restore(b, kept)
        self.assertEqual(self.ids(b.path), ["base", "gone"])
        self.assertEqual(self.ids(told["kept"]), ["base", "lost", "unsent"])
        b.sql("INSERT INTO notes VALUES ('after', 'x', 'y')")
        b.start(a)
        self.until_equal(a, b)
        self.assertEqual(self.ids(b.path), ["after", "base", "lost"])
        self.assertEqual(len(self.incarnations(b)), 1)
        self.assert_diff_equal(a, b)
        self.assertEqual([event for event in b.ask("events")["events"] if event["kind"] == "trouble"], [])

    def test_put_back_by_hand(self):
        """a snapshot that is written over the database in place, mark and all, is found to be a copy"""
        a, b = self.running_pair()
        b.sql("INSERT INTO notes VALUES ('base', 'x', 'y')")
        self.until_equal(a, b)
        kept = self.folder / "kept.db"
        b.tell("snapshot", kept)
        b.sql("INSERT INTO notes VALUES ('lost', 'x', 'y')")
        self.until_equal(a, b)
        b.kill()
        b.app.close()
        for suffix in ("-wal", "-shm"):
            os.path.exists(f"{b.path}{suffix}") and os.unlink(f"{b.path}{suffix}")
        b.path.write_bytes(kept.read_bytes())
        b.app = b.connect()
        b.sql("INSERT INTO notes VALUES ('after', 'x', 'y')")
        b.start(a)
        self.until_equal(a, b)
        self.assertEqual(self.ids(b.path), ["after", "base", "lost"])
        self.assertEqual(len(self.incarnations(b)), 1)

    def test_running(self):
        """a restore beside the running device is refused, and does not wait for it as for an app's lock"""
        a = self.device("a")
        kept = self.folder / "kept.db"
        a.tell("snapshot", kept)
        a.start()
        self.assert_refused(a.command("restore", kept), "is run by process", status=(1,))
        self.assertEqual(self.unfinished(), [])

    def test_consistent(self):
        """a snapshot taken while an app moves money between two rows holds all of the money"""
        a = self.device("a")
        a.sql("INSERT INTO notes VALUES ('left', 'x', '500'), ('right', 'x', '500')")
        a.write_many("INSERT INTO notes VALUES (?, 'x', ?)", [(f"{n}", "y" * 500) for n in range(4000)])
        a.start()
        over = threading.Event()

        def move():
            app = a.connect()
            while not over.is_set():
                app.execute("BEGIN IMMEDIATE")
                app.execute("UPDATE notes SET body = body - 1 WHERE id = 'left'")
                app.execute("UPDATE notes SET body = body + 1 WHERE id = 'right'")
                app.execute("COMMIT")
            app.close()

        mover = threading.Thread(target=move)
        mover.start()
        self.addCleanup(lambda: (over.set(), mover.join()))
        for number in range(5):
            kept = self.folder / f"kept-{number}.db"
            a.tell("snapshot", kept)
            held = sqlite3.connect(kept)
            self.assertEqual(held.execute("SELECT sum(body) FROM notes WHERE id IN ('left', 'right')").fetchone(), (1000,))
            self.assertEqual(held.execute("PRAGMA integrity_check").fetchone(), ("ok",))

    def test_never_half(self):
        """a snapshot that is killed leaves nothing under its name, and the next one is not hindered by it"""
        a = self.device("a")
        a.write_many("INSERT INTO notes VALUES (?, 'x', ?)", [(f"{n}", "y" * 20_000) for n in range(3000)])
        kept = self.folder / "kept.db"
        process = subprocess.Popen([BINARY, "snapshot", str(a.path), str(kept)], stdout=subprocess.DEVNULL)
        until(lambda: self.unfinished() or process.poll() is not None, "it has begun")
        process.send_signal(signal.SIGKILL)
        if process.wait() == -signal.SIGKILL:
            self.assertFalse(kept.exists())
        else:
            kept.unlink()
        a.tell("snapshot", kept)
        self.assertEqual(len(self.ids(kept)), 3000)
        self.assertEqual(self.unfinished(), [])

    def test_stopped(self):
        """a snapshot or restore that is told to stop ends at once, says so, and leaves nothing behind"""
        a = self.device("a")
        a.write_many("INSERT INTO notes VALUES (?, 'x', ?)", [(f"{n}", "y" * 20_000) for n in range(3000)])
        kept = self.folder / "kept.db"
        a.tell("snapshot", kept)
        a.app.close()
        for command in (["snapshot", str(a.path), str(self.folder / "other.db")], ["restore", str(a.path), str(kept)]):
            process = subprocess.Popen([BINARY, *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            until(lambda: self.unfinished() or process.poll() is not None, "it has begun")
            process.send_signal(signal.SIGTERM)
            told = process.communicate()[1]
            if process.returncode != 0:
                self.assertEqual(process.returncode, 1)
                self.assertIn("stopped", told)
                self.assertFalse((self.folder / "other.db").exists())
            self.assertEqual(self.unfinished(), [])
        self.assertEqual(len(self.ids(a.path)), 3000)
        a.app = a.connect()

    def test_files_of_others(self):
        """whatever lies beside is somebody's: a copy touches no file but its own, and is for those alone who had the first"""
        a = self.device("a")
        a.sql("INSERT INTO notes VALUES ('base', 'x', 'y')")
        os.chmod(a.path, 0o600)
        other = self.folder / "kept.db.new"
        other.write_text("mine")
        kept = self.folder / "kept.db"
        a.tell("snapshot", kept)
        self.assertEqual(other.read_text(), "mine")
        beside = self.folder / f"{a.path.name}.new"
        kept.rename(beside)
        self.restore(a, beside)
        self.assertTrue(beside.exists())
        self.assertEqual([path.stat().st_mode & 0o777 for path in (beside, a.path)], [0o600, 0o600])
        self.assertEqual(self.ids(a.path), ["base"])

    def test_refused(self):
        """what cannot be snapshot or restored is refused, and everything stays as it was"""
        a, b = self.pair()
        a.sql("INSERT INTO notes VALUES ('base', 'x', 'y')")
        kept = self.folder / "kept.db"
        a.tell("snapshot", kept)
        as_taken = kept.read_bytes()
        self.assert_refused(a.command("snapshot", kept), "there already", status=(2,))
        self.assert_refused(a.command("snapshot", self.folder / "none" / "kept.db"), f"no folder {self.folder / 'none'}",
                            status=(2,))
        self.assert_refused(strandline("snapshot", self.folder / "none.db", kept), "none.db", status=(2,))
        self.assert_refused(b.command("restore", kept), "is of device", status=(2,))
        self.assert_refused(a.command("restore", a.path), "itself", status=(2,))
        done = a.command("restore", self.folder / "none.db")
        self.assert_refused(done, "none.db", "strandline snapshot", status=(2,))
        self.assertNotIn("init", done.stderr)
        self.assert_refused(strandline("restore", self.folder / "none.db", kept), "key file", status=(2,))
        plain = self.folder / "plain.db"
        sqlite3.connect(plain).executescript(devices.NOTES)
        self.assert_refused(a.command("restore", plain), "not a device's database", status=(2,))
        a.app.close()
        a.start()
        self.assert_refused(a.command("restore", kept), "process", status=(1,))
        a.stop()
        torn = self.folder / "torn.db"
        torn.write_bytes(as_taken[:-8192])
        self.assert_refused(a.command("restore", torn), status=(1,))
        self.assertEqual(self.ids(a.path), ["base"])
        self.assertEqual(self.incarnations(a), [])
        self.assertEqual(kept.read_bytes(), as_taken)
        self.assertEqual(self.unfinished() + [name for name in os.listdir(self.folder) if "restore" in name], [])
        a.app = a.connect()

    def test_open_elsewhere(self):
        """a database that an app has open is not taken from under it"""
        a = self.device("a")
        a.sql("INSERT INTO notes VALUES ('base', 'x', 'y')")
        kept = self.folder / "kept.db"
        a.tell("snapshot", kept)
        done = a.command("restore", kept)
        self.assert_refused(done, "open in another process", status=(1,))
        a.sql("INSERT INTO notes VALUES ('after', 'x', 'y')")
        self.assertEqual(a.count(), 2)

    def test_lost(self):
        """a database that is damaged, or gone, is restored, and a second restore does not overwrite what the first one kept"""
        a, b = self.pair()
        b.start()
        a.sql("INSERT INTO notes VALUES ('base', 'x', 'y')")
        kept = self.folder / "kept.db"
        a.tell("snapshot", kept)
        self.assertEqual(a.once(b), 0)
        a.app.close()
        a.path.write_bytes(b"SQLite format 3\0" + b"?" * 8000)
        told = self.restore(a, kept)
        self.assertEqual(a.count(), 1)
        a.app.close()
        self.assert_refused(a.command("restore", kept), "before-restore", status=(2,))
        os.unlink(told["kept"])
        os.unlink(a.path)
        self.assertIsNone(self.restore(a, kept)["kept"])
        self.assertEqual(a.once(b), 0)
        self.until_equal(a, b)


if __name__ == "__main__":
    devices.main()
