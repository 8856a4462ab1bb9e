#!/usr/bin/env python3
"""Runs clang-tidy on every source of a build folder, which need not be built, that changed since clang-tidy last liked it.
Those of the library must also compile alone: here several are compiled as one file, in somebody else's build they are not.

    tidy.py BUILD   exit 1 when a file has a fault

Nearly all of clang-tidy's time goes into the headers of libraries, so files that are compiled alike are read
together: as one file, which reads each header once. Where that has a fault, which may be no more than two files with
private things of one name, it is halved until each fault is that of a file alone.

A batch is read again when one of its files or their compile command is another, or a header of the project or .clang-tidy
newer, than the note that a clean run leaves in BUILD/tidy/ says.
"""
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILES_MAX = 24  # Of one batch: enough to share headers, few enough to keep all processors busy to the end.
LIBRARY = {"include", "hlc", "watermarks", "backfill", "engine", "net"}


def headers():
    """All of the project's."""
    return [path for path in ROOT.glob("[a-z]*/**/*.h") if not path.relative_to(ROOT).parts[0].startswith("build")]


class Batch:
    """Files of one folder that are compiled alike; tests and others apart."""

    def __init__(self, folder, commands):
        self.folder, self.commands = folder, commands
        self.sources = [command["file"] for command in commands]
        name = re.sub(r"\W", "_", os.path.relpath(self.sources[0], ROOT)) + f"_{len(commands)}"
        self.path = folder / f"{name}.cpp" if len(commands) > 1 else pathlib.Path(self.sources[0])
        self.note = folder / f"{name}.ok"
        self.text = together(self.sources)
        self.flags = flags_of(commands[0])

    def is_stale(self, changed_at):
        """`changed_at`: when what every batch may read was changed last."""
        if not self.note.exists() or self.note.read_text() != self.text + self.flags:
            return True
        return changed_at > self.note.stat().st_mtime

    def read(self):
        """What is to be said of the files; nothing when all is well."""
        return "".join(map(faults_alone, self.commands)) or self.faults()

    def faults(self):
        """What clang-tidy says of the files."""
        if len(self.commands) > 1:
            self.path.write_text(self.text)
        told = subprocess.run(["clang-tidy", "--quiet", f"--config-file={ROOT}/.clang-tidy", str(self.path), "--",
                               *shlex.split(self.flags)],
                              capture_output=True, text=True, cwd=self.commands[0]["directory"])
        if len(self.commands) == 1:
            faults = told.stdout + told.stderr if told.returncode else ""
        elif told.returncode:
            middle = len(self.commands) // 2
            halves = self.commands[:middle], self.commands[middle:]
            faults = "".join(Batch(self.folder, half).faults() for half in halves)
        else:
            faults = "".join(map(unused_usings, self.sources))
        if not faults:
            self.note.write_text(self.text + self.flags)
        return faults


def faults_alone(command):
    if pathlib.Path(command["file"]).relative_to(ROOT).parts[0] not in LIBRARY:
        return ""
    told = subprocess.run([*shlex.split(re.sub(r" -o \S+", "", command["command"])), "-fsyntax-only"],
                          capture_output=True, text=True, cwd=command["directory"])
    return told.stdout + told.stderr if told.returncode else ""


def unused_usings(source):
    """In a batch clang-tidy takes a `using a::b;` for used when a neighbour of the file uses a::b."""
    text = re.sub(r"^#include.*$", "", pathlib.Path(source).read_text(), flags=re.M)
    names = re.findall(r"^ *using [\w:]+::(\w+);", text, re.M)
    return "".join(f"{source}: error: nothing here uses {name} [misc-unused-using-decls]\n"
                   for name in names if len(re.findall(rf"\b{name}\b", text)) == 1)


def is_test(source):
    return source.endswith("_test.cpp") and "\nnamespace strandline" not in pathlib.Path(source).read_text()


def together(sources):
    """One text of them: some checks look at no file that is included. Tests call their private things alike, so each gets
    a namespace of its own, and what they include comes first, to stay outside of those."""
    texts = [pathlib.Path(source).read_text() for source in sources]
    if not is_test(sources[0]):
        return "\n".join(texts)
    headers = dict.fromkeys(line for text in texts for line in text.splitlines() if line.startswith("#include "))
    return "\n".join([*headers, *(f"namespace file_{i} {{\n{text}\n}}" for i, text in enumerate(texts))]) + "\n"


def flags_of(command):
    """How a file is compiled: its command without the compiler and the file."""
    return re.sub(r"^\S+ | -o \S+ -c \S+", "", command["command"])


def batches(folder, commands):
    alike = collections.defaultdict(list)
    for command in commands:
        alike[flags_of(command), os.path.dirname(command["file"]), is_test(command["file"])].append(command)
    return [Batch(folder, group[i:i + FILES_MAX]) for group in alike.values() for i in range(0, len(group), FILES_MAX)]


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    folder = build / "tidy"
    folder.mkdir(exist_ok=True)
    every = batches(folder, json.loads((build / "compile_commands.json").read_text()))
    changed_at = max(path.stat().st_mtime for path in [ROOT / ".clang-tidy", *headers()])
    work = [batch for batch in every if batch.is_stale(changed_at)]
    work.sort(key=lambda batch: len(batch.text), reverse=True)  # The longest first.
    read, known = (sum(len(batch.sources) for batch in some) for some in (work, every))
    print(f"{read} of {known} files to read", flush=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = [text for text in pool.map(Batch.read, work) if text]
    print("".join(faults), end="")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
