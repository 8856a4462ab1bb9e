#!/usr/bin/env python3
"""Databases that are put back from a copy, or copied beside their original: the files of the real command, copied as
`cp -p` does."""
import copy
import pathlib
import subprocess

import devices


class Restored(devices.Case):
    def keep(self, device, folder):
        """Database, key file and whatever else lies beside them, with their times."""
        folder.mkdir(exist_ok=True)
        files = sorted(device.path.parent.glob(device.path.name + "*"))
        subprocess.run(["cp", "-p", *map(str, files), str(folder)], check=True)

    def restore(self, device, folder, in_place=False):
        device.app.close()
        for file in device.path.parent.glob(device.path.name + "*"):
            if not in_place or not (folder / file.name).exists():
                file.unlink()
        subprocess.run(["cp", "-p", *map(str, sorted(folder.iterdir())), str(device.path.parent)], check=True)
        device.app = device.connect()

    def incarnations(self, device):
        """What the device has told of new ones."""
        return [event["text"] for event in device.ask("events")["events"] if event["kind"] == "incarnation"]

    def restore_with_key(self, in_place):
        """b is copied, writes 'lost' and deletes 'gone' and tells a, is put back from the copy, and writes 'after'."""
        a, b = self.pair()
        a.start()
        b.sql("INSERT INTO notes VALUES ('base', 'x', 'y'), ('gone', 'x', 'y')")
        self.assertEqual(b.once(a), 0)
        self.keep(b, self.folder / "kept")
        b.sql("INSERT INTO notes VALUES ('lost', 'x', 'y')")
        b.sql("DELETE FROM notes WHERE id = 'gone'")
        self.assertEqual(b.once(a), 0)
        self.assertEqual(self.incarnations(b), [])
        self.restore(b, self.folder / "kept", in_place)
        b.sql("INSERT INTO notes VALUES ('after', 'x', 'y')")
        self.assertEqual(b.once(a), 0)
        self.until_equal(a, b)
        self.assertEqual([row[0] for row in b.sql("SELECT id FROM notes ORDER BY id")], ["after", "base", "lost"])
        self.assert_diff_equal(a, b)
        told = self.incarnations(b)
        self.assertEqual(len(told), 1)
        self.assertIn("restored from a copy, or copied", told[0])
        # It was one restore: the openings after it are as any others.
        self.assertEqual(b.once(a), 0)
        self.assertEqual(self.incarnations(b), told)

    def test_restored_with_key(self):
        """a database restored with its key file gets back what it lost, though it writes before it meets a peer"""
        self.restore_with_key(in_place=False)

    def test_restored_in_place(self):
        """the same, when the copy is written over the files that are there"""
        self.restore_with_key(in_place=True)

    def test_restored_alone(self):
        """a database alone, restored over itself from a copy made while it ran, gets back what it lost"""
        a, b = self.running_pair()
        b.sql("INSERT INTO notes VALUES ('base', 'x', 'y')")
        self.until_equal(a, b)
        subprocess.run(["sqlite3", str(b.path), f".backup {self.folder / 'backup'}"], check=True)
        b.sql("INSERT INTO notes VALUES ('lost', 'x', 'y')")
        self.until_equal(a, b)
        b.stop()
        b.app.close()
        subprocess.run(["cp", str(self.folder / "backup"), str(b.path)], check=True)
        b.app = b.connect()
        b.sql("INSERT INTO notes VALUES ('after', 'x', 'y')")
        b.start(a)
        self.until_equal(a, b)
        self.assertEqual(a.count(), 3)
        self.assertEqual(len(self.incarnations(b)), 1)

    def twin_of(self, device):
        """A copy of a device's files, key file too, as `cp -p` makes it."""
        folder = self.folder / "twin"
        self.keep(device, folder)
        twin = copy.copy(device)
        twin.name, twin.path, twin.log = "twin", folder / device.path.name, folder / "log"
        twin.app = twin.connect()
        self.devices.append(twin)
        return twin

    def test_two_alive(self):
        """a copy and its original run side by side, and through a third device both get all writes"""
        a, b = self.pair()
        a.sql("INSERT INTO notes VALUES ('base', 'x', 'y')")
        b.start()
        self.assertEqual(a.once(b), 0)
        twin = self.twin_of(a)
        a.start(b)
        twin.start(b)
        for number in range(5):
            for device in (a, twin, b):
                device.sql("INSERT INTO notes VALUES (?, 'x', ?)", f"{number} of {device.name}", device.name)
                device.sql("UPDATE notes SET body = ? WHERE id = 'base'", f"{number} of {device.name}")
        self.until_equal(a, b, twin)
        self.assertEqual(b.count(), 16)
        self.assertEqual(len(self.incarnations(twin)), 1)
        self.assertEqual(self.incarnations(a), [])

    def test_twins(self):
        """a copy and its original, connected with each other alone, get each other's writes"""
        a = self.device("a")
        a.sql("INSERT INTO notes VALUES ('base', 'x', 'y')")
        twin = self.twin_of(a)
        a.start()
        twin.start(a)
        for number in range(5):
            for device in (a, twin):
                device.sql("INSERT INTO notes VALUES (?, 'x', ?)", f"{number} of {device.name}", device.name)
        self.until_equal(a, twin)
        self.assertEqual(a.count(), 11)
        a.stop()
        a.start(twin)  # Each dials the other now.
        for device in (a, twin):
            device.sql("INSERT INTO notes VALUES (?, 'x', 'y')", f"last of {device.name}")
        self.until_equal(a, twin)
        self.assertEqual(a.count(), 13)

    def test_touched(self):
        """a key file whose mode was set costs a new incarnation, and nothing else"""
        a, b = self.running_pair()
        a.sql("INSERT INTO notes VALUES ('base', 'x', 'y')")
        self.until_equal(a, b)
        a.stop()
        pathlib.Path(f"{a.path}.key").chmod(0o600)
        a.start()
        a.sql("INSERT INTO notes VALUES ('after', 'x', 'y')")
        self.assertEqual(b.end()[0], 0)
        self.assertEqual(b.once(a), 0)
        self.until_equal(a, b)
        self.assertEqual(len(self.incarnations(a)), 1)

    def test_killed(self):
        """a process that is killed goes on as the same origin"""
        a, b = self.running_pair()
        for number in range(3):
            a.sql("INSERT INTO notes VALUES (?, 'x', 'y')", f"{number}")
            self.until_equal(a, b)
            a.kill()
            a.start()
        self.assertEqual(self.incarnations(a), [])


if __name__ == "__main__":
    devices.main()
