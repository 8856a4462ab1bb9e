#!/usr/bin/env python3
"""Runs clang-tidy on every source of a build folder that changed since clang-tidy last liked it.

    tidy.py BUILD   exit 1 when a file has a fault

A file is read again when it, a header of the project that it includes (ninja knows which), its
compile command or .clang-tidy is newer than the note that a clean run leaves in BUILD/tidy/.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def headers_by_object(build):
    """Object file -> the files of this project that it was compiled from."""
    found, current = {}, None
    told = subprocess.run(["ninja", "-C", str(build), "-t", "deps"], capture_output=True, text=True, check=True).stdout
    for line in told.splitlines():
        if line and not line.startswith(" "):
            current = found.setdefault(line.split(":")[0], [])
        elif line.strip():
            path = (build / line.strip()).resolve()
            if path.is_relative_to(ROOT):
                current.append(path)
    return found


def stale(command, headers, build):
    """The note to leave for this file, or None when its last clean run still counts."""
    source = pathlib.Path(command["file"])
    note = build / "tidy" / (source.relative_to(ROOT).as_posix().replace("/", "_") + ".ok")
    if not note.exists() or note.read_text() != command["command"]:
        return note
    compiled = re.search(r" -o (\S+) ", command["command"]).group(1)
    read = [source, ROOT / ".clang-tidy", *headers.get(compiled, [])]
    newest = max((path.stat().st_mtime for path in read if path.exists()), default=0)
    return note if newest > note.stat().st_mtime else None


def run(command, note, build):
    told = subprocess.run(["clang-tidy", "--quiet", "-p", str(build), command["file"]], capture_output=True, text=True)
    if told.returncode == 0:
        note.write_text(command["command"])
        return ""
    return told.stdout + told.stderr


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    commands = json.loads((build / "compile_commands.json").read_text())
    (build / "tidy").mkdir(exist_ok=True)
    headers = headers_by_object(build)
    work = [(command, note) for command in commands if (note := stale(command, headers, build))]
    print(f"{len(work)} of {len(commands)} files to read", flush=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = [text for text in pool.map(lambda one: run(*one, build), work) if text]
    print("".join(faults), end="")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
