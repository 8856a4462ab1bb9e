#!/usr/bin/env python3
"""Two notebooks on one machine: what is typed into one appears in the other.   notes_test.py NOTES"""
import pathlib
import queue
import socket
import subprocess
import sys
import tempfile
import threading

LIMIT_SECONDS = 60  # Only keeps a failing test from hanging.


class Notebook:
    def __init__(self, program, *words):
        self.process = subprocess.Popen([program, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def next_line(self):
        return self.lines.get(timeout=LIMIT_SECONDS)

    def type(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self):
        self.process.kill()
        self.process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def device_id(program, path):
    """Makes the device, and stops it again."""
    notebook = Notebook(program, path, "127.0.0.1:0")
    line = notebook.next_line()
    notebook.end()
    return line


def main(program):
    wrong = subprocess.run([program], capture_output=True, text=True, timeout=LIMIT_SECONDS)
    assert wrong.returncode == 2 and "usage:" in wrong.stderr, wrong
    with tempfile.TemporaryDirectory() as folder:
        a_path, b_path = (str(pathlib.Path(folder, name)) for name in ("a.db", "b.db"))
        a_id, b_id = device_id(program, a_path), device_id(program, b_path)
        a_at, b_at = (f"127.0.0.1:{free_port()}" for _ in range(2))
        a = Notebook(program, a_path, a_at, b_at, b_id)
        b = Notebook(program, b_path, b_at, a_at, a_id)
        try:
            assert (a.next_line(), b.next_line()) == (a_id, b_id)
            a.type("milk")
            assert b.next_line() == "milk"
            b.type("bread, and it's fresh")
            assert {a.next_line(), a.next_line()} == {"milk", "bread, and it's fresh"}
        finally:
            a.end()
            b.end()


if __name__ == "__main__":
    main(sys.argv[1])
