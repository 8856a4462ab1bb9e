#!/usr/bin/env python3
"""`strandline verify`: two devices prove that they hold the same, and what differs is mended."""
import json
import signal
import sqlite3
import subprocess
import threading
import time

import devices
from devices import BINARY, until


class Verify(devices.Case):
    def pair_with_rows(self, count):
        a, b = self.pair()
        a.write_many("INSERT INTO notes VALUES (?, ?, ?)", [(f"n{i:06}", f"title {i}", "b" * 50) for i in range(count)])
        a.start()
        self.assertEqual(b.once(a), 0)
        return a, b

    def verify(self, device, peer, *options):
        done = device.command("verify", "--peer", f"127.0.0.1:{peer.port}", "--json", "--timeout", "60", *options)
        self.assertIn(done.returncode, (0, 3), done.stderr)
        return done.returncode, json.loads(done.stdout)

    def lose(self, device, where):
        """Takes rows and all that is known of them away, as no app could."""
        device.sql("BEGIN IMMEDIATE")
        device.sql("INSERT INTO strandline_applying VALUES (1)")
        device.sql(f"DELETE FROM strandline_stamps WHERE key IN (SELECT CAST('0' || id AS BLOB) FROM notes WHERE {where})")
        device.sql("DELETE FROM strandline_fingerprints")
        device.sql(f"DELETE FROM notes WHERE {where}")
        device.sql("DELETE FROM strandline_applying")
        device.sql("COMMIT")

    def test_same(self):
        """devices that hold the same prove it in one round, and few bytes"""
        a, b = self.pair_with_rows(5000)
        status, found = self.verify(b, a)
        self.assertEqual((status, found["rows"], found["rounds"], found["same"], found["all"]), (0, 0, 1, True, True))
        self.assertEqual(found["peer"], a.id)
        self.assertLess(found["sent"]["bytes"] + found["received"]["bytes"], 1024)

    def test_differ(self):
        """rows that one side lost are found, come back, and exit status 3 says so"""
        a, b = self.pair_with_rows(5000)
        self.lose(b, "id IN ('n000007', 'n004999')")
        status, found = self.verify(b, a)
        self.assertEqual((status, found["rows"], found["same"]), (3, 2, True))
        self.assertEqual(a.rows(), b.rows())
        self.assertEqual(self.verify(b, a)[0], 0)

    def test_deep(self):
        """rows that were altered or deleted with the triggers silent are found by --deep, and mended"""
        a, b = self.pair_with_rows(5000)
        before = a.rows()
        b.sql("BEGIN IMMEDIATE")
        b.sql("INSERT INTO strandline_applying VALUES (1)")
        b.sql("UPDATE notes SET body = 'forged' WHERE id = 'n000007'")
        b.sql("DELETE FROM notes WHERE id IN ('n000008', 'n004000')")
        b.sql("DELETE FROM strandline_applying")
        b.sql("COMMIT")
        self.assertEqual(self.verify(b, a)[0], 0)
        status, found = self.verify(b, a, "--deep")
        self.assertEqual((status, found["damaged"], found["mended"], found["same"]), (3, 3, 3, True))
        self.assertEqual(b.rows(), before)
        self.assertEqual(a.rows(), before)
        self.assertTrue(any(event["kind"] == "damaged" for event in b.ask("events")["events"]))

    def until_connected(self, device, *peers):
        ids = {peer.id for peer in peers}
        until(lambda: ids == {peer["device"] for peer in device.status()["peers"] if peer["connected"]}, "it is connected")

    def test_running(self):
        """a device that another process runs is compared by that process"""
        a, b = self.pair_with_rows(100)
        b.start(a)
        self.until_connected(b, a)
        done = b.command("verify", "--peer", f"127.0.0.1:{a.port}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("the same", done.stdout)
        status, found = self.verify(b, a)
        self.assertEqual((status, found["peer"], found["rows"], found["rounds"], found["same"], found["left"]),
                         (0, a.id, 0, 1, True, []))
        self.assertEqual((found["damaged"], found["mended"]), (0, 0))
        self.assertLess(found["sent"]["bytes"] + found["received"]["bytes"], 1024)
        self.assertGreater(found["received"]["bytes"], 50)
        until(lambda: any(event["kind"] == "verified" for event in b.ask("events")["events"]), "it is among the events")

    def test_running_with_another(self):
        """beside a running device the proof is with who answers at the address, or refused"""
        a, b = self.pair_with_rows(100)
        c = self.device("c")
        c.trust(b)
        b.trust(c)
        c.start()
        b.start(a)
        self.until_connected(b, a)
        port = c.port
        done = b.command("verify", "--peer", f"127.0.0.1:{port}")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(f"not connected to device {c.id[:8]}", done.stderr)
        self.assertEqual(done.stdout, "")
        b.stop()
        b.start(a, c)
        self.until_connected(b, a, c)
        self.until_equal(a, b, c)
        for peer in (c, a, c):
            done = b.command("verify", "--peer", f"127.0.0.1:{peer.port}", "--json")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(json.loads(done.stdout)["peer"], peer.id)
        # Who was asked for its name has not lost the session that it has.
        self.assertTrue(all(peer["connected"] for peer in b.status()["peers"]))
        self.assertNotIn("refused", c.log.read_text() + a.log.read_text())
        c.stop()
        done = b.command("verify", "--peer", f"127.0.0.1:{port}")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(f"which device answers at 127.0.0.1:{port} is not known", done.stderr)

    def test_written_to(self):
        """devices that apps write to all the time prove that they hold the same, and lost rows come back meanwhile"""
        a, b = self.pair_with_rows(5000)
        self.lose(b, "id IN ('n000007', 'n004999')")
        b.start(a)
        self.until_connected(b, a)
        is_over = threading.Event()

        def keep_writing(device, step):
            app = sqlite3.connect(device.path, timeout=30, isolation_level=None)
            number = 0
            while not is_over.is_set():
                number += 1
                app.execute("UPDATE notes SET title = ? WHERE id = ?", (f"{number}", f"n{1000 + number * step % 3000:06}"))
                time.sleep(0.002)
            app.close()

        writers = [threading.Thread(target=keep_writing, args=pair) for pair in ((a, 7), (b, 11))]
        for writer in writers:
            writer.start()
        try:
            status, found = self.verify(b, a)
            self.assertEqual((status, found["rows"], found["same"]), (3, 2, True))
            status, found = self.verify(b, a)
            self.assertEqual((status, found["rows"], found["same"]), (0, 0, True))
        finally:
            is_over.set()
            for writer in writers:
                writer.join()
        self.until_equal(a, b)

    def test_stopped(self):
        """a proof that is told to stop says that, and not that its time was over"""
        a, b = self.pair_with_rows(1)
        a.stop()
        process = subprocess.Popen([BINARY, "verify", str(b.path), "--peer", f"127.0.0.1:{a.port}"],
                                   stderr=subprocess.PIPE, text=True)
        until(lambda: b.status()["process"] == process.pid, "it has begun")
        time.sleep(0.5)  # It is past opening then.
        process.send_signal(signal.SIGTERM)
        told = process.communicate(timeout=30)[1]
        self.assertEqual(process.returncode, 1)
        self.assertIn("stopped before", told)
        self.assertNotIn("within", told)

    def test_stopped_beside_a_running_device(self):
        """who waits for the answer of the process that runs the device, and is told to stop, says that it goes on"""
        a, b = self.pair_with_rows(1)
        b.start(a)
        self.until_connected(b, a)
        b.process.send_signal(signal.SIGSTOP)  # So it does not answer.
        process = subprocess.Popen([BINARY, "verify", str(b.path), "--peer", f"127.0.0.1:{a.port}"],
                                   stderr=subprocess.PIPE, text=True)
        until(lambda: b.sql("SELECT 1 FROM strandline_requests WHERE command = 'verify'"), "it was asked")
        time.sleep(0.5)  # It waits then.
        process.send_signal(signal.SIGTERM)
        told = process.communicate(timeout=30)[1]
        b.process.send_signal(signal.SIGCONT)
        self.assertEqual(process.returncode, 1)
        self.assertIn(f"process {b.process.pid}", told.replace("\n", " "))
        self.assertIn("goes on", told.replace("\n", " "))

    def test_quarantine(self):
        """where a row waits in quarantine, a proof says so: tables may differ although the same is held"""
        a, b = self.pair()
        for device in (a, b):
            device.sql("CREATE UNIQUE INDEX titles ON notes(title)")
            device.sql(f"INSERT INTO notes VALUES ('{device.name}', 'one', NULL)")
        a.start()
        self.assertEqual(b.once(a), 0)
        done = b.command("verify", "--peer", f"127.0.0.1:{a.port}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("1 row is in quarantine here", done.stderr)

    def test_nobody(self):
        """where nobody answers within the time, nothing is claimed"""
        a, b = self.pair_with_rows(1)
        a.stop()
        done = b.command("verify", "--peer", f"127.0.0.1:{a.port}", "--timeout", "1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("nothing was compared", done.stderr)


if __name__ == "__main__":
    devices.main()
