#!/usr/bin/env python3
"""What people type and scripts rely on: exit statuses, JSON, help, and commands beside a running device."""
import fcntl
import json
import os
import pty
import re
import signal
import sqlite3
import struct
import subprocess
import termios
import time

import devices
from devices import BINARY, strandline, until

COMMANDS = ("init", "id", "track", "untrack", "trust", "run", "status", "verify", "watermarks", "diff", "events",
            "members", "snapshot", "restore")


class Usage(devices.Case):
    def test_help(self):
        """every command has help, with examples, in lines of at most 100 columns"""
        for command in COMMANDS:
            done = strandline(command, "--help")
            self.assertEqual(done.returncode, 0)
            self.assertIn("Examples:", done.stdout)
            self.assertEqual(done.stderr, "")
            self.assertEqual([line for line in done.stdout.splitlines() if len(line) > 100], [])
        everything = strandline("--help")
        self.assertEqual(everything.returncode, 0)
        for command in COMMANDS:
            self.assertRegex(everything.stdout, rf"(?m)^  {command} ")

    def test_wrong_usage(self):
        """unknown commands and options, and missing arguments, are wrong usage that changes nothing"""
        a = self.device("a", track=())
        before = a.sql("SELECT name FROM sqlite_schema")
        for arguments in ([], ["frobnicate"], ["status"], ["status", a.path, "--frobnicate"], ["track", a.path],
                          ["trust", a.path], ["diff", a.path], ["run", a.path, "--once"],
                          ["run", a.path, "--peer"], ["run", a.path, "--timeout", "-1", "--once", "--peer", "h:1"],
                          ["run", a.path, "--timeout", "soon", "--once", "--peer", "h:1"],
                          ["track", a.path, "notes", "--frobnicate"], ["events", a.path, "--since", "yesterday"],
                          ["events", a.path, "--since", ""],
                          ["verify", a.path, "--peer", "h:1", "--timeout", "0"],
                          ["verify", a.path, "--peer", "h:1", "--timeout", "nan"],
                          ["members", a.path, "--park", ""], ["members", a.path, "--unpark", ""],
                          ["init", ""], ["status", a.path, "more"]):
            self.assert_refused(strandline(*arguments), status=(2,))
        self.assert_refused(strandline("track", a.path, "[a,b]"), "brackets", status=(2,))
        self.assert_refused(strandline("frobnicate", a.path), "there is no command or option frobnicate", status=(2,))
        self.assertEqual(a.sql("SELECT name FROM sqlite_schema"), before)
        self.assertEqual(a.status()["resources"], [])

    def test_empty_paths(self):
        """a path that is empty, or a folder's, is told as that by every command"""
        a = self.device("a")
        for command in COMMANDS:
            more = {"track": ["notes"], "untrack": ["notes"], "trust": ["0" * 64], "diff": [a.path],
                    "verify": ["--peer", "h:1"], "snapshot": [self.folder / "kept"], "restore": [a.path]}.get(command, [])
            self.assert_refused(strandline(command, "", *more), "the path is empty", status=(2,))
            self.assert_refused(strandline(command, self.folder, *more), "is a folder", status=(2,))
        self.assert_refused(a.command("restore", ""), "the path is empty", status=(2,))
        self.assert_refused(a.command("restore", self.folder), "is a folder", status=(2,))

    def test_value_missing(self):
        """an option without its value is told as that"""
        self.assert_refused(self.device("a").command("members", "--park"), "--park needs a value", status=(2,))

    def test_alone(self):
        """a run that can have no peer says so"""
        a = self.device("a")
        a.start(listen=False)
        until(lambda: "give it --listen or --peer" in a.log.read_text(), "it says so")
        a.stop()

    def test_closed_terminal(self):
        """a terminal that closes stops a run as an operator does, unless nohup began it"""
        a = self.device("a").start()
        self.assertEqual(a.end(signal.SIGHUP)[0], 0)
        ignoring = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)
        process = subprocess.Popen([BINARY, "run", a.path, "--listen", "127.0.0.1:0"], preexec_fn=ignoring,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.assertIn("listening", process.stdout.readline())
        process.send_signal(signal.SIGHUP)
        a.sql("INSERT INTO notes VALUES ('k', 't', 'b')")
        until(lambda: a.status()["resources"][0]["watermarks"], "the write is taken up after the signal")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=30), 0)
        process.stdout.close()

    def test_once_stopped(self):
        """a run with --once that is told to stop says that, and not that its time was over"""
        a = self.device("a")
        process = subprocess.Popen([BINARY, "run", str(a.path), "--peer", "127.0.0.1:1", "--once", "--timeout", "60"],
                                   stderr=subprocess.PIPE, text=True)
        until(lambda: a.status()["process"] == process.pid, "it runs")
        time.sleep(0.5)  # It is past opening then; before that it would only say that it was stopped.
        process.send_signal(signal.SIGTERM)
        told = process.communicate()[1]
        self.assertEqual(process.returncode, 3)
        self.assertIn("stopped before", told)
        self.assertNotIn("within", told)

    def test_full_stdout(self):
        """an answer that cannot be written is a failure, at once, also of what would go on until it is stopped"""
        a = self.device("a")
        for options in (["status"], ["status", "--json"], ["events"], ["members", "--json"], ["events", "--follow"],
                        ["events", "--follow", "--json"], ["run", "--listen", "127.0.0.1:0"]):
            with open("/dev/full", "w") as full:
                done = subprocess.run([BINARY, options[0], str(a.path), *options[1:]], stdout=full, timeout=30,
                                      stderr=subprocess.PIPE)
            self.assertEqual(done.returncode, 1, options)
            self.assertIn(b"the answer cannot be written to stdout", done.stderr, options)

    def test_full_stderr(self):
        """that nobody can read the sentences beside an answer changes neither what is done nor the exit status"""
        with open("/dev/full", "w") as full:
            done = subprocess.run([BINARY, "init", str(self.folder / "a.db")], stderr=full, stdout=subprocess.PIPE)
            self.assertEqual((done.returncode, len(done.stdout)), (0, 65))
            done = subprocess.run([BINARY, "id", str(self.folder / "none.db")], stderr=full)
            self.assertEqual(done.returncode, 2)

    def test_closed_stdout(self):
        """where stdout is closed nothing else gets its number, and what would be printed"""
        a = self.device("a")
        done = subprocess.run(f'exec "{BINARY}" run "{a.path}" --listen 127.0.0.1:0 >&-', shell=True, timeout=30,
                              stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"stdout", done.stderr)
        self.assertNotIn("listening", (self.folder / "a.db.lock").read_text())

    def test_no_colours(self):
        """what does not go to a terminal has no colours, and lines have at most 100 columns"""
        a, b = self.pair(schema=devices.NOTES + f"; CREATE TABLE {'long' * 30}(id TEXT PRIMARY KEY, said)")
        a.tell("track", "long" * 30)
        b.tell("track", "long" * 30)
        for i in range(30):
            a.sql(f"INSERT INTO {'long' * 30} VALUES (?, ?)", "key" * 60 + str(i), "said" * 60)
        for done in (a.command("status"), a.command("watermarks"), a.command("events"), a.command("diff", b.path)):
            self.assertIn(done.returncode, (0, 3), done.stderr)
            self.assertNotIn("\x1b", done.stdout)
        for line in (a.command("status").stdout + a.command("diff", b.path).stdout).splitlines():
            self.assertLessEqual(len(line.replace(str(a.path), "a").replace(str(b.path), "b")), 100, line)

    def test_names_do_not_steer(self):
        """a name with control characters cannot steer the terminal of who reads it"""
        a, b = self.device("a"), self.device("b")
        a.tell("trust", b.id)
        for name in ("evil\x1b[2J\nname", "evil\x1b[2J" + "long" * 60):
            a.sql("UPDATE strandline_members SET name = ?", name)
            told = a.tell("status") + a.tell("members")
            self.assertNotIn("\x1b", told)
            self.assertEqual([line for line in told.splitlines() if len(line) > 100], [])
            self.assertEqual(a.status()["peers"][0]["name"], name)

    def test_log_fits(self):
        """on a terminal the log of a run is wrapped, under its own beginning; elsewhere a sentence is a line"""
        a = self.device("a")
        master, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 70, 0, 0))
        process = subprocess.Popen([BINARY, "run", a.path, "--peer", "127.0.0.1:1"], stderr=terminal,
                                   env={**os.environ, "NO_COLOR": "1"})
        os.close(terminal)
        shown = b""
        while b"again" not in shown:
            shown += os.read(master, 4096)
        process.terminate()
        process.wait(timeout=30)
        os.close(master)
        lines = shown.decode().split("\r\n")
        self.assertEqual([line for line in lines if len(line) > 70], [])
        self.assertRegex(lines[0], r"^\S{24} info    no session with 127\.0\.0\.1:1:$")
        self.assertRegex(lines[1], r"^ {33}\S")
        process = subprocess.Popen([BINARY, "run", a.path, "--peer", "127.0.0.1:1"], stderr=subprocess.PIPE, text=True)
        self.assertRegex(process.stderr.readline(), r"no session with .* again$")
        process.terminate()
        process.wait(timeout=30)
        process.stderr.close()


class Identity(devices.Case):
    def test_init(self):
        """init makes the database when missing, prints the id alone, and says that it is in WAL mode"""
        path = self.folder / "new.db"
        done = strandline("init", path, "--name", "laptop")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"^[0-9a-f]{64}\n$")
        self.assertIn("WAL", done.stderr)
        self.assertEqual(strandline("id", path).stdout, done.stdout)
        self.assertEqual(json.loads(strandline("id", path, "--json").stdout), {"device": done.stdout.strip()})
        self.assertEqual(sqlite3.connect(path).execute("PRAGMA journal_mode").fetchone(), ("wal",))

    def test_init_leaves_the_rest(self):
        """init and track change nothing of the user's file but their own tables and triggers"""
        path = self.folder / "app.db"
        connection = sqlite3.connect(path)
        connection.executescript(devices.NOTES + """; CREATE INDEX by_title ON notes(title);
            CREATE TABLE other(x); CREATE TRIGGER mine AFTER INSERT ON notes BEGIN INSERT INTO other VALUES (new.id); END;
            INSERT INTO notes VALUES ('x', 'y', 'z')""")
        theirs = "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE '%strandline%' ORDER BY name"
        before = connection.execute(theirs).fetchall()
        self.assertEqual(strandline("init", path).returncode, 0)
        self.assertEqual(strandline("track", path, "notes").returncode, 0)
        self.assertEqual([row for row in connection.execute(theirs) if "strandline" not in row[2]], before)
        self.assertEqual(strandline("untrack", path, "notes").returncode, 0)
        self.assertEqual([row for row in connection.execute(theirs) if "strandline" not in row[2]], before)
        self.assertEqual(connection.execute("SELECT * FROM notes").fetchall(), [("x", "y", "z")])
        self.assertEqual(connection.execute("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'").fetchone(), (1,))


class Status(devices.Case):
    KEYS = {"device", "name", "state", "resources", "peers", "backfill", "quarantined", "conflicts", "sent", "received"}

    def assert_status(self, device, connected):
        status = device.status()
        self.assertLessEqual(self.KEYS, set(status))
        self.assertEqual(status["device"], device.id)
        self.assertEqual(status["name"], device.name)
        (resource,) = status["resources"]
        self.assertEqual((resource["name"], resource["ownership"], resource["rows"]), ("notes", "shared", 1))
        for watermark in resource["watermarks"]:
            self.assertRegex(watermark["hlc"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z-[0-9a-f]{4}$")
        (peer,) = status["peers"]
        self.assertEqual(peer["connected"], connected)
        return status

    def test_running_and_not(self):
        """status works while another process runs the device and when none does, and reads only"""
        a, b = self.running_pair()
        a.sql("INSERT INTO notes VALUES ('x', 'one', NULL)")
        self.until_equal(a, b)
        until(lambda: a.status()["peers"][0]["connected"], "a says that b is connected")
        status = self.assert_status(a, True)
        self.assertEqual((status["state"], status["process"]), ("ready", a.process.pid))
        until(lambda: isinstance(a.status()["peers"][0]["rtt_ms"], float), "a round trip was measured")
        a.kill()  # A dead process leaves "connected" in its tables; the lock knows better.
        self.assert_status(a, False)
        self.assertIsNone(a.status()["process"])
        before = a.path.read_bytes()
        a.tell("status")
        a.tell("watermarks")
        a.tell("events")
        self.assertEqual(a.path.read_bytes(), before)

    def test_pending(self):
        """what apps wrote while the device does not run is told, until it is taken up"""
        a = self.device("a")
        a.sql("INSERT INTO notes VALUES ('x', 'one', NULL)")
        a.sql("INSERT INTO notes VALUES ('y', 'one', NULL)")
        (resource,) = a.status()["resources"]
        self.assertEqual((resource["rows"], resource["pending"]), (0, 2))
        self.assertIn("notes: 2 writes by apps not taken up yet", a.tell("status"))
        a.start()
        until(lambda: a.status()["resources"][0]["rows"] == 2, "the writes are taken up")
        self.assertEqual(a.status()["resources"][0]["pending"], 0)
        self.assertNotIn("not taken up", a.tell("status"))
        a.process.send_signal(signal.SIGSTOP)
        a.sql("INSERT INTO notes VALUES ('z', 'one', NULL)")
        self.assertIn(f"notes: 1 write by apps not taken up yet; process {a.process.pid}, which runs the device,",
                      a.tell("status"))
        a.process.send_signal(signal.SIGCONT)

    def test_cautions(self):
        """what there is to say of several tables alike is said once, with their names"""
        schema = "CREATE TABLE one(id INTEGER PRIMARY KEY); CREATE TABLE two(id INTEGER PRIMARY KEY)"
        a = self.device("a", schema=schema, track=())
        done = a.command("track", "one", "two")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"^strandline: one, two: .*INTEGER PRIMARY KEY")
        self.assertEqual(done.stderr.count("INTEGER PRIMARY KEY"), 1)

    def test_behind(self):
        """a peer that is away is behind by the rows that it lacks"""
        a, b = self.running_pair()
        b.stop()
        for i in range(7):
            a.sql("INSERT INTO notes VALUES (?, 'w', NULL)", f"n{i}")
        until(lambda: a.status()["peers"][0]["behind"] == 7, "b is 7 behind")
        b.start(a)
        until(lambda: a.status()["peers"][0]["behind"] == 0, "b has caught up")

    def test_never_heard(self):
        """a peer that was never heard from is said to be just that"""
        a, b = self.pair()
        a.sql("INSERT INTO notes VALUES ('x', 'one', NULL)")
        self.assertFalse(a.status()["peers"][0]["heard"])
        self.assertIn("not heard from yet", a.tell("status"))
        b.start()
        self.assertEqual(a.once(b), 0)
        (peer,) = a.status()["peers"]
        self.assertEqual((peer["heard"], peer["behind"]), (True, 0))
        self.assertNotIn("not heard from yet", a.tell("status"))

    def test_dropped_table(self):
        """a tracked table that the app dropped is told by status and run, and run --once answers no until it is back"""
        a, b = self.pair()
        a.sql("INSERT INTO notes VALUES ('x', 'one', NULL)")
        a.start()
        self.assertEqual(b.once(a), 0)
        b.sql("DROP TABLE notes")
        for _ in range(2):
            done = b.command("run", "--peer", f"127.0.0.1:{a.port}", "--once", "--json")
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn("tracked, but not there: notes", done.stderr)
            self.assertFalse(json.loads(done.stdout)["in_step"])
            self.assertFalse(b.status()["resources"][0]["is_there"])
            self.assertIn("not there", b.tell("status"))
        b.app.executescript(devices.NOTES)
        self.assertEqual(b.once(a), 0)
        self.assertTrue(b.status()["resources"][0]["is_there"])
        self.assert_diff_equal(a, b)

    def test_other_key(self):
        """id and status beside the key file of another device say so"""
        a, b = self.device("a"), self.device("b")
        (self.folder / "b.db.key").replace(self.folder / "a.db.key")
        self.assert_refused(a.command("id"), "a.db.key", "right key file", status=(1,))
        done = a.command("status", "--json")
        self.assertEqual((done.returncode, json.loads(done.stdout)["device"]), (0, a.id))
        self.assertIn("right key file", done.stderr)

    def test_watermarks(self):
        """watermarks of two devices in step are the same, and cover all keys in one range"""
        a, b = self.running_pair()
        a.sql("INSERT INTO notes VALUES ('x', 'one', NULL)")
        b.sql("INSERT INTO notes VALUES ('y', 'two', NULL)")
        self.until_equal(a, b)

        def agree():
            marks = [device.ask("watermarks")["resources"] for device in (a, b)]
            origins = [sorted((mark["origin"], mark["hlc"]) for mark in one[0]["ranges"][0]["watermarks"]) for one in marks]
            return marks if origins[0] == origins[1] and len(origins[0]) == 2 else None

        marks = until(agree, "the watermarks are the same")
        (only,) = marks[0][0]["ranges"]
        self.assertEqual((only["low"], only["high"]), ("", None))


class BesideRunning(devices.Case):
    def test_changes(self):
        """track, trust and untrack reach a running device within a second or so"""
        a, b = self.device("a", track=()), self.device("b", track=())
        a.start()
        b.start(a)
        for device, other in ((a, b), (b, a)):
            device.trust(other)
            device.tell("track", "notes")
        a.sql("INSERT INTO notes VALUES ('x', 'one', NULL)")
        self.until_equal(a, b)
        a.tell("untrack", "notes")
        self.assertEqual(a.status()["resources"], [])
        a.sql("INSERT INTO notes VALUES ('y', 'mine', NULL)")
        a.tell("track", "notes")
        self.until_equal(a, b)
        self.assertEqual(a.count(), 2)

    def test_events(self):
        """events tells what happened, oldest first, in JSON and from a time on"""
        a, b = self.running_pair()
        a.sql("INSERT INTO notes VALUES ('x', 'one', NULL)")
        self.until_equal(a, b)
        until(lambda: "in_step" in {event["kind"] for event in b.ask("events")["events"]}, "b says that it is in step")
        b.stop()
        events = b.ask("events")["events"]
        numbers = [event["number"] for event in events]
        self.assertEqual(numbers, sorted(set(numbers)))
        kinds = [event["kind"] for event in events]
        for kind in ("tracked", "trusted", "peer_up", "in_step"):
            self.assertIn(kind, kinds)
        self.assertEqual([event["kind"] for event in b.ask("events", "--since", events[-1]["at"])["events"]][-1], kinds[-1])
        self.assertEqual(b.ask("events", "--since", "2100-01-01T00:00:00Z")["events"], [])
        for event in events:
            self.assertRegex(event["at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual(len(b.tell("events").splitlines()), len(events))

    def test_events_follow(self):
        """events --follow tells of what happens from now on, and ends on a signal"""
        a = self.device("a", track=())
        follower = subprocess.Popen([BINARY, "events", str(a.path), "--follow", "--json"], stdout=subprocess.PIPE, text=True)
        a.tell("track", "notes")
        event = json.loads(follower.stdout.readline())
        self.assertEqual((event["kind"], event["resource"]), ("tracked", "notes"))
        follower.terminate()
        self.assertEqual(follower.wait(timeout=5), 0)
        follower.stdout.close()

    def test_events_follow_read_no_more(self):
        """events --follow ends when nobody reads it any more, also while nothing happens"""
        a = self.device("a", track=())
        a.tell("track", "notes")
        follower = subprocess.Popen([BINARY, "events", str(a.path), "--follow"], stdout=subprocess.PIPE)
        self.assertIn(b"tracked", follower.stdout.readline())
        follower.stdout.close()
        follower.wait(timeout=devices.PATIENCE_SECONDS)

    def test_run_once_json(self):
        """run --once --json prints one object and nothing else"""
        a, b = self.pair()
        a.sql("INSERT INTO notes VALUES ('x', 'one', NULL)")
        a.start()
        done = b.command("run", "--peer", f"127.0.0.1:{a.port}", "--once", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        answer = json.loads(done.stdout)
        self.assertEqual((answer["in_step"], answer["received"]["rows"]), (True, 1))


class Diff(devices.Case):
    def differing(self):
        schema = "CREATE TABLE t(k INTEGER, s TEXT, x, y, PRIMARY KEY(k, s)); CREATE TABLE same(id TEXT PRIMARY KEY)"
        a, b = self.device("a", schema=schema, track=("t", "same")), self.device("b", schema=schema, track=("t", "same"))
        a.write_many("INSERT INTO t VALUES (?, ?, ?, ?)", [(i, "s", i, None) for i in range(100)])
        b.write_many("INSERT INTO t VALUES (?, ?, ?, ?)", [(i, "s", i, None) for i in range(100)])
        return a, b

    def test_equal(self):
        """equal tables: exit status 0"""
        a, b = self.differing()
        self.assert_diff_equal(a, b)
        answer = json.loads(strandline("diff", a.path, b.path, "--json").stdout)
        self.assertTrue(answer["equal"])
        self.assertEqual([(table["name"], table["rows_a"]) for table in answer["tables"]], [("same", 0), ("t", 100)])

    def test_different(self):
        """what differs is told, row by row, and counted: exit status 3"""
        a, b = self.differing()
        a.sql("DELETE FROM t WHERE k = 3")
        b.sql("DELETE FROM t WHERE k IN (98, 99)")
        b.sql("UPDATE t SET x = CAST(x AS REAL) WHERE k = 7")
        b.sql("UPDATE t SET x = 'seven', y = x'07' WHERE k = 8")
        a.sql("INSERT INTO t VALUES (-1, 'first', 0, 0)")
        done = strandline("diff", a.path, b.path, "t", "--json")
        self.assertEqual(done.returncode, 3, done.stderr)
        (table,) = json.loads(done.stdout)["tables"]
        self.assertEqual((table["only_a"], table["only_b"], table["changed"]), (3, 1, 2))
        self.assertEqual([(row["row"], row["key"]) for row in table["first"]],
                         [("only_a", [-1, "first"]), ("only_b", [3, "s"]), ("changed", [7, "s"]), ("changed", [8, "s"]),
                          ("only_a", [98, "s"]), ("only_a", [99, "s"])])
        self.assertEqual(table["first"][3]["columns"], [{"column": "x", "a": 8, "b": "seven"},
                                                        {"column": "y", "a": None, "b": {"blob": "07", "bytes": 1}}])
        text = strandline("diff", a.path, b.path).stdout
        for line in (r"t  different: 3 only in \S*a.db, 1 only in \S*b.db, 2 changed", r"- k = -1, s = 'first'",
                     r"x: 7 → 7\.0", r"y: NULL → x'07'", r"same  equal, 0 rows"):
            self.assertIsNotNone(re.search(line, text), f"{line} in\n{text}")

    def test_many(self):
        """the first twenty rows of a table are shown and all are counted"""
        a, b = self.differing()
        b.sql("UPDATE t SET y = 1")
        (table,) = json.loads(strandline("diff", a.path, b.path, "t", "--json").stdout)["tables"]
        self.assertEqual((table["changed"], len(table["first"])), (100, 20))
        self.assertIn("and 80 more", strandline("diff", a.path, b.path).stdout)

    def test_order_of_keys(self):
        """keys of mixed types, and keys that fold case, are matched as SQLite orders them"""
        schema = """CREATE TABLE m(key PRIMARY KEY, n); CREATE TABLE f(key TEXT COLLATE NOCASE PRIMARY KEY, n);
                    CREATE TABLE d(a TEXT, b INTEGER, n, PRIMARY KEY(b DESC, a))"""
        a, b = (self.device(name, schema=schema, track=("m", "f", "d")) for name in "ab")
        keys = [-1, 0, 0.5, 1, 2**53 + 1, float(2**53), 2**63 - 1, 9.3e18, "", "a", "B", "a\0", b"", b"\0", b"a"]
        for device, order in ((a, 1), (b, -1)):
            device.write_many("INSERT INTO m VALUES (?, 0)", [(key,) for key in keys[::order]])
            device.write_many("INSERT INTO f VALUES (?, 0)", [(key,) for key in ("b", "A", "a b", "C", "_")[::order]])
            device.write_many("INSERT INTO d VALUES (?, ?, 0)", [(s, n) for s in "xy" for n in (3, 1, 2)][::order])
        self.assert_diff_equal(a, b)
        b.sql("UPDATE f SET key = 'a' WHERE key = 'A'")
        (table,) = json.loads(strandline("diff", a.path, b.path, "f", "--json").stdout)["tables"]
        self.assertEqual((table["only_a"], table["only_b"], table["changed"]), (0, 0, 1))

    def test_encodings(self):
        """a UTF-16 database and a UTF-8 one with the same texts are equal"""
        words = [f"{letter}{tail}" for letter in ("a", "z", "ü", "\u0100", "\ufb01", "\U0001f30a") for tail in ("", "b", "ž")]
        schema = "CREATE TABLE t(word TEXT PRIMARY KEY, said TEXT)"
        a = self.device("a", schema=schema, track=("t",))
        b = self.device("b", schema="PRAGMA encoding = 'UTF-16le'; " + schema, track=("t",))
        for device in (a, b):
            device.write_many("INSERT INTO t VALUES (?, ?)", [(word, word) for word in words])
        self.assertEqual(b.sql("PRAGMA encoding"), [("UTF-16le",)])
        self.assert_diff_equal(a, b)
        a.trust(b)
        b.trust(a)
        a.write_many("INSERT INTO t VALUES (?, ?)", [(word * 2, word) for word in words])
        a.start()
        self.assertEqual(b.once(a), 0)
        self.assertEqual(b.count("t"), 2 * len(words))
        self.assert_diff_equal(a, b)

    def test_errors(self):
        """tables that cannot be compared are errors, not differences"""
        a, b = self.differing()
        plain = self.folder / "plain.db"
        sqlite3.connect(plain).executescript("CREATE TABLE t(k INTEGER PRIMARY KEY, s, x, y)")
        self.assert_refused(strandline("diff", a.path, b.path, "missing"), "missing", status=(2,))
        self.assert_refused(strandline("diff", a.path, plain), "plain.db", status=(1, 2))
        self.assert_refused(strandline("diff", a.path, plain, "t"), "PRIMARY KEY", status=(1,))


if __name__ == "__main__":
    devices.main()
