#!/usr/bin/env python3
"""Processes that end at the worst moment, and what travels again afterwards: nothing that was durable."""
import os
import signal
import sqlite3

import devices
from devices import until

ROWS = int(os.environ.get("STRANDLINE_ROWS", "100000"))
BODY = "a body of some forty bytes, as notes have"


class Backfill(devices.Case):
    def setUp(self):
        super().setUp()
        self.a, self.b = self.pair()
        self.a.write_many("INSERT INTO notes VALUES (?, 'title', ?)", ((f"n{i:08}", BODY) for i in range(ROWS)))
        self.a.start()

    def run_b_until(self, share):
        self.b.start(self.a)
        until(lambda: self.b.count() >= share * ROWS, f"{share:.0%} of the rows are on b")

    def finish(self):
        if self.b.process is None:
            self.b.start(self.a)
        until(lambda: self.b.count() == ROWS, "all rows are on b")
        until(lambda: self.b.status()["state"] == "ready", "b is ready")
        self.assert_diff_equal(self.a, self.b)

    def assert_database_sound(self, device):
        connection = sqlite3.connect(device.path)
        self.assertEqual(connection.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
        connection.close()

    def test_receiver_killed(self):
        """E2: a receiver killed at 40 % of its rows (100,000) goes on from its checkpoint"""
        self.run_b_until(0.4)
        self.b.kill()
        held = self.b.count()
        self.assertLess(held, ROWS, "the backfill was over before the kill; it shows nothing")
        told = self.b.status()["backfill"]
        self.assertEqual((told["rows_per_second"], told["bytes_per_second"], told["seconds_left"]), (0, 0, None))
        self.assert_database_sound(self.b)
        self.assertEqual(self.b.received_rows(), held)
        self.assertGreater(len(self.b.ask("watermarks")["resources"][0]["ranges"]), 1)
        until(lambda: not self.a.status()["peers"][0]["connected"], "a has noticed")
        sent_before = self.a.status()["sent"]["rows"]
        self.finish()
        self.assertEqual(self.b.received_rows(), ROWS)
        self.assertLessEqual(self.a.status()["sent"]["rows"] - sent_before, ROWS - held)

    def test_receiver_killed_often(self):
        """a receiver killed again and again gets every row, and none that it held twice"""
        for share in (0.1, 0.25, 0.45, 0.6, 0.8):
            self.run_b_until(share)
            self.b.kill()
        self.finish()
        self.assertEqual(self.b.received_rows(), ROWS)

    def test_sender_killed(self):
        """a sender killed on the way goes on where the receiver is when it is back"""
        self.run_b_until(0.4)
        self.a.kill()
        self.assert_database_sound(self.a)
        until(lambda: not self.b.status()["peers"][0]["connected"], "b has noticed")
        self.assertLess(self.b.count(), ROWS, "the backfill was over before the kill; it shows nothing")
        self.a.start()
        self.finish()
        self.assertEqual(self.b.received_rows(), ROWS)

    def test_progress(self):
        """progress is honest: it only grows, and ends at exactly 100 %"""
        self.b.start(self.a)
        seen = []

        def look():
            status = self.b.status()
            if status["backfill"]:
                seen.append((status["backfill"]["rows_done"], status["backfill"]["rows_total"]))
            return status["state"] == "ready" and self.b.count() == ROWS

        until(look, "b is ready")
        self.assertTrue(seen, "no progress was seen")
        self.assertEqual(seen, sorted(seen))
        self.assertEqual({total for _, total in seen}, {ROWS})
        self.assertTrue(all(0 <= done <= total for done, total in seen))
        self.assertIsNone(self.b.status()["backfill"])

    def test_written_during_backfill(self):
        """what both write while a backfill is under way is neither lost nor undone"""
        self.run_b_until(0.2)
        for i in range(0, ROWS, ROWS // 50):
            self.a.sql("UPDATE notes SET title = 'a, live' WHERE id = ?", f"n{i:08}")
            self.b.sql("INSERT INTO notes VALUES (?, 'b, live', NULL)", f"live {i}")
        self.a.sql("DELETE FROM notes WHERE id = ?", f"n{ROWS - 1:08}")
        until(lambda: self.b.sql("SELECT count(*) FROM notes WHERE title = 'a, live'") == [(50,)] and
              self.a.sql("SELECT count(*) FROM notes WHERE title = 'b, live'") == [(50,)], "live changes are on both")
        until(lambda: (self.a.count(), self.b.count()) == (ROWS + 49, ROWS + 49), "all rows are on both")
        self.assert_diff_equal(self.a, self.b)


class Ending(devices.Case):
    def test_stop(self):
        """SIGTERM and SIGINT end a run within two seconds, with exit status 0, in the middle of work too"""
        a, b = self.pair()
        a.write_many("INSERT INTO notes VALUES (?, 'title', ?)", ((f"n{i:08}", BODY) for i in range(ROWS // 2)))
        a.start()
        b.start(a)
        until(lambda: b.count() > 0, "rows arrive")
        for device, how in ((b, signal.SIGTERM), (a, signal.SIGINT)):
            status, seconds = device.end(how)
            self.assertEqual(status, 0, device.log.read_text())
            self.assertLess(seconds, 2)
        a.start()
        self.assertEqual(b.once(a), 0)
        self.assertEqual(b.received_rows(), ROWS // 2)

    def test_stop_amid_backlog(self):
        """a signal ends a device that is taking in what was written while it did not run, and what it took in stays"""
        a = self.device("a")
        a.write_many("INSERT INTO notes VALUES (?, 'title', ?)", ((f"n{i:08}", BODY) for i in range(4 * ROWS)))
        waiting = lambda: a.sql("SELECT count(*) FROM strandline_journal")[0][0]
        for how in (signal.SIGINT, signal.SIGTERM):
            before = waiting()
            a.start(listen=False)
            until(lambda: waiting() < before, "it takes in what was written")
            self.assertEqual(a.end(how)[0], 0)
            self.assertGreater(waiting(), 0)
        a.start()
        self.assertEqual(waiting(), 0)
        a.stop()

    def test_killed_while_writing(self):
        """no committed write is lost when the engine is killed while the app writes"""
        a, b = self.running_pair()
        for i in range(200):
            a.sql("INSERT INTO notes VALUES (?, 'w', NULL)", f"n{i}")
            if i % 50 == 25:
                a.kill()
                a.start()
        until(lambda: b.count() == 200, "every write is on b")
        self.assert_diff_equal(a, b)

    def test_counters(self):
        """counters go on after a kill"""
        a, b = self.running_pair()
        a.sql("INSERT INTO notes VALUES ('x', 'one', NULL)")
        self.until_equal(a, b)
        until(lambda: b.received_rows() == 1, "the row is counted")
        b.kill()
        self.assertEqual(b.received_rows(), 1)
        b.start(a)
        a.sql("INSERT INTO notes VALUES ('y', 'two', NULL)")
        self.until_equal(a, b)
        until(lambda: b.received_rows() == 2, "the second row is counted on top")


if __name__ == "__main__":
    devices.main()
