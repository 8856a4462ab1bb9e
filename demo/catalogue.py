"""The demo's data: what this machine itself knows, as two related tables.

Each data set is real, and large enough that a backfill can be watched and interrupted.
"""
import re
import subprocess
import unicodedata


class Packages:
    """The Debian packages that apt can install here."""

    title = "the catalogue of Debian packages that this machine has (apt-cache dumpavail)"
    tables = ("packages", "dependencies")
    schema = """
        CREATE TABLE packages(
          name          TEXT PRIMARY KEY,
          version       TEXT NOT NULL,
          section       TEXT,
          priority      TEXT,
          installed_kib INTEGER,
          maintainer    TEXT,
          description   TEXT
        );
        CREATE TABLE dependencies(
          package  TEXT NOT NULL REFERENCES packages(name),
          kind     TEXT NOT NULL,
          position INTEGER NOT NULL,
          target   TEXT NOT NULL,
          wants    TEXT,
          PRIMARY KEY (package, kind, position)
        );"""
    # Ten rows, and one row of which each device edits a column of its own.
    ten_rows = "SELECT rowid FROM packages ORDER BY installed_kib DESC LIMIT 10"
    ten_rows_changed = f"UPDATE packages SET section = 'large' WHERE rowid IN ({ten_rows})"
    ten_rows_seen = "SELECT count(*) = 10 FROM packages WHERE section = 'large'"
    row = "SELECT name FROM packages ORDER BY name = 'bash' DESC LIMIT 1"
    one_edit = ("packages", "name", "priority", "reviewed by A")
    other_edit = ("packages", "name", "description", "reviewed by B")

    fields = re.compile(r"^([A-Za-z-]+): *(.*)$", re.MULTILINE)
    target = re.compile(r"([^\s(:]+)(?::\S+)?\s*(?:\(([^)]*)\))?")
    kinds = ("Pre-Depends", "Depends", "Recommends", "Suggests", "Conflicts", "Breaks", "Replaces", "Provides")

    def __init__(self):
        self.text = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, check=True).stdout.decode("utf-8", "replace")
        if self.text.count("\nVersion:") < 1000:
            raise LookupError("apt has no package lists")

    def load(self, connection):
        for stanza in self.text.split("\n\n"):
            field = dict(self.fields.findall(stanza))
            if "Package" not in field:
                continue
            name = field["Package"]
            added = connection.execute(
                "INSERT OR IGNORE INTO packages VALUES (?, ?, ?, ?, ?, ?, ?)",
                (name, field.get("Version", ""), field.get("Section"), field.get("Priority"),
                 int(field["Installed-Size"]) if field.get("Installed-Size", "").isdigit() else None,
                 field.get("Maintainer"), field.get("Description"))).rowcount
            if added:
                connection.executemany("INSERT INTO dependencies VALUES (?, ?, ?, ?, ?)", self.dependencies(name, field))

    def dependencies(self, name, field):
        for kind in self.kinds:
            for position, wanted in enumerate(re.split(r"[,|]", field[kind]) if kind in field else ()):
                found = self.target.match(wanted.strip())
                if found:
                    yield name, kind, position, found[1], found[2]


class Characters:
    """The characters of Unicode, which Python brings along."""

    tables = ("characters", "parts")
    schema = """
        CREATE TABLE characters(
          code     INTEGER NOT NULL,
          name     TEXT NOT NULL PRIMARY KEY,
          category TEXT,
          width    TEXT,
          note     TEXT
        );
        CREATE TABLE parts(
          name     TEXT NOT NULL REFERENCES characters(name),
          position INTEGER NOT NULL,
          part     INTEGER NOT NULL,
          PRIMARY KEY (name, position)
        );"""
    ten_rows_changed = "UPDATE characters SET note = 'ASCII digit' WHERE code BETWEEN 48 AND 57"
    ten_rows_seen = "SELECT count(*) = 10 FROM characters WHERE note = 'ASCII digit'"
    row = "SELECT name FROM characters WHERE code = 65"
    one_edit = ("characters", "name", "category", "reviewed by A")
    other_edit = ("characters", "name", "note", "reviewed by B")

    def __init__(self, why):
        self.title = f"the characters of Unicode, which Python brings along ({why})"

    def load(self, connection):
        for code in range(0x110000):
            character = chr(code)
            name = unicodedata.name(character, None)
            if name is None:
                continue
            connection.execute("INSERT INTO characters VALUES (?, ?, ?, ?, NULL)",
                               (code, name, unicodedata.category(character), unicodedata.east_asian_width(character)))
            parts = [part for part in unicodedata.decomposition(character).split() if not part.startswith("<")]
            connection.executemany("INSERT INTO parts VALUES (?, ?, ?)",
                                   [(name, position, int(part, 16)) for position, part in enumerate(parts)])


def choose():
    """The packages, where apt has lists; else the characters."""
    try:
        return Packages()
    except (OSError, LookupError, subprocess.CalledProcessError):
        return Characters("apt has no package lists here")
