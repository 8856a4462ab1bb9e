#!/usr/bin/env python3
"""More than two devices, and who may do what."""
import sqlite3

import devices
from devices import until

POSITIONS = "CREATE TABLE positions(id TEXT PRIMARY KEY, x REAL, y REAL)"


class Relay(devices.Case):
    def test_line(self):
        """a third device gets and gives everything through the one in the middle alone"""
        a, b, c = (self.device(name) for name in "abc")
        a.trust(b)
        b.trust(a, c)
        c.trust(b)
        a.write_many("INSERT INTO notes VALUES (?, 'from a', NULL)", [(f"a{i}",) for i in range(300)])
        a.start()
        b.start(a)
        c.start(b)
        self.until_equal(a, b, c)
        c.sql("UPDATE notes SET body = 'from c' WHERE id = 'a7'")
        a.sql("DELETE FROM notes WHERE id = 'a8'")
        until(lambda: a.sql("SELECT body FROM notes WHERE id = 'a7'") == [("from c",)], "c's edit is on a")
        self.until_equal(a, b, c)
        self.assertEqual([peer["name"] for peer in c.status()["peers"]], ["b"])
        self.assertEqual(a.count(), 299)
        self.assert_diff_equal(a, c)

    def test_members(self):
        """a device lists itself and those that it lets in, and what it knows of them"""
        a, b, c = (self.device(name) for name in "abc")
        self.assertEqual([member["name"] for member in a.ask("members")["members"]], ["a"])
        self.assertIn("Nobody else", a.tell("members"))
        a.trust(b, c)
        b.trust(a)
        a.start()
        b.start(a)
        self.until_equal(a, b)

        def standing(name):
            return next(member for member in a.ask("members")["members"] if member["name"] == name)

        until(lambda: standing("b")["connected"], "a knows that b is connected")
        self.assertEqual(standing("a"), {"device": a.id, "name": "a", "is_self": True})
        self.assertEqual(standing("c"), {"device": c.id, "name": "c", "is_self": False, "is_let_in": True,
                                         "connected": False, "heard": False, "parked": False})
        self.assertIn("never heard from", a.tell("members"))
        b.stop()
        until(lambda: not standing("b")["connected"], "a knows that b is gone")
        self.assertTrue(standing("b")["heard"])

    def test_names(self):
        """a name is one line of at most 255 bytes, whoever gives it, and is refused beside a running device too"""
        a, b = self.pair()
        for name in ("x" * 256, "two\nlines", "\x1b[2J"):
            self.assert_refused(a.command("trust", b.id, "--name", name), "at most 255 bytes", status=(2,))
        a.start()
        self.assert_refused(a.command("trust", b.id, "--name", "x" * 256), "at most 255 bytes", status=(2,))
        self.assertEqual(a.status()["peers"][0]["name"], "b")
        a.tell("trust", b.id, "--name", "x" * 255)

    def test_park_itself(self):
        """a device that is asked not to wait for itself says that it is this one, and a stranger is said to be one"""
        a = self.device("a")
        self.assert_refused(a.command("members", "--park", a.id), "this device itself", status=(2,))
        self.assert_refused(a.command("members", "--park", "7" * 64), "never heard of", status=(2,))

    def test_origin_gone(self):
        """what a device wrote reaches a third one after it is gone for ever"""
        a, b, c = (self.device(name) for name in "abc")
        a.trust(b)
        b.trust(a, c)
        c.trust(b)
        a.write_many("INSERT INTO notes VALUES (?, 'from a', NULL)", [(f"a{i}",) for i in range(100)])
        a.start()
        self.assertEqual(b.once(a), 0)
        a.kill()
        b.start()
        self.assertEqual(c.once(b), 0)
        self.until_equal(a, b, c)
        self.assertEqual(c.received_rows(), 100)

    def test_mesh(self):
        """in a full mesh each row crosses each device's door once"""
        a, b, c = (self.device(name) for name in "abc")
        a.trust(b, c)
        b.trust(a, c)
        c.trust(a, b)
        a.start()
        b.start(a)
        c.start(a, b)
        until(lambda: sum(peer["connected"] for device in (a, b, c) for peer in device.status()["peers"]) == 6,
              "everybody sees everybody")
        for i in range(12):
            (a, b, c)[i % 3].sql("INSERT INTO notes VALUES (?, 'live', NULL)", f"n{i}")
            self.until_equal(a, b, c)
            # Until it is known who holds a row, whoever writes the next one brings it along.
            until(lambda: all(peer["behind"] == 0 for device in (a, b, c) for peer in device.status()["peers"]),
                  "everybody knows what everybody holds")
        self.assertEqual([device.count() for device in (a, b, c)], [12, 12, 12])
        # Four rows are its own, and eight come from others; it would be sixteen if everybody pushed them.
        for device in (a, b, c):
            self.assertLess(device.received_rows(), 12, device.name)


class Strangers(devices.Case):
    def test_untrusted(self):
        """a device that is not let in gets nothing and gives nothing, until it is let in"""
        a, b = self.device("a"), self.device("b")
        a.sql("INSERT INTO notes VALUES ('secret', 'a', NULL)")
        b.sql("INSERT INTO notes VALUES ('b', 'b', NULL)")
        b.trust(a)
        a.start()
        self.assertEqual(b.once(a, seconds=1.5), 3)
        self.assertEqual((a.count(), b.count()), (1, 1))
        self.assertEqual((a.status()["sent"]["rows"], a.received_rows(), b.received_rows()), (0, 0, 0))
        a.trust(b)
        self.assertEqual(b.once(a), 0)
        self.until_equal(a, b)

    def test_wrong_device(self):
        """a device that trusts somebody else does not talk to the one that answers"""
        a, b, c = (self.device(name) for name in "abc")
        b.trust(c)
        a.trust(b)
        a.sql("INSERT INTO notes VALUES ('secret', 'a', NULL)")
        a.start()
        self.assertEqual(b.once(a, seconds=1.5), 3)
        self.assertEqual(b.count(), 0)


class DeviceOwned(devices.Case):
    def test_refused_at_the_writer(self):
        """a row of a device-owned table can be changed by the device that inserted it, and by no other"""
        a, b = self.running_pair(schema=POSITIONS, track=(), device_owned=("positions",))
        a.sql("INSERT INTO positions VALUES ('a', 1, 1)")
        b.sql("INSERT INTO positions VALUES ('b', 2, 2)")
        self.until_equal(a, b, table="positions")
        self.assertEqual(a.count("positions"), 2)
        for statement in ("UPDATE positions SET x = 9 WHERE id = 'a'", "DELETE FROM positions WHERE id = 'a'",
                          "INSERT OR REPLACE INTO positions VALUES ('a', 9, 9)"):
            with self.assertRaises(sqlite3.DatabaseError, msg=statement) as refused:
                b.sql(statement)
            self.assertIn("device", str(refused.exception))
        a.sql("UPDATE positions SET x = 5 WHERE id = 'a'")
        b.sql("UPDATE positions SET x = 6 WHERE id = 'b'")
        until(lambda: b.sql("SELECT x FROM positions WHERE id = 'a'") == [(5.0,)], "a's own change is on b")
        self.until_equal(a, b, table="positions")
        a.sql("DELETE FROM positions WHERE id = 'a'")
        until(lambda: b.count("positions") == 1, "a's own delete is on b")

    def test_written_behind_its_back(self):
        """a change made where no trigger stood is refused by the receiver, and told"""
        a, b = self.running_pair(schema=POSITIONS, track=(), device_owned=("positions",))
        a.sql("INSERT INTO positions VALUES ('a', 1, 1)")
        self.until_equal(a, b, table="positions")
        b.stop()
        for (name,) in b.sql("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'positions'"):
            b.sql(f'DROP TRIGGER "{name}"')
        b.sql("UPDATE positions SET x = 9 WHERE id = 'a'")
        b.sql("INSERT INTO positions VALUES ('b', 2, 2)")
        b.start(a)
        until(lambda: a.count("positions") == 2, "b's own row is on a")
        self.assertEqual(a.sql("SELECT x FROM positions WHERE id = 'a'"), [(1.0,)])


if __name__ == "__main__":
    devices.main()
