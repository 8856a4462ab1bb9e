#!/usr/bin/env python3
"""Bad input gives a clear error, and nothing is lost or half done: CONTRACT's list, one by one."""
import os
import pathlib
import resource
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import tempfile
import threading

import devices
from devices import strandline, until

NOBODY = 65534


class Files(devices.Case):
    def test_missing(self):
        """a file that is not there is wrong usage, for every command, and stays not there"""
        path = self.folder / "missing.db"
        for command in (["id"], ["track", "notes"], ["untrack", "notes"], ["trust", "0" * 64], ["run"], ["status"],
                        ["watermarks"], ["events"], ["members"], ["diff", str(path)]):
            done = strandline(command[0], path, *command[1:])
            self.assert_refused(done, "missing.db", status=(2,))
            self.assertEqual(os.listdir(self.folder), [], command)

    def test_not_a_database(self):
        """a file that is not a database is refused by every command, and keeps its bytes"""
        path = self.folder / "letter.txt"
        path.write_text("Dear reader,\n" * 100)
        a = self.device("a")
        for command in (["init"], ["track", "notes"], ["run", "--once", "--peer", "127.0.0.1:1", "--timeout", "1"],
                        ["status"], ["watermarks"], ["events"], ["diff", str(a.path)], ["id"],
                        ["snapshot", str(self.folder / "copy.db")], ["trust", "0" * 64]):
            self.assert_refused(strandline(command[0], path, *command[1:]), "database")
        self.assertEqual(path.read_text(), "Dear reader,\n" * 100)
        left = {name for name in os.listdir(self.folder) if name.startswith("letter")} - {"letter.txt.lock"}
        self.assertEqual(left, {"letter.txt"})

    def test_no_room(self):
        """where init finds no room for a device, it says so and leaves no file"""
        def in_little_room():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

        done = strandline("init", self.folder / "new.db", preexec_fn=in_little_room)
        self.assert_refused(done, "disk", status=(1,))
        self.assertEqual(os.listdir(self.folder), [])

    def test_not_a_device(self):
        """a database that is no device's is refused by what needs one, and stays as it was"""
        path = self.folder / "plain.db"
        sqlite3.connect(path).executescript(devices.NOTES)
        before = path.read_bytes()
        for command in (["id"], ["track", "notes"], ["trust", "0" * 64], ["status"], ["watermarks"], ["events"],
                        ["run", "--once", "--peer", "127.0.0.1:1", "--timeout", "1"]):
            self.assert_refused(strandline(command[0], path, *command[1:]))
        self.assertEqual(path.read_bytes(), before)

    def test_already_a_device(self):
        """init refuses a database that is a device already, and its identity stays"""
        a = self.device("a")
        self.assert_refused(a.command("init", "--name", "again"), "already")
        self.assertEqual(a.tell("id").strip(), a.id)
        self.assertEqual(a.status()["name"], "a")

    def test_key_gone(self):
        """a device whose key file is gone says so"""
        a = self.device("a")
        (self.folder / "a.db.key").rename(self.folder / "kept")
        self.assert_refused(a.command("id"), "a.db.key")
        self.assert_refused(a.command("run", "--once", "--peer", "127.0.0.1:1", "--timeout", "1"), "a.db.key")
        (self.folder / "kept").rename(self.folder / "a.db.key")
        self.assertEqual(a.tell("id").strip(), a.id)

    def test_key_mode(self):
        """the key file can be read by its owner alone"""
        a = self.device("a")
        self.assertEqual((self.folder / "a.db.key").stat().st_mode & 0o777, 0o600)

    def test_locked(self):
        """a database that another process has locked is refused after a while, and nothing is half done"""
        a = self.device("a", track=())
        a.sql("BEGIN EXCLUSIVE")
        self.assert_refused(a.command("track", "notes"), "lock", status=(1,))
        a.sql("ROLLBACK")
        self.assertEqual(a.status()["resources"], [])
        self.assertEqual(a.sql("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'"), [(0,)])
        a.tell("track", "notes")

    def test_read_only(self):
        """a read-only database in a read-only folder is refused by what writes, and can still be read"""
        if os.geteuid() != 0:
            self.skipTest("needs root, to run as another user")
        a = self.device("a")
        a.app.close()
        for path in self.folder.iterdir():
            path.chmod(0o444)
        key = self.folder / "a.db.key"
        key.chmod(0o400)
        os.chown(key, NOBODY, NOBODY)
        self.folder.chmod(0o555)
        before = a.path.read_bytes()
        for command in (["track", "notes"], ["trust", "1" * 64], ["run", "--listen", "127.0.0.1:0"]):
            self.assert_refused(strandline(command[0], a.path, *command[1:], user=NOBODY), status=(1,))
        self.assert_refused(strandline("init", self.folder / "new.db", user=NOBODY))
        self.assertEqual(a.path.read_bytes(), before)
        self.assertFalse((self.folder / "new.db").exists())
        before = sorted(os.listdir(self.folder))
        self.assertEqual(strandline("id", a.path, user=NOBODY).stdout.strip(), a.id)
        for command in (["status", a.path], ["watermarks", a.path], ["events", a.path], ["diff", a.path, a.path]):
            done = strandline(*command, user=NOBODY)
            self.assertEqual((done.returncode, done.stderr), (0, ""), command)
        self.assertEqual(sorted(os.listdir(self.folder)), before)

    def test_read_only_with_wal(self):
        """where a part of the database is in a WAL that cannot be read, a sentence says what to do"""
        if os.geteuid() != 0:
            self.skipTest("needs root, to run as another user")
        a = self.device("a")
        a.sql("INSERT INTO notes VALUES ('x', 'one', NULL)")
        copy = self.folder / "copy"
        copy.mkdir()
        for suffix in ("", "-wal"):
            shutil.copy(f"{a.path}{suffix}", copy)
        copy.chmod(0o555)
        self.folder.chmod(0o755)
        for command in (["status"], ["watermarks"], ["events"], ["diff", str(a.path)]):
            self.assert_refused(strandline(command[0], copy / "a.db", *command[1:], user=NOBODY), "a.db-wal", "copy",
                                status=(1,))

    def test_read_only_medium(self):
        """a database on a read-only medium can be read"""
        disk = pathlib.Path(tempfile.mkdtemp(prefix="strandline-e2e-disk-"))
        self.addCleanup(shutil.rmtree, disk, True)
        if subprocess.run(["mount", "-t", "tmpfs", "strandline-e2e", str(disk)], capture_output=True).returncode != 0:
            self.skipTest("needs to mount a tmpfs")
        self.addCleanup(subprocess.run, ["umount", "-l", str(disk)], check=True)
        name = "100% a?b#c"  # Characters that mean something in a URI.
        b = devices.Device(disk, name)
        b.sql("INSERT INTO notes VALUES ('x', 'one', NULL)")
        b.app.close()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        self.assertEqual(b.status()["resources"][0]["rows"], 0)  # Captured, and not yet folded.
        self.assertEqual(b.tell("id").strip(), b.id)
        b.tell("watermarks")
        b.tell("events")
        self.assertEqual(strandline("diff", b.path, b.path).returncode, 0)
        self.assert_refused(b.command("track", "notes"), status=(1,))

    def test_closed_folder(self):
        """a database in a folder that nobody may look into is refused with a sentence"""
        if os.geteuid() != 0:
            self.skipTest("needs root, to run as another user")
        closed = self.folder / "closed"
        closed.mkdir(mode=0o700)
        self.folder.chmod(0o755)
        for command in (["init"], ["run", "--listen", "127.0.0.1:0"]):
            self.assert_refused(strandline(command[0], closed / "a.db", *command[1:], user=NOBODY), "a.db")
        self.assertEqual(os.listdir(closed), [])

    def test_folder_missing(self):
        """init in a folder that is not there is wrong usage and makes nothing"""
        self.assert_refused(strandline("init", self.folder / "no" / "a.db"), "no", status=(2,))
        self.assertEqual(os.listdir(self.folder), [])


class Tables(devices.Case):
    def test_no_primary_key(self):
        """a table without a primary key is refused, and so is every other table named with it"""
        a = self.device("a", schema=devices.NOTES + "; CREATE TABLE loose(x)", track=())
        self.assert_refused(a.command("track", "notes", "loose"), "loose", "PRIMARY KEY", status=(1,))
        self.assertEqual(a.status()["resources"], [])
        self.assertEqual(a.sql("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'"), [(0,)])

    def test_missing_table(self):
        """a table that is not there is refused, and so is every other table named with it"""
        a = self.device("a", track=())
        self.assert_refused(a.command("track", "notes", "nots"), "nots", status=(1,))
        self.assertEqual(a.status()["resources"], [])

    def test_views_and_own_tables(self):
        """views, virtual tables and Strandline's own tables are refused"""
        a = self.device("a", track=(), schema=devices.NOTES + """; CREATE VIEW seen AS SELECT * FROM notes;
                                                               CREATE VIRTUAL TABLE found USING fts5(body)""")
        for table in ("seen", "found", "strandline_device", "sqlite_schema"):
            self.assert_refused(a.command("track", table), status=(1,))

    def test_untrack_unknown(self):
        """untracking a table that is not tracked is refused"""
        a = self.device("a")
        self.assert_refused(a.command("untrack", "other"), "other")
        self.assertEqual(len(a.status()["resources"]), 1)

    def test_refused_while_running(self):
        """the process that runs the device refuses in the same words"""
        a = self.device("a", schema=devices.NOTES + "; CREATE TABLE loose(x)", track=())
        alone = a.command("track", "loose")
        a.start()
        self.assert_refused(a.command("track", "loose"), "PRIMARY KEY", status=(1,))
        self.assertEqual(a.command("track", "loose").stderr, alone.stderr)
        self.assert_refused(a.command("track", "nots"), "nots", status=(1,))
        a.tell("track", "notes")
        self.assertEqual(len(a.status()["resources"]), 1)


class Devices(devices.Case):
    def test_own_id(self):
        """a device does not let itself in, running or not"""
        a = self.device("a")
        self.assert_refused(a.command("trust", a.id), "this device itself", status=(2,))
        a.start()
        self.assert_refused(a.command("trust", a.id), "this device itself", status=(2,))
        self.assertEqual(a.status()["peers"], [])

    def test_bad_ids(self):
        """a device id that is none is wrong usage"""
        a = self.device("a")
        for text in ("", "abc", "0" * 63, "g" * 64, "A" * 64):
            self.assert_refused(a.command("trust", text), status=(2,))
        self.assertEqual(a.status()["peers"], [])

    def test_second_run(self):
        """a second run on the same database is refused, and the first one goes on"""
        a, b = self.running_pair()
        self.assert_refused(a.command("run", "--listen", "127.0.0.1:0"), str(a.process.pid), status=(1,))
        a.sql("INSERT INTO notes VALUES ('x', 'one', NULL)")
        self.until_equal(a, b)


    def test_second_name(self):
        """a database with a second name, a hard link, is not run under any of them"""
        a = self.device("a")
        a.app.close()
        os.link(a.path, self.folder / "twin.db")
        os.link(f"{a.path}.key", self.folder / "twin.db.key")
        for path in (a.path, self.folder / "twin.db"):
            self.assert_refused(strandline("run", path, "--listen", "127.0.0.1:0"), "hard link", status=(2,))
        os.unlink(self.folder / "twin.db")
        a.app = a.connect()
        a.start()


class Network(devices.Case):
    def test_port_in_use(self):
        """a port in use is refused"""
        a = self.device("a")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.assert_refused(a.command("run", "--listen", f"127.0.0.1:{port}"), str(port), status=(1,))

    def test_bad_addresses(self):
        """addresses that are none are wrong usage"""
        a = self.device("a")
        for text in ("", "7100", "localhost", ":1", "localhost:", "localhost:x", "localhost:70000", "::1:7100"):
            for option in ("--listen", "--peer"):
                self.assert_refused(a.command("run", option, text), status=(2,))

    def test_nobody_there(self):
        """--once towards a port where nobody listens ends in time with exit status 3"""
        a = self.device("a")
        with socket.create_server(("127.0.0.1", 0)) as server:
            free = server.getsockname()[1]
        done = a.command("run", "--peer", f"127.0.0.1:{free}", "--once", "--timeout", "1")
        self.assertEqual(done.returncode, 3)
        self.assertIn(str(free), done.stderr)

    def test_silent_peer(self):
        """of several peers, --once names the one that takes connections and says nothing, not the one in step"""
        a, b = self.running_pair()
        a.stop()
        with socket.create_server(("127.0.0.1", 0)) as server:
            silent = server.getsockname()[1]
            done = a.command("run", "--peer", f"127.0.0.1:{silent}", "--peer", f"127.0.0.1:{b.port}", "--once", "--timeout", "3")
        self.assertEqual(done.returncode, 3)
        self.assertIn(f"no session with 127.0.0.1:{silent} came about", done.stderr)
        self.assertNotIn(f"no session with 127.0.0.1:{b.port} ", done.stderr)

    def test_peer_speaks_something_else(self):
        """a peer that speaks something else is left, whatever it says, and the device goes on"""
        a, b = self.pair()
        answers = [b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"",
                   b"\xff" * 100_000, struct.pack(">I", 0x7fffffff) + b"x" * 1000, struct.pack("<I", 1 << 30)]

        def answer(server):
            for said in answers * 20:
                try:
                    client, _ = server.accept()
                    client.sendall(said)
                    client.close()
                except OSError:
                    return

        with socket.create_server(("127.0.0.1", 0)) as server:
            threading.Thread(target=answer, args=(server,), daemon=True).start()
            done = a.command("run", "--peer", f"127.0.0.1:{server.getsockname()[1]}", "--once", "--timeout", "2")
            self.assertEqual(done.returncode, 3, done.stderr)
            server.shutdown(socket.SHUT_RDWR)
        b.start()
        self.assertEqual(a.once(b), 0)

    def test_garbage(self):
        """garbage and huge lengths at the port are dropped without memory, and peers are served all the while"""
        a, b = self.running_pair()
        garbage = [b"\xff" * 70_000, b"\0" * 70_000, b"GET / HTTP/1.0\r\n\r\n", os.urandom(5000), b"\0", b""]
        garbage += [struct.pack(form, size) + os.urandom(64) for form in ("<I", ">I", "<Q", ">Q", "<H", ">H")
                    for size in (0xffff, 0xfffe)]
        garbage += [struct.pack(form, size) for form in ("<I", ">I") for size in (0xffffffff, 0x7fffffff, 1 << 24)]
        silent = [socket.create_connection(("127.0.0.1", a.port)) for _ in range(10)]
        for said in garbage:
            with socket.create_connection(("127.0.0.1", a.port)) as client:
                try:
                    client.sendall(said)
                except OSError:
                    pass  # It was faster to hang up than we to speak.
        a.sql("INSERT INTO notes VALUES ('x', 'one', NULL)")
        self.until_equal(a, b)
        for client in silent:
            client.close()
        memory = [line for line in pathlib.Path(f"/proc/{a.process.pid}/status").read_text().splitlines()
                  if line.startswith("VmHWM")]
        megabytes = int(memory[0].split()[1]) // 1024
        limit = 800 if os.environ.get("STRANDLINE_PATIENCE", "30") != "30" else 100
        self.assertLess(megabytes, limit)


class FullDisk(devices.Case):
    def test_full_disk(self):
        """a full disk stops the device with a sentence, loses nothing, and with room again it goes on"""
        disk = pathlib.Path(tempfile.mkdtemp(prefix="strandline-e2e-disk-"))
        self.addCleanup(shutil.rmtree, disk, True)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "strandline-e2e", str(disk)],
                                 capture_output=True, text=True)
        if mounted.returncode != 0:
            self.skipTest(f"needs to mount a small tmpfs: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", str(disk)], check=True)
        a = self.device("a")
        b = devices.Device(disk, "b")
        b.log = self.folder / "b.log"
        self.devices.append(b)
        a.trust(b)
        b.trust(a)
        a.write_many("INSERT INTO notes VALUES (?, 'title', ?)", ((f"n{i:06}", "body " * 40) for i in range(50_000)))
        a.start()
        done = b.command("run", "--peer", f"127.0.0.1:{a.port}", "--once", "--timeout", "20")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("full", done.stderr)
        subprocess.run(["mount", "-o", "remount,size=200m", str(disk)], check=True)
        self.assertEqual(b.sql("PRAGMA integrity_check"), [("ok",)])
        self.assertEqual(b.once(a), 0)
        self.assert_diff_equal(a, b)
        self.assertEqual(b.received_rows(), 50_000)


if __name__ == "__main__":
    devices.main()
