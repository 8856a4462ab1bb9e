"""Values that are larger than a page: both processes stay small, whatever is killed on the way, and nothing that arrived
travels again."""
import mmap
import os
import pathlib
import tempfile
import unittest

from devices import PATIENCE_SECONDS, Device, until

MIB = 1024 * 1024
FILES = "CREATE TABLE files(id TEXT PRIMARY KEY, body BLOB, note TEXT)"
# What a sanitizer adds to a process says nothing of the process.
IS_SANITIZED = PATIENCE_SECONDS > 60


def resident_mib(pid, what="VmHWM"):
    """The most that the process ever had; VmRSS: what it has."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"no {what}")


def zeros_mib(mib):
    """What so many MiB take that are read and never written to: nothing, but where a kernel has no shared page of zeros."""
    before = resident_mib("self", "VmRSS")
    with mmap.mmap(-1, mib * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ) as zeros:
        for page in range(0, mib * MIB, mmap.PAGESIZE):
            zeros[page]
        return resident_mib("self", "VmRSS") - before


class LargeValues(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="strandline-e2e-")
        self.addCleanup(folder.cleanup)
        self.a, self.b = (Device(pathlib.Path(folder.name), name, FILES, track=("files",)) for name in "ab")
        self.addCleanup(self.stop)
        self.a.trust(self.b)
        self.b.trust(self.a)

    def stop(self):
        for device in (self.a, self.b):
            if device.process:
                device.kill()

    def is_same(self):
        return self.a.rows("files") == self.b.rows("files")

    def test_both_processes_stay_small(self):
        self.a.start()
        self.b.start(self.a)
        self.a.sql("INSERT INTO files VALUES ('blob', ?, 'one')", os.urandom(64 * MIB))
        self.a.sql("INSERT INTO files VALUES ('text', ?, 'two')", os.urandom(20 * MIB).hex())
        until(lambda: self.b.count("files") == 2, "both rows")
        self.assertTrue(self.is_same())
        if not IS_SANITIZED:
            self.assertLess(resident_mib(self.a.process.pid), 96)
            # The value's place is written first, as zeros, which SQLite copies.
            self.assertLess(resident_mib(self.b.process.pid), 96 + zeros_mib(64))

    def test_a_kill_costs_no_more_than_what_was_on_its_way(self):
        self.a.sql("INSERT INTO files VALUES ('blob', ?, 'one')", os.urandom(24 * MIB))
        self.a.start()
        staged = "SELECT coalesce(sum(length(bytes)), 0) FROM strandline_parts"
        self.b.start(self.a)
        held = until(lambda: self.b.sql(staged)[0][0], "the first part")
        self.b.kill()
        held = max(held, self.b.sql(staged)[0][0])
        self.assertEqual(self.b.count("files"), 0)
        before = self.b.status()["received"]["bytes"]
        self.b.start(self.a)
        until(lambda: self.b.count("files") == 1, "the row")
        self.assertTrue(self.is_same())
        left = 24 * MIB - held
        again = until(lambda: self.b.status()["received"]["bytes"] - before >= left and
                      self.b.status()["received"]["bytes"] - before, "the figures of what came")
        # Four parts may have been on their way, and a part of a MiB is what else was said.
        self.assertLess(again, left + 3 * MIB)


if __name__ == "__main__":
    unittest.main()
