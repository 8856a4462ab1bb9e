#!/usr/bin/env python3
"""An empty device takes over a table that others have: what travels, and what people see of it."""
import os
import pty
import re
import subprocess
import time

import devices
from devices import until


def fill(device, rows):
    device.write_many("INSERT INTO notes VALUES (?, ?, ?)",
                      [(f"note {i:06}", f"title {i}", "Buy milk, bread and eggs, then call home. " * 3) for i in range(rows)])


class Compression(devices.Case):
    def received_bytes(self, name, options):
        a, b = self.device(f"{name}-a"), self.device(f"{name}-b")
        a.trust(b)
        b.trust(a)
        fill(a, 2000)
        a.start()
        self.assertEqual(b.once(a, options=options), 0)
        self.assertEqual(a.rows(), b.rows())
        return b.status()["received"]["bytes"]

    def test_compression(self):
        """rows travel compressed, and with --no-compression on one side as they are"""
        compressed = self.received_bytes("packed", ())
        plain = self.received_bytes("plain", ("--no-compression",))
        self.assertLess(compressed * 3, plain)


class Limits(devices.Case):
    def test_rows_per_second(self):
        """a backfill is no faster than --max-rows-per-second says, and what is written meanwhile arrives all the same"""
        a, b = self.pair()
        fill(a, 6000)
        a.start()
        began = time.monotonic()
        b.start(a, options=("--max-rows-per-second", "2000"))
        until(lambda: b.count() > 0, "the first rows are on b")
        b.sql("INSERT INTO notes VALUES ('mine', 'written on b', NULL)")
        a.sql("INSERT INTO notes VALUES ('yours', 'written on a', NULL)")
        self.until_equal(a, b)
        self.assertEqual(a.count(), 6002)
        self.assertGreater(time.monotonic() - began, 2.7)

    def test_bytes_per_second(self):
        """or than --max-bytes-per-second"""
        a, b = self.pair()
        fill(a, 6000)
        a.start()
        began = time.monotonic()
        self.assertEqual(b.once(a, options=("--max-bytes-per-second", "500000")), 0)
        self.assertGreater(time.monotonic() - began, 1.0)
        self.assertEqual(a.rows(), b.rows())

    def test_bad_limits(self):
        """a limit that is none is refused"""
        a = self.device("a")
        for option in ("--max-rows-per-second", "--max-bytes-per-second"):
            for limit in ("0", "-5", "fast", "1e3"):
                self.assert_refused(a.command("run", option, limit), option)


class Progress(devices.Case):
    ROWS = 15000
    SLOWLY = ("--max-rows-per-second", "3000")

    def fill_a(self):
        a, b = self.pair()
        fill(a, self.ROWS)
        a.start()
        return a, b

    def test_status(self):
        """status says how far a backfill is, how fast, and how long it will take; it never goes back"""
        a, b = self.fill_a()
        b.start(a, options=self.SLOWLY)
        seen = []
        while b.count() < self.ROWS:
            backfill = b.status()["backfill"]
            if backfill:
                seen.append(backfill)
                self.assertTrue(all(len(line) <= 100 for line in b.tell("status").splitlines()), b.tell("status"))
            time.sleep(0.2)
        self.assertGreater(len(seen), 3)
        for key in ("percent", "rows_done", "bytes_done"):
            values = [backfill[key] for backfill in seen]
            self.assertEqual(values, sorted(values), key)
            self.assertGreater(values[-1], values[0], key)
        late = seen[-1]
        self.assertLessEqual(late["percent"], 99)
        self.assertLess(abs(late["rows_per_second"] - 3000), 1500)
        self.assertGreater(late["bytes_per_second"], 100 * late["rows_per_second"])
        self.assertLessEqual(late["seconds_left"], 5)
        self.assertGreaterEqual(late["bytes_total"], late["bytes_done"])
        self.until_equal(a, b)
        until(lambda: b.status()["backfill"] is None, "no backfill is under way any more")

    def test_lines(self):
        """where run's log is no terminal, a line every few seconds says so; its events say when the whole is there"""
        a, b = self.fill_a()
        b.start(a, options=("--max-rows-per-second", "2000"))
        self.until_equal(a, b)
        until(lambda: "cut complete" in b.log.read_text(), "the cut is complete")
        log = b.log.read_text()
        self.assertRegex(log, r"backfilling, +\d+ %  [\d,]+ of 15,000 rows  [\d,]+ rows/s, .*/s, 0:0\d to go, now notes")
        self.assertLess(log.index("backfill done, 15000 rows"), log.index("cut complete"))
        self.assertNotIn("\r", log)
        self.assertLess(log.count("backfilling, "), 6)
        kinds = [event["kind"] for event in b.ask("events")["events"]]
        self.assertEqual(kinds.count("cut_complete"), 1)
        self.assertNotIn("backfill_progress", kinds)

    def test_bar(self):
        """on a terminal run shows a bar, which ends at 100 %"""
        a, b = self.fill_a()
        master, terminal = pty.openpty()
        process = subprocess.Popen([devices.BINARY, "run", b.path, "--peer", f"127.0.0.1:{a.port}", *self.SLOWLY],
                                   stdout=subprocess.PIPE, stderr=terminal)
        os.close(terminal)
        shown = b""
        while b"cut complete" not in shown:
            shown += os.read(master, 4096)
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()
        os.close(master)
        bars = re.findall(r"\r([█░]{20}) +(\d+) %", shown.decode())
        self.assertGreater(len(bars), 3, shown)
        percents = [int(percent) for _, percent in bars]
        self.assertEqual(percents, sorted(percents))
        self.assertEqual(bars[-1], ("█" * 20, "100"))
        self.assertLess(shown.decode().rindex("100 %"), shown.decode().index("backfill done"))


if __name__ == "__main__":
    devices.main()
