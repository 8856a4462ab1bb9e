#!/usr/bin/env python3
"""What the documents point at exists: relative links, headings, and the files that they name.

    docs.py [TREE]        checks README.md and docs/ of the tree that this file stands in, or of TREE
    docs.py --self-test   plants one fault of each kind in a small tree and demands that it is found

A word in backticks is taken for a file's name when it holds a slash and either begins with a folder of
the project or ends like a source file; `<strandline/x.h>` means include/strandline/x.h. Fenced blocks
are not read.
"""
import pathlib
import re
import sys
import tempfile

FOLDERS = ("backfill bench cli cmake demo docs engine examples hlc include net planted simulator tests watermarks .ci").split()
SOURCE_ENDING = re.compile(r"\.(h|hpp|cpp|py|sh|cmake|md)$")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)[^)]*\)")
CODE = re.compile(r"`([^`]+)`")
ANCHORED = re.compile(r"^#+\s+(.*)$")


def prose_lines(text):
    """The lines outside fenced blocks, numbered from 1."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, line


def anchors(path):
    """The headings of a document as links name them."""
    found = set()
    for _, line in prose_lines(path.read_text(encoding="utf-8")):
        heading = ANCHORED.match(line)
        if heading:
            kept = re.sub(r"[^\w\- ]", "", heading.group(1).strip().lower())
            found.add(kept.replace(" ", "-"))
    return found


def fault_of_link(tree, document, target):
    if re.match(r"[a-z]+:", target):
        return None
    name, _, anchor = target.partition("#")
    path = document.parent / name if name else document
    if not path.exists():
        return f"the link to {target} leads nowhere"
    if not path.resolve().is_relative_to(tree.resolve()):
        return f"the link to {target} leads out of the project"
    if anchor and path.suffix == ".md" and anchor not in anchors(path):
        return f"{name or 'this document'} has no heading #{anchor}"
    return None


def fault_of_name(tree, word):
    header = re.fullmatch(r"<(strandline/[\w./]+)>", word)
    name = "include/" + header.group(1) if header else word.removeprefix("./")
    if not re.fullmatch(r"[\w.+*-]+(/[\w.+*-]+)*/?", name) or "/" not in name:
        return None
    if name.split("/")[0] not in FOLDERS and not SOURCE_ENDING.search(name):
        return None
    if not list(tree.glob(name.rstrip("/"))):
        return f"there is no {name}"
    return None


def documents(tree):
    return [path for path in [tree / "README.md", *sorted((tree / "docs").rglob("*.md"))] if path.is_file()]


def check(tree):
    faults = []
    for document in documents(tree):
        name = document.relative_to(tree).as_posix()
        for number, line in prose_lines(document.read_text(encoding="utf-8")):
            found = [fault_of_link(tree, document, target) for target in LINK.findall(CODE.sub("", line))]
            found += [fault_of_name(tree, word) for word in CODE.findall(line)]
            faults += [f"{name}:{number}: {fault}" for fault in found if fault]
    return faults


# --- the check of the check ----------------------------------------------------------------------------

SOUND = {
    "README.md": "# Tide\nSee [how](docs/how.md#two-parts), `engine/store/`, `<strandline/time.h>`, `tests/golden/*`.\n"
                 "Not names: `application/json`, `a/b`, `HOST:PORT`, `[x](y)`, [there](https://example.org/x).\n"
                 "```\n[no link](gone.md) `engine/gone.h`\n```\n",
    "docs/how.md": "# Two parts\nBack to [the start](../README.md) and [above](#two-parts).\n",
    "engine/store/table.h": "",
    "include/strandline/time.h": "",
    "tests/golden/a.bin": "",
}
PLANTED = [
    ("[x](gone.md)", "leads nowhere"),
    ("[x](how.md#gone)", "no heading #gone"),
    ("[x](#gone)", "no heading #gone"),
    ("[x](../../)", "leads out of the project"),
    ("`engine/gone.h`", "there is no engine/gone.h"),
    ("`engine/gone/`", "there is no engine/gone/"),
    ("`./tests/gone*`", "there is no tests/gone*"),
    ("`gone/x.cpp`", "there is no gone/x.cpp"),
    ("`<strandline/gone.h>`", "there is no include/strandline/gone.h"),
]


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder) / "tree"
        for name, text in SOUND.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(text)
        failed = [f"a sound tree is blamed: {fault}" for fault in check(tree)]
        for text, expected in PLANTED:
            (tree / "docs/planted.md").write_text("\n" + text + "\n")
            faults = check(tree)
            if len(faults) != 1 or expected not in faults[0] or not faults[0].startswith("docs/planted.md:2:"):
                failed.append(f"{text} must be found once as '{expected}', and gave {faults}")
    return failed


def main():
    arguments = sys.argv[1:]
    if arguments == ["--self-test"]:
        faults, good = self_test(), f"all {len(PLANTED)} planted faults were found"
    else:
        tree = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).resolve().parent.parent
        faults, good = check(tree), f"{len(documents(tree))} documents, all they point at exists"
        if not documents(tree):
            faults = [f"{tree} holds no documents to check"]
    print("\n".join(faults) or good)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
