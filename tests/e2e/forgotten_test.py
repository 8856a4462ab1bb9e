#!/usr/bin/env python3
"""Deletions that everybody has acknowledged are forgotten, and who missed them brings nothing back: real processes."""
import devices
from devices import until


class Forgotten(devices.Case):
    def remembered(self, device):
        """Deletions, and rows inserted after one."""
        return device.sql("SELECT count(*) FROM strandline_stamps WHERE slot = 1")[0][0]

    def ids(self, device):
        return [row[0] for row in device.sql("SELECT id FROM notes ORDER BY id")]

    def test_forgotten(self):
        """deletions leave nothing behind once both devices know of them, and the rows stay deleted"""
        a, b = self.running_pair()
        a.write_many("INSERT INTO notes VALUES (?, 'x', 'y')", [(f"{n}",) for n in range(2000)])
        self.until_equal(a, b)
        b.sql("DELETE FROM notes WHERE id <> '7'")
        self.until_equal(a, b)
        until(lambda: self.remembered(a) + self.remembered(b) < 1999 + 1999, "somebody begins to forget")
        a.sql("INSERT INTO notes VALUES ('later', 'x', 'y')")
        b.sql("INSERT INTO notes VALUES ('last', 'x', 'y')")
        until(lambda: self.remembered(a) == 0 and self.remembered(b) == 0, "both have forgotten")
        self.until_equal(a, b)
        self.assertEqual(self.ids(a), ["7", "last", "later"])
        a.sql("INSERT INTO notes VALUES ('8', 'again', 'y')")
        self.until_equal(a, b)
        self.assert_diff_equal(a, b)

    def test_waited_for(self):
        """while a device is away deletions are remembered, and it learns of them when it returns"""
        a, b = self.running_pair()
        a.sql("INSERT INTO notes VALUES ('kept', 'x', 'y'), ('gone', 'x', 'y')")
        self.until_equal(a, b)
        b.stop()
        a.sql("DELETE FROM notes WHERE id = 'gone'")
        b.sql("INSERT INTO notes VALUES ('own', 'x', 'y')")
        b.sql("UPDATE notes SET body = 'unheard' WHERE id = 'gone'")
        until(lambda: self.remembered(a) == 1, "the deletion is taken up")
        a.stop()
        self.assertEqual(self.remembered(a), 1)
        a.start()
        b.start(a)
        self.until_equal(a, b)
        self.assertEqual(self.ids(a), ["kept", "own"])

    def test_away_for_long(self):
        """a device restored from before deletions that are forgotten returns: no row comes back, and its own writes survive"""
        a, b = self.running_pair()
        a.sql("INSERT INTO notes VALUES ('kept', 'x', 'y'), ('gone', 'x', 'y'), ('edited', 'x', 'y')")
        self.until_equal(a, b)
        kept = self.folder / "kept.db"
        b.tell("snapshot", kept)
        a.sql("DELETE FROM notes WHERE id IN ('gone', 'edited')")
        self.until_equal(a, b)
        until(lambda: self.remembered(a) == 0, "it is forgotten")
        b.stop()
        b.app.close()
        b.tell("restore", kept)
        b.app = b.connect()
        self.assertEqual(self.ids(b), ["edited", "gone", "kept"])
        b.sql("INSERT INTO notes VALUES ('own', 'x', 'y')")
        b.sql("UPDATE notes SET body = 'unheard' WHERE id = 'edited'")
        b.sql("UPDATE notes SET body = 'heard' WHERE id = 'kept'")
        b.start(a)
        self.until_equal(a, b)
        self.assertEqual(a.sql("SELECT id, body FROM notes ORDER BY id"), [("kept", "heard"), ("own", "y")])
        self.assertIn("written_again", [event["kind"] for event in b.ask("events")["events"]])
        self.assert_diff_equal(a, b)

    def test_parked(self):
        """nobody waits for a parked device; when it returns no row comes back, its own writes survive, and all is proved equal"""
        a, b = self.running_pair()
        ids = [(f"{n:04}",) for n in range(500)]
        a.write_many("INSERT INTO notes VALUES (?, 'x', 'y')", ids)
        self.until_equal(a, b)
        b.stop()
        a.sql("DELETE FROM notes WHERE id >= '0100'")
        b.sql("INSERT INTO notes VALUES ('own', 'x', 'y')")
        b.sql("UPDATE notes SET body = 'kept' WHERE id = '0007'")
        until(lambda: self.remembered(a) == 400, "the deletions are taken up")
        a.tell("members", "--park", b.id)
        self.assertIn("not waited for", a.tell("members"))
        self.assertEqual([member["parked"] for member in a.ask("members")["members"][1:]], [True])
        until(lambda: self.remembered(a) == 0, "they are forgotten")
        b.start(a)
        self.until_equal(a, b)
        self.assertEqual(self.ids(a), [id for (id,) in ids[:100]] + ["own"])
        self.assertEqual(a.sql("SELECT body FROM notes WHERE id = '0007'"), [("kept",)])
        b.stop()
        b.tell("verify", "--peer", f"127.0.0.1:{a.port}")
        self.assert_diff_equal(a, b)
        a.tell("members", "--unpark", b.id)
        self.assertNotIn("not waited for", a.tell("members"))


if __name__ == "__main__":
    devices.main()
