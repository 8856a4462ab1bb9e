"""Real devices for the end-to-end tests: `strandline` processes on loopback, databases in a temporary
folder, writers that know nothing of Strandline (Python's sqlite3 and the sqlite3 shell), real signals.

Nothing here waits for a fixed time: until() looks again and again at what is promised, and fails with
what it waited for.
"""
import atexit
import functools
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("STRANDLINE_BIN") or str(ROOT / "build/bin/strandline")
# Under sanitizers everything takes several times as long.
PATIENCE_SECONDS = float(os.environ.get("STRANDLINE_PATIENCE", "30"))

NOTES = "CREATE TABLE notes(id TEXT PRIMARY KEY, title TEXT, body TEXT)"


def until(condition, what, seconds=PATIENCE_SECONDS):
    """Gives condition()'s first true answer."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(0.01)


@functools.cache
def binary_for_others():
    """A copy that every user may run: the project may lie in a folder that is closed to others."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="strandline-e2e-bin-"))
    atexit.register(shutil.rmtree, folder, True)
    folder.chmod(0o755)
    copy = pathlib.Path(shutil.copy(BINARY, folder))
    copy.chmod(0o755)
    return str(copy)


def strandline(*arguments, **options):
    """Runs a command to its end; as another user when `user` says so."""
    binary = binary_for_others() if "user" in options else BINARY
    return subprocess.run([binary, *map(str, arguments)], capture_output=True, text=True, timeout=60, **options)


class Device:
    """A database, the app that writes to it, and the process that runs it now and then."""

    def __init__(self, folder, name, schema=NOTES, track=("notes",), device_owned=()):
        self.name = name
        self.path = folder / f"{name}.db"
        self.log = folder / f"{name}.log"
        self.process = None
        self.port = None
        self.app = self.connect()
        self.app.executescript(schema)
        self.id = self.tell("init", "--name", name).strip()
        if track:
            self.tell("track", *track)
        if device_owned:
            self.tell("track", *device_owned, "--device-owned")

    def connect(self):
        connection = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        return connection

    # --- the app ---------------------------------------------------------------------------------

    def sql(self, statement, *values):
        return self.app.execute(statement, values).fetchall()

    def write_many(self, statement, rows):
        """All in one transaction."""
        self.app.execute("BEGIN IMMEDIATE")
        self.app.executemany(statement, rows)
        self.app.execute("COMMIT")

    def shell(self, script):
        """Writes with the sqlite3 shell."""
        done = subprocess.run(["sqlite3", "-bail", "-cmd", ".timeout 10000", str(self.path)], input=script,
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rows(self, table="notes"):
        """Every row with its storage classes, sorted: the oracle that Strandline has no part in."""
        quoted = '"' + table.replace('"', '""') + '"'
        columns = ['"' + row[1].replace('"', '""') + '"' for row in self.sql(f"PRAGMA table_info({quoted})")]
        types = ", ".join(f"typeof({column}), {column}" for column in columns)
        return sorted(self.sql(f"SELECT {types} FROM {quoted}"), key=repr)

    def count(self, table="notes"):
        return self.sql(f"SELECT count(*) FROM {table}")[0][0]

    # --- the command -----------------------------------------------------------------------------

    def command(self, command, *arguments):
        return strandline(command, self.path, *arguments)

    def tell(self, command, *arguments):
        """A command that must succeed; what it printed."""
        done = self.command(command, *arguments)
        assert done.returncode == 0, f"{command} {arguments}: exit {done.returncode}: {done.stderr}"
        return done.stdout

    def ask(self, command, *arguments):
        """The JSON object that a command reports."""
        return json.loads(self.tell(command, "--json", *arguments))

    def status(self):
        return self.ask("status")

    def received_rows(self):
        return self.status()["received"]["rows"]

    def trust(self, *others):
        for other in others:
            self.tell("trust", other.id, "--name", other.name)

    # --- the process that runs it ----------------------------------------------------------------

    def start(self, *peers, listen=True, options=()):
        """Runs the device, dialling the peers that are running now."""
        assert self.process is None
        dial = [part for peer in peers for part in ("--peer", f"127.0.0.1:{peer.port}")]
        where = ["--listen", f"127.0.0.1:{self.port or 0}"] if listen else []
        self.process = subprocess.Popen([BINARY, "run", str(self.path), *where, *dial, *options], text=True,
                                        stdout=subprocess.PIPE, stderr=self.log.open("a"))
        if listen:
            line = self.process.stdout.readline()
            assert line.startswith("listening on 127.0.0.1:"), f"{line!r}; {self.log.read_text()}"
            self.port = int(line.rsplit(":", 1)[1])
        return self

    def end(self, how=signal.SIGTERM):
        """Sends the signal and waits; exit status and seconds."""
        sent = time.monotonic()
        self.process.send_signal(how)
        status = self.process.wait(timeout=30)
        self.process.stdout.close()
        self.process = None
        return status, time.monotonic() - sent

    def kill(self):
        self.end(signal.SIGKILL)

    def stop(self):
        status, _ = self.end()
        assert status == 0, f"exit {status}: {self.log.read_text()}"

    def once(self, *peers, seconds=PATIENCE_SECONDS, options=()):
        """`run --once`; its exit status."""
        dial = [part for peer in peers for part in ("--peer", f"127.0.0.1:{peer.port}")]
        return strandline("run", self.path, *dial, "--once", "--timeout", seconds, *options).returncode

    def end_anyhow(self):
        if self.process is not None:
            self.kill()
        self.app.close()


class Case(unittest.TestCase):
    """A test with a folder of its own, whose devices are gone when it ends. Docstrings are the names."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="strandline-e2e-"))
        self.devices = []
        self.addCleanup(self.clean_up)

    def clean_up(self):
        for device in self.devices:
            device.end_anyhow()
        if self._outcome.result.failures_of(self):
            for device in self.devices:
                if device.log.exists():
                    print(f"--- log of {device.name}\n{device.log.read_text()[-3000:]}", file=sys.stderr)
        shutil.rmtree(self.folder, ignore_errors=True)

    def device(self, name, *arguments, **options):
        device = Device(self.folder, name, *arguments, **options)
        self.devices.append(device)
        return device

    def pair(self, **options):
        """Two devices that let each other in."""
        a, b = self.device("a", **options), self.device("b", **options)
        a.trust(b)
        b.trust(a)
        return a, b

    def running_pair(self, **options):
        a, b = self.pair(**options)
        a.start()
        b.start(a)
        return a, b

    def until_equal(self, *devices, table="notes"):
        first = devices[0]
        until(lambda: all(first.rows(table) == other.rows(table) for other in devices[1:]),
              f"{table} is the same on {', '.join(device.name for device in devices)}")

    def assert_diff_equal(self, a, b):
        done = strandline("diff", a.path, b.path)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def assert_refused(self, done, *words, status=(1, 2)):
        """A clear error: an exit status, a sentence with these words on stderr, nothing on stdout."""
        self.assertIn(done.returncode, status, done.stderr)
        self.assertTrue(done.stderr.startswith("strandline: "), done.stderr)
        self.assertNotIn("terminate", done.stderr)
        self.assertEqual(done.stdout, "")
        for word in words:
            self.assertIn(word, done.stderr)


class Sentences(unittest.TestResult):
    """One line for each case: PASS, FAIL or SKIP, and its sentence."""

    def say(self, verdict, test, why=""):
        sentence = test.shortDescription() or str(test)
        print(f"{verdict} {sentence}{': ' if why else ''}{why}", flush=True)

    def failures_of(self, test):
        return [text for case, text in self.failures + self.errors if case is test]

    def addSuccess(self, test):
        self.say("PASS", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.say("SKIP", test, reason)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.say("FAIL", test, "\n" + self.failures[-1][1])

    def addError(self, test, error):
        super().addError(test, error)
        self.say("FAIL", test, "\n" + self.errors[-1][1])


def main():
    """Runs the cases of the file that calls it, or those whose names hold one of the words given."""
    cases = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    words = sys.argv[1:]
    chosen = unittest.TestSuite(test for group in cases for test in group
                                if not words or any(word in test.id() for word in words))
    result = Sentences()
    chosen.run(result)
    good = result.wasSuccessful() and result.testsRun > 0
    print(f"{result.testsRun} cases, {len(result.failures) + len(result.errors)} failed, {len(result.skipped)} skipped")
    sys.exit(0 if good else 1)
