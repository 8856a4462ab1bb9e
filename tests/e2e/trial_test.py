#!/usr/bin/env python3
"""What a run would change is told before it does, and what it would change a lot is kept: real processes and files."""
import json
import os
import pathlib
import signal
import subprocess
import time

import devices
from devices import BINARY, strandline, until


class Trials(devices.Case):
    def apart(self):
        """A device that goes on, and one that was away: a row comes, one changes, one goes, one is its own."""
        a, b = self.running_pair()
        a.write_many("INSERT INTO notes VALUES (?, 'x', 'y')", [(f"n{n}",) for n in range(10)])
        self.until_equal(a, b)
        b.stop()
        a.sql("INSERT INTO notes VALUES ('new', 'x', 'y')")
        a.sql("UPDATE notes SET body = 'edited' WHERE id = 'n3'")
        a.sql("DELETE FROM notes WHERE id = 'n4'")
        b.sql("INSERT INTO notes VALUES ('own', 'x', 'y')")
        return a, b

    def beside(self, device):
        """What else lies beside its database."""
        usual = {"", "-wal", "-shm", ".key", ".lock"}
        return [path for path in self.folder.glob(f"{device.path.name}*")
                if path.name.removeprefix(device.path.name) not in usual]

    def peer(self, device):
        return ("--peer", f"127.0.0.1:{device.port}")

    def test_dry_run(self):
        """--dry-run tells what would come, change and go, and changes nothing"""
        a, b = self.apart()
        before, events = b.rows(), b.ask("events")
        told = b.ask("run", *self.peer(a), "--dry-run")
        self.assertEqual(told, {"in_step": True, "quarantined": 0, "sent": {"rows": 1},
                                "tables": [{"name": "notes", "rows": 11, "added": 1, "changed": 1, "removed": 1}]})
        self.assertIn("would come", b.tell("run", *self.peer(a), "--dry-run"))
        self.assertEqual((b.rows(), b.ask("events"), self.beside(b)), (before, events, []))
        b.once(a)
        self.until_equal(a, b)
        self.assertEqual(b.ask("run", *self.peer(a), "--dry-run")["tables"],
                         [{"name": "notes", "rows": 11, "added": 0, "changed": 0, "removed": 0}])
        self.assert_diff_equal(a, b)

    def test_no_receipt(self):
        """what a copy took is no receipt: deletions are remembered for the device, and its own edits meet them"""
        a, b = self.apart()
        a.sql("UPDATE notes SET body = 'beside' WHERE id = 'n5'")
        self.assertTrue(b.ask("run", *self.peer(a), "--dry-run")["in_step"])
        time.sleep(1)
        self.assertEqual(a.app.execute("SELECT count(*) FROM strandline_stamps WHERE slot = 1").fetchone(), (1,))
        b.once(a)
        self.assertNotIn("written_again", [event["kind"] for event in b.ask("events")["events"]])

    def test_would_not_fit(self):
        """--dry-run tells what the database would not take"""
        a, b = self.apart()
        b.sql("CREATE UNIQUE INDEX one_body ON notes(body) WHERE body = 'edited'")
        b.sql("UPDATE notes SET body = 'edited' WHERE id = 'own'")
        self.assertEqual(b.ask("run", *self.peer(a), "--dry-run")["quarantined"], 1)
        self.assertEqual(b.status()["quarantined"], 0)

    def test_nobody_there(self):
        """--dry-run with a peer that is not there says so, and beside a running device it does not try"""
        a, b = self.apart()
        a.stop()
        done = strandline("run", b.path, *self.peer(a), "--dry-run", "--timeout", "0.5", "--json")
        self.assertEqual((done.returncode, json.loads(done.stdout)["in_step"]), (3, False))
        a.start()
        self.assert_refused(strandline("run", a.path, *self.peer(b), "--dry-run"), "stop it first")
        self.assertEqual(self.beside(a) + self.beside(b), [])

    def is_counting(self, process):
        """Whether it has both opened, the copy that was run and the one that was not."""
        folder = pathlib.Path(f"/proc/{process}/fd")
        names = [os.path.basename(os.readlink(file)) for file in folder.iterdir() if file.exists()]
        return "before.db" in names and "copy.db-wal" in names

    def test_hint(self):
        """what --dry-run says to do names the database, and not the copy that is gone by then"""
        a, b = self.device("a"), self.device("b")
        a.start()
        done = strandline("run", b.path, *self.peer(a), "--dry-run", "--timeout", "1")
        self.assertIn(f"strandline trust {b.path} {a.id}", done.stderr)
        self.assertNotIn("trial", done.stderr)

    def test_counting_stops(self):
        """--dry-run that is told to stop while it counts says so, and leaves nothing behind"""
        a, b = self.device("a", track=()), self.device("b")
        a.trust(b)
        b.trust(a)
        a.start()
        rows = int(os.environ.get("STRANDLINE_ROWS", "100000"))
        b.write_many("INSERT INTO notes VALUES (?, 'x', 'y')", [(f"{n:09}",) for n in range(2 * rows)])
        process = subprocess.Popen([BINARY, "run", str(b.path), *self.peer(a), "--dry-run"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        until(lambda: self.is_counting(process.pid), "it counts")
        process.send_signal(signal.SIGTERM)
        told = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, told)
        self.assertIn("stopped before all was known", told[1])
        self.assertEqual(self.beside(b), [])

    def test_killed(self):
        """the copies of one that was killed, the key's too, go with the next, and those of one that runs stay"""
        a, b = self.apart()
        silent = self.device("c")
        silent.trust(b)
        b.trust(silent)
        silent.start()
        os.kill(silent.process.pid, signal.SIGSTOP)  # So a trial with it waits.
        def begin():
            before = set(self.beside(b))
            trial = subprocess.Popen([BINARY, "run", str(b.path), *self.peer(silent), "--dry-run"],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            until(lambda: len(set(self.beside(b)) - before) == 2, "it has made its two folders")
            return trial

        own = self.folder / f"{b.path.name}.trial-backup"
        own.mkdir()
        (own / "letters").write_text("mine")
        killed = begin()
        left = set(self.beside(b)) - {own}
        killed.kill()
        killed.wait()
        self.assertEqual(set(self.beside(b)) - {own}, left)
        running = begin()
        in_use = set(self.beside(b))
        self.assertFalse(in_use & left)
        self.assertEqual(b.command("run", *self.peer(a), "--dry-run").returncode, 0)
        self.assertEqual(set(self.beside(b)), in_use)
        running.terminate()
        running.wait()
        self.assertEqual(self.beside(b), [own])
        self.assertEqual((own / "letters").read_text(), "mine")
        os.kill(silent.process.pid, signal.SIGCONT)

    def test_gone_table(self):
        """--dry-run says what would come of the tables that are there, where an app has dropped one"""
        a, b = self.apart()
        for device in (a, b):
            device.sql("CREATE TABLE more(id TEXT PRIMARY KEY)")
            device.tell("track", "more")
        b.sql("DROP TABLE more")
        done = b.command("run", *self.peer(a), "--dry-run", "--json", "--timeout", "20")
        self.assertNotIn("no table", done.stderr)
        self.assertEqual([table["name"] for table in json.loads(done.stdout)["tables"]], ["notes"])

    def test_snapshot(self):
        """--snapshot-above keeps the database as it was before a run that changes more rows, and before no other"""
        a, b = self.apart()
        before = b.rows()
        b.once(a, options=("--snapshot-above", "50"))
        self.assertEqual(self.beside(b), [])
        a.sql("UPDATE notes SET body = 'all' WHERE id <> 'own'")
        kept_rows = b.rows()
        self.assertNotEqual(kept_rows, before)
        b.once(a, options=("--snapshot-above", "50"))
        self.until_equal(a, b)
        (kept,) = self.beside(b)
        b.app.close()
        b.tell("restore", kept)
        b.app = b.connect()
        self.assertEqual(b.rows(), kept_rows)

    def test_needless_snapshot(self):
        """a snapshot that was kept since nobody answered goes where the run met nobody or changed little, and events say so"""
        a, b = self.apart()
        a.stop()
        snapshots = lambda: [event["text"] for event in b.ask("events")["events"] if event["kind"] == "snapshot"]
        done = strandline("run", b.path, *self.peer(a), "--once", "--snapshot-above", "50", "--timeout", "0.5")
        self.assertEqual((done.returncode, self.beside(b)), (3, []))
        self.assertEqual([" is kept as " in text for text in snapshots()], [True, False])
        for sql, is_kept in (("UPDATE notes SET body = 'one' WHERE id = 'n5'", False),
                             ("UPDATE notes SET body = 'all' WHERE id <> 'own'", True)):
            a.start()
            b.start(a, options=("--snapshot-above", "50", "--timeout", "0.001"))
            self.until_equal(a, b)
            a.sql(sql)
            self.until_equal(a, b)
            b.stop()
            a.stop()
            self.assertEqual(len(self.beside(b)), 1 if is_kept else 0)
        self.assertIn(str(self.beside(b)[0]), snapshots()[-1])

    def test_options(self):
        """options that do not go together are refused"""
        a = self.device("a")
        for options in (("--dry-run",), ("--snapshot-above", "5"), ("--peer", "h:1", "--timeout", "5"),
                        ("--peer", "h:1", "--dry-run", "--once"), ("--peer", "h:1", "--snapshot-above", "101"),
                        ("--peer", "h:1", "--dry-run", "--listen", "127.0.0.1:0")):
            self.assertEqual(strandline("run", a.path, *options).returncode, 2, options)


if __name__ == "__main__":
    devices.main()
