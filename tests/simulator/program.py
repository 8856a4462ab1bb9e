#!/usr/bin/env python3
"""strandline-sim as scripts see it: exit status, first line, last line; and twenty seeds that must be clean."""
import os
import re
import subprocess
import tempfile
import unittest

SIM = os.environ["STRANDLINE_SIM"]


def run(*arguments):
    return subprocess.run([SIM, *arguments], capture_output=True, text=True, check=False)


class Program(unittest.TestCase):
    def test_one_seed_says_what_the_contract_promises(self):
        done = run("--seed", "7", "--faults", "none", "--devices", "3", "--minutes", "0.1")
        self.assertEqual(done.returncode, 0, done.stdout)
        lines = done.stdout.splitlines()
        self.assertRegex(lines[0], r"^seed 7 · strandline-sim \d+\.\d+\.\d+ · --devices 3 .*--faults none")
        self.assertRegex(lines[-1], r"^event hash [0-9a-f]{16}$")

    def test_a_log_changes_nothing(self):
        plain = run("--seed", "8", "--devices", "3", "--minutes", "0.1", "--faults", "crash,reset")
        logged = run("--seed", "8", "--devices", "3", "--minutes", "0.1", "--faults", "crash,reset", "--log")
        self.assertEqual(plain.stdout.splitlines()[-1], logged.stdout.splitlines()[-1])
        self.assertTrue(re.search(r"^ +\d+\.\d{6} 0 +\. +\. +says +→ \d  Hello", logged.stdout, re.M), logged.stdout[:2000])

    def test_a_report_is_one_file_and_changes_nothing(self):
        options = ("--seed", "9", "--devices", "3", "--minutes", "0.1", "--faults", "stop,reset")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "run.html")
            done = run(*options, "--report", path)
            self.assertEqual(done.returncode, 0, done.stdout)
            with open(path, encoding="utf-8") as page:
                self.assertIn("<h1>Seed 9</h1>", page.read())
            self.assertEqual(os.listdir(folder), ["run.html"])
        self.assertEqual(done.stdout.splitlines()[-1], run(*options).stdout.splitlines()[-1])

    def test_a_report_that_cannot_be_written_is_told_before_the_run(self):
        for path in ("/nowhere/run.html", "/"):
            done = run("--seed", "9", "--minutes", "0.1", "--report", path)
            self.assertEqual(done.returncode, 2, path)
            self.assertEqual(done.stdout, "")
            self.assertRegex(done.stderr, r"^strandline-sim: the report cannot be written to '.+'\nSee: ")

    def test_wrong_usage_is_told(self):
        for wrong in (["--topology", "knot"], ["--faults", "gremlins"], ["--scenario", "x"], ["--devices", "0"],
                      ["--minutes", "0"], ["--seed"], ["--gremlins"], ["--log", "--seeds", "2"],
                      ["--report", "x.html", "--seeds", "2"], ["--jobs", "0"]):
            done = run(*wrong)
            self.assertEqual(done.returncode, 2, wrong)
            self.assertRegex(done.stderr, r"^strandline-sim: .+\nSee: strandline-sim --help\n$")

    def test_many_seeds_end_with_a_tally(self):
        done = run("--scenario", "quiet", "--minutes", "0.1", "--seeds", "2")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("2 seeds, 2 clean", done.stdout)

    def test_twenty_seeds_are_clean(self):
        faults = "reset,half-open,flips,pieces,clog,partition,one-way,crash,power-cut,disk-full,io-error,stop,pause"
        done = run("--seeds", "20", "--jobs", "2", "--minutes", "0.25", "--faults", faults)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("20 seeds, 20 clean", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
