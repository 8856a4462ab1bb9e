#!/usr/bin/env python3
"""Arrows point down only: reads every #include and fails when one points up.

    layers.py [TREE]        checks the tree that this file stands in, or TREE; exit 1 and a line per fault
    layers.py --self-test   plants one fault of each kind in a small tree and demands that it is found

A folder's code may include what ALLOWED lists for it, and a library only where LIBRARIES says so.
"""
import pathlib
import re
import sys
import tempfile

BELOW_ENGINE = {"hlc", "watermarks", "backfill", "include", "planted"}

# Folder -> the folders whose headers it may include, its own always among them. tests/ may include anything.
ALLOWED = {
    "include": set(),
    "hlc": {"include"},
    "planted": set(),
    "watermarks": {"include", "planted"},
    "backfill": {"hlc", "watermarks", "include"},
    "engine/store": BELOW_ENGINE,
    "engine": {"engine/store"} | BELOW_ENGINE,
    "net": {"include"},
    "net/tcp": {"net"} | BELOW_ENGINE,
    "simulator/disk": {"include"},
    "simulator": {"simulator/disk", "net"} | BELOW_ENGINE,
    "cli": {"hlc", "include"},
    "bench": {"hlc", "include"},
    "examples": {"include"},
}
# Pure values that the engine and its store share; beside ALLOWED.
# And the TCP host's rules that know no socket: the simulated host goes by them too.
ALLOWED_HEADERS = {
    "engine/store": {"engine/merge.h", "engine/key.h", "engine/record.h", "engine/limits.h", "engine/text.h"},
    "simulator": {"net/tcp/dialer.h", "net/tcp/limits.h", "net/tcp/rivals.h"},
}

# A library's headers -> the folders that may include them. tests/ may include any of these.
LIBRARIES = {
    r"sqlite3(ext)?\.h": {"engine/store", "simulator/disk", "simulator", "bench", "examples"},  # An example plays the app, whose file it is.
    r"asio(\.hpp|/.*)": {"net/tcp", "bench"},
    r"sodium(\.h|/.*)": {"net", "bench"},
    r"zstd(_errors)?\.h": {"net"},
    r"msgpack(\.hpp|/.*)": {"net", "engine", "engine/store", "bench"},
    r"spdlog/.*": {"cli"},
    r"fmt/.*": set(ALLOWED) - {"include"},
    r"CLI/.*|nlohmann/.*": {"cli", "bench", "simulator"},
    r"tl/expected\.hpp": set(ALLOWED),
    # The core is handed time, chance and bytes, and has no threads: a host has these.
    r"thread|mutex|shared_mutex|condition_variable|future|random|iostream|sys/socket\.h|netinet/.*|poll\.h|time\.h|sys/time\.h":
        {"net/tcp", "simulator", "cli", "bench", "examples"},
}

LINES_MAX = 450  # STYLE asks at 400 what wants to leave a file; here it must.

INCLUDE = re.compile(r"^\s*#\s*include\b\s*(\S.*?)\s*(?://.*)?$")
NAMED = re.compile(r'^([<"])([^>"]+)[>"]')


def folder_of(path):
    """The layer that a path belongs to: the longest folder in ALLOWED that it stands under."""
    fits = [folder for folder in ALLOWED if path.startswith(folder + "/")]
    return max(fits, key=len, default=None)


def fault_of_project_include(folder, target):
    if folder is None or target in ALLOWED_HEADERS.get(folder, ()):
        return None
    layer = folder_of(target)
    if layer != folder and layer not in ALLOWED[folder]:
        return f"{folder}/ must not know {target}; it may include {', '.join(sorted(ALLOWED[folder])) or 'itself alone'}"
    return None


def fault_of_library_include(folder, target):
    if folder is None:
        return None
    for pattern, folders in LIBRARIES.items():
        if re.fullmatch(pattern, target) and folder not in folders:
            return f"<{target}> belongs in {', '.join(sorted(folders))} only, not in {folder}/"
    known = any(re.fullmatch(pattern, target) for pattern in LIBRARIES)
    if folder == "include" and not known and not re.fullmatch(r"[a-z_]+", target):
        return f"include/ needs the standard library and tl::expected alone, not <{target}>"
    return None


def fault_of_include(tree, folder, named):
    """What is wrong with one #include; None: nothing."""
    match = NAMED.match(named)
    if not match:
        return f"cannot be read by this check: {named}"
    bracket, target = match.groups()
    if bracket == "<" and target.startswith("strandline/"):
        if not (tree / "include" / target).is_file():
            return f"there is no include/{target}"
        return fault_of_project_include(folder, "include/" + target)
    if bracket == "<" and folder_of(target) is None:
        return fault_of_library_include(folder, target)
    if bracket == "<" or target.startswith("strandline/"):
        return f"write \"folder/x.h\" from the project's root and <strandline/x.h>, not {named}"
    if not (tree / target).is_file():
        return f"there is no {target}; inner headers are named from the project's root"
    return fault_of_project_include(folder, target)


def sources(tree):
    for top in sorted({folder.split("/")[0] for folder in ALLOWED} | {"tests"}):
        for path in sorted((tree / top).rglob("*")):
            if path.suffix in (".h", ".hpp", ".cpp", ".cc"):
                yield path


def check(tree):
    faults = []
    for path in sources(tree):
        name = path.relative_to(tree).as_posix()
        folder = folder_of(name)
        lines = path.read_text(encoding="utf-8").splitlines()
        if len(lines) > LINES_MAX:
            faults.append(f"{name}: {len(lines)} lines, {LINES_MAX} at most: what wants to leave this file?")
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            fault = match and fault_of_include(tree, folder, match.group(1))
            if fault:
                faults.append(f"{name}:{number}: {fault}")
    return faults


# --- the check of the check ----------------------------------------------------------------------------

SOUND = {
    "include/strandline/time.h": "#include <cstdint>\n#include <tl/expected.hpp>\n",
    "include/time.cpp": "#include <strandline/time.h>\n",
    "hlc/clock.h": "#include <strandline/time.h>\n",
    "planted/planted.h": "",
    "watermarks/vector.h": '#include <map>\n#include "planted/planted.h"\n',
    "backfill/plan.h": '#include "hlc/clock.h"\n#include "watermarks/vector.h"\n',
    "engine/merge.h": '#include "watermarks/vector.h"\n',
    "engine/session.h": '#include "engine/store/table.h"\n',
    "engine/store/table.h": '#include <sqlite3.h>\n#include "engine/merge.h"\n',
    "net/codec.h": "#include <msgpack.hpp>\n#include <sodium.h>\n",
    "net/tcp/node.cpp": '#include <asio.hpp>  // sockets\n#include <thread>\n#include "net/codec.h"\n',
    "cli/main.cpp": '#include <spdlog/spdlog.h>\n#include <CLI/CLI.hpp>\n#include "hlc/clock.h"\n',
    "examples/embed.cpp": "#include <strandline/time.h>\n#include <iostream>\n",
    "simulator/disk/disk.h": "#include <sqlite3.h>\n#include <strandline/time.h>\n",
    "simulator/world.h": '#include "simulator/disk/disk.h"\n#include "net/codec.h"\n#include "net/tcp/rivals.h"\n',
    "net/tcp/rivals.h": "#include <strandline/time.h>\n",
    "bench/bench.cpp": "#include <sqlite3.h>\n#include <strandline/time.h>\n",
    "tests/engine/session_test.cpp": '#include "engine/session.h"\n#include <sqlite3.h>\n',
}
PLANTED = [
    ("include/strandline/up.h", '#include "hlc/clock.h"\n', "include/ must not know hlc/clock.h"),
    ("include/strandline/up.h", "#include <sqlite3.h>\n", "not in include/"),
    ("include/strandline/up.h", "#include <unistd.h>\n", "tl::expected alone"),
    ("hlc/up.h", '#include "watermarks/vector.h"\n', "hlc/ must not know"),
    ("planted/up.h", '#include "watermarks/vector.h"\n', "planted/ must not know"),
    ("hlc/up.h", '#include "planted/planted.h"\n', "hlc/ must not know"),
    ("watermarks/up.cpp", '#include "hlc/clock.h"\n', "watermarks/ must not know"),
    ("backfill/up.h", '#include "engine/merge.h"\n', "backfill/ must not know"),
    ("engine/up.h", '#include "net/codec.h"\n', "engine/ must not know"),
    ("engine/up.h", "#include <sqlite3.h>\n", "not in engine/"),
    ("engine/up.cpp", "#include <random>\n", "not in engine/"),
    ("engine/store/up.h", '#include "engine/session.h"\n', "engine/store/ must not know"),
    ("net/up.h", '#include "hlc/clock.h"\n', "net/ must not know"),
    ("net/up.h", '#  include "net/tcp/node.cpp"\n', "net/ must not know"),
    ("net/up.h", "#include <asio/ip/tcp.hpp>\n", "not in net/"),
    ("net/tcp/up.h", '#include "engine/session.h"\n', "net/tcp/ must not know"),
    ("net/tcp/up.h", "#include <sodium.h>\n", "not in net/tcp/"),
    ("simulator/up.h", '#include "engine/session.h"\n', "simulator/ must not know"),
    ("simulator/up.h", '#include "net/tcp/node.cpp"\n', "simulator/ must not know"),
    ("simulator/disk/up.h", '#include "hlc/clock.h"\n', "simulator/disk/ must not know"),
    ("cli/up.cpp", '#include "net/codec.h"\n', "cli/ must not know"),
    ("cli/up.cpp", "#include <sqlite3.h>\n", "not in cli/"),
    ("bench/up.cpp", '#include "engine/merge.h"\n', "bench/ must not know"),
    ("examples/up.cpp", '#include "hlc/clock.h"\n', "examples/ must not know"),
    ("backfill/up.h", "#include <msgpack.hpp>\n", "not in backfill/"),
    ("engine/up.h", "#include <spdlog/spdlog.h>\n", "not in engine/"),
    ("engine/up.h", "#include <net/codec.h>\n", "from the project's root"),
    ("engine/up.h", '#include "session.h"\n', "there is no session.h"),
    ("engine/up.h", "#include <strandline/gone.h>\n", "there is no include/strandline/gone.h"),
    ("engine/up.h", "#include HEADER\n", "cannot be read"),
    ("hlc/long.cpp", "\n" * (LINES_MAX + 1), "what wants to leave this file"),
    ("tests/hlc/long_test.cpp", "\n" * (LINES_MAX + 1), "what wants to leave this file"),
]


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder)
        for name, text in SOUND.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(text)
        failed = [f"a sound tree is blamed: {fault}" for fault in check(tree)]
        for name, text, expected in PLANTED:
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(text)
            faults = check(tree)
            if len(faults) != 1 or expected not in faults[0] or not faults[0].startswith(name + ":"):
                failed.append(f"{name} with {text[:40]!r} must be found once as '{expected}', and gave {faults}")
            (tree / name).unlink()
    return failed


def main():
    arguments = sys.argv[1:]
    if arguments == ["--self-test"]:
        faults, good = self_test(), f"all {len(PLANTED)} planted faults were found"
    else:
        tree = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).resolve().parent.parent
        count = len(list(sources(tree)))
        faults, good = check(tree), f"{count} files, every include points down"
        if count == 0:
            faults = [f"{tree} holds no sources to check"]
    print("\n".join(faults) or good)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
