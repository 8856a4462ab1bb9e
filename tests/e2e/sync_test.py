#!/usr/bin/env python3
"""Two devices keep tables in step, whatever is in them and whoever writes."""
import threading

import devices
from devices import until


class FirstSync(devices.Case):
    def test_rows_there_before_tracking(self):
        """rows that were there before the table was tracked arrive on the other device"""
        a = self.device("a", track=())
        a.write_many("INSERT INTO notes VALUES (?, ?, ?)", [(f"n{i}", f"title {i}", "b" * (i % 50)) for i in range(500)])
        a.tell("track", "notes")
        b = self.device("b")
        a.trust(b)
        b.trust(a)
        a.start()
        self.assertEqual(b.once(a), 0)
        self.assertEqual(a.rows(), b.rows())
        self.assertEqual(b.received_rows(), 500)
        self.assert_diff_equal(a, b)

    def test_both_had_rows(self):
        """rows that each device had alone end on both"""
        a, b = self.pair()
        a.write_many("INSERT INTO notes VALUES (?, 'from a', NULL)", [(f"a{i}",) for i in range(100)])
        b.write_many("INSERT INTO notes VALUES (?, 'from b', NULL)", [(f"b{i}",) for i in range(100)])
        a.start()
        b.start(a)
        self.until_equal(a, b)
        self.assertEqual(a.count(), 200)
        self.assertEqual((a.received_rows(), b.received_rows()), (100, 100))


class Live(devices.Case):
    def test_both_ways(self):
        """inserts, updates and deletes travel both ways while both run"""
        a, b = self.running_pair()
        a.sql("INSERT INTO notes VALUES ('x', 'one', NULL)")
        until(lambda: b.sql("SELECT title FROM notes WHERE id = 'x'") == [("one",)], "the insert is on b")
        b.sql("UPDATE notes SET body = 'two' WHERE id = 'x'")
        until(lambda: a.sql("SELECT body FROM notes WHERE id = 'x'") == [("two",)], "the update is on a")
        a.sql("DELETE FROM notes WHERE id = 'x'")
        until(lambda: b.count() == 0, "the delete is on b")
        self.assert_diff_equal(a, b)

    def test_shell(self):
        """what the sqlite3 shell writes, transactions and upserts included, is captured"""
        a, b = self.running_pair()
        a.shell("""BEGIN; INSERT INTO notes VALUES ('s', 'shell', 'a'), ('t', 'shell', 'b');
                   INSERT INTO notes VALUES ('s', 'again', 'c') ON CONFLICT(id) DO UPDATE SET title = excluded.title;
                   INSERT OR REPLACE INTO notes VALUES ('t', 'replaced', NULL); COMMIT;
                   BEGIN; INSERT INTO notes VALUES ('u', 'rolled back', ''); ROLLBACK;
                   UPDATE notes SET id = 'moved' WHERE id = 's';""")
        until(lambda: b.sql("SELECT * FROM notes ORDER BY id")
              == [("moved", "again", "a"), ("t", "replaced", None)], "the shell's writes are on b")

    def test_written_while_off(self):
        """what is written while no engine runs travels when it runs again"""
        a, b = self.running_pair()
        a.sql("INSERT INTO notes VALUES ('x', 'old', NULL), ('gone', '', NULL)")
        self.until_equal(a, b)
        a.stop()
        a.sql("UPDATE notes SET title = 'new' WHERE id = 'x'")
        a.sql("DELETE FROM notes WHERE id = 'gone'")
        a.shell("INSERT INTO notes VALUES ('y', 'shell', NULL);")
        a.start(b)
        until(lambda: b.sql("SELECT id, title FROM notes ORDER BY id") == [("x", "new"), ("y", "shell")], "all is on b")
        self.until_equal(a, b)

    def test_transaction_whole(self):
        """a reader on the other device sees a transaction whole or not at all"""
        a, b = self.running_pair()
        seen, stop = set(), threading.Event()

        def read():
            connection = b.connect()
            while not stop.is_set():
                seen.add(connection.execute("SELECT count(*) FROM notes").fetchone()[0])
            connection.close()

        reader = threading.Thread(target=read)
        reader.start()
        for batch in range(5):
            a.write_many("INSERT INTO notes VALUES (?, 't', NULL)", [(f"{batch}/{i}",) for i in range(1000)])
            until(lambda: b.count() == 1000 * (batch + 1), "the batch is on b")
        stop.set()
        reader.join()
        self.assertEqual({count % 1000 for count in seen}, {0}, seen)

    def test_many_small_writes(self):
        """two devices that write at the same time, all the time, end the same"""
        a, b = self.running_pair()

        def write(device, start):
            connection = device.connect()
            for i in range(300):
                connection.execute("INSERT INTO notes VALUES (?, ?, '') ON CONFLICT(id) DO UPDATE SET title = excluded.title",
                                   (f"n{(start + i * 7) % 40}", f"{device.name} {i}"))
                if i % 5 == 0:
                    connection.execute("DELETE FROM notes WHERE id = ?", (f"n{(start + i) % 40}",))
            connection.close()

        writers = [threading.Thread(target=write, args=pair) for pair in ((a, 0), (b, 3))]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        self.until_equal(a, b)
        self.assert_diff_equal(a, b)


class Incremental(devices.Case):
    def away_and_back(self, first, then, write):
        """b gets `first` rows, is away while a writes `then` more; how many rows travelled each time."""
        a, b = self.pair()
        write(a, range(first))
        a.start()
        self.assertEqual(b.once(a), 0)
        after_first = b.received_rows()
        write(a, range(first, first + then))
        self.assertEqual(b.once(a), 0)
        self.assertEqual(a.rows(), b.rows())
        # A running device writes its counters down every second.
        until(lambda: a.status()["sent"]["rows"] >= first + then, "a has counted what it sent")
        return after_first, b.received_rows() - after_first, a.status()["sent"]["rows"]

    def test_e1(self):
        """E1: 100 rows travel, then, after b was away, exactly the 10 that it lacks"""
        def write(device, numbers):
            device.write_many("INSERT INTO notes VALUES (?, 'row', ?)", [(f"n{i:04}", "body " * 20) for i in numbers])
        self.assertEqual(self.away_and_back(100, 10, write), (100, 10, 110))

    def test_e3(self):
        """E3: 50 tags, then 10: 10 travel"""
        def write(device, numbers):
            for i in numbers:
                device.sql("INSERT INTO notes VALUES (?, 'tag', NULL)", f"tag {i}")
        self.assertEqual(self.away_and_back(50, 10, write), (50, 10, 60))

    def test_updates_only(self):
        """ten changed rows of a thousand travel as ten"""
        a, b = self.pair()
        a.write_many("INSERT INTO notes VALUES (?, 't', 'b')", [(i,) for i in range(1000)])
        a.start()
        self.assertEqual(b.once(a), 0)
        before = b.received_rows()
        a.sql("UPDATE notes SET title = 'changed' WHERE id % 100 = 0")
        self.assertEqual(b.once(a), 0)
        self.assertEqual(b.received_rows() - before, 10)
        self.assert_diff_equal(a, b)

    def test_silence(self):
        """once in step, nothing is sent again: not by waiting, not by connecting anew"""
        a, b = self.running_pair()
        a.write_many("INSERT INTO notes VALUES (?, 't', 'b')", [(i,) for i in range(50)])
        self.until_equal(a, b)
        for _ in range(3):
            b.stop()
            b.start(a)
            until(lambda: all(peer["connected"] and peer["behind"] == 0
                              for device in (a, b) for peer in device.status()["peers"]), "in step again")
        self.assertEqual((a.status()["sent"]["rows"], b.status()["sent"]["rows"]), (50, 0))


TYPES = """CREATE TABLE things(id INTEGER PRIMARY KEY, any, whole INTEGER, fraction REAL, words TEXT, bytes BLOB);
CREATE TABLE pairs(left TEXT, right INTEGER, said, PRIMARY KEY(left, right)) WITHOUT ROWID;
CREATE TABLE mixed(key PRIMARY KEY, said);
CREATE TABLE nocase(key TEXT COLLATE NOCASE PRIMARY KEY, said);
CREATE TABLE "a""; DROP TABLE things; --"("k""ey" TEXT PRIMARY KEY, "select" TEXT, "naïve column" TEXT);
CREATE TABLE computed(id TEXT PRIMARY KEY, a INTEGER, b INTEGER GENERATED ALWAYS AS (a * 2) STORED, c AS (a + 1));"""
QUOTED = 'a"; DROP TABLE things; --'
TABLES = ("things", "pairs", "mixed", "nocase", QUOTED, "computed")

VALUES = (None, 0, 1, -1, 2**63 - 1, -2**63, 2**53 + 1, 0.0, 1.0, -1.5, 0.1, 5e-324, 1.7976931348623157e308,
          float("inf"), float("-inf"), "", "text", "nul\0inside", "ünïcödé \U0001f30a", "'quoted\"", "line\nline\r\n",
          b"", b"\0", b"\xff\xfe\0", bytes(range(256)))


class Everything(devices.Case):
    def setUp(self):
        super().setUp()
        self.a, self.b = self.pair(schema=TYPES, track=TABLES)

    def sync(self):
        if self.a.process is None:
            self.a.start()
        self.assertEqual(self.b.once(self.a), 0)

    def assert_same(self, *tables):
        for table in tables:
            self.assertEqual(self.a.rows(table), self.b.rows(table), table)
        self.assert_diff_equal(self.a, self.b)

    def test_values(self):
        """values of every type, with their extremes, arrive byte for byte"""
        self.a.write_many("INSERT INTO things VALUES (?, ?, NULL, NULL, NULL, NULL)", list(enumerate(VALUES)))
        self.a.write_many("INSERT INTO things VALUES (?, ?, ?, ?, ?, ?)",
                          [(1000 + i, v, v, v, v, v) for i, v in enumerate(VALUES)])
        self.sync()
        self.assert_same("things")
        self.assertEqual(self.b.count("things"), 2 * len(VALUES))

    def test_type_changes(self):
        """a change of the storage class alone, 2 to 2.0, travels"""
        self.a.sql("INSERT INTO things(id, any) VALUES (1, 2), (2, 'q'), (3, x'71')")
        self.sync()
        self.a.sql("UPDATE things SET any = CAST(any AS REAL) WHERE id = 1")
        self.a.sql("UPDATE things SET any = CAST(any AS BLOB) WHERE id = 2")
        self.a.sql("UPDATE things SET any = CAST(any AS TEXT) WHERE id = 3")
        self.sync()
        self.assertEqual(self.b.sql("SELECT typeof(any) FROM things ORDER BY id"), [("real",), ("blob",), ("text",)])
        self.assert_same("things")

    def test_large_blob(self):
        """blobs of a MiB, and rows of several, arrive byte for byte"""
        blob = bytes(i * i % 251 for i in range(1 << 20))
        self.a.sql("INSERT INTO things(id, bytes) VALUES (1, ?), (2, ?)", blob, blob[::-1])
        self.a.sql("INSERT INTO things(id, any, words, bytes) VALUES (3, ?, ?, ?)", blob, "ü" * (1 << 19), blob * 2)
        self.sync()
        self.assert_same("things")
        self.assertEqual(self.b.sql("SELECT length(bytes) FROM things WHERE id = 3"), [(2 << 20,)])

    def test_composite_keys(self):
        """composite keys, keys of any type and keys that fold case stay the keys that they are"""
        self.a.write_many("INSERT INTO pairs VALUES (?, ?, ?)",
                          [(left, right, f"{left}/{right}") for left in ("", "a", "a\0b", "b") for right in (-1, 0, 2**40)])
        self.a.write_many("INSERT INTO mixed VALUES (?, 'said')",
                          [(key,) for key in (0, -5, 1.5, 2**62, "0", "text", "", b"0", b"", b"\0\xff", "a\0", "a")])
        self.a.sql("INSERT INTO nocase VALUES ('Word', 1), ('other', 2)")
        self.sync()
        self.assert_same("pairs", "mixed", "nocase")
        self.a.sql("DELETE FROM pairs WHERE right = 0")
        self.a.sql("UPDATE pairs SET right = 7 WHERE left = 'a' AND right = -1")
        self.a.sql("DELETE FROM mixed WHERE typeof(key) = 'text'")
        self.b.sql("UPDATE nocase SET said = 3 WHERE key = 'WORD'")
        self.sync()
        self.assert_same("pairs", "mixed", "nocase")
        self.assertEqual(self.a.sql("SELECT said FROM nocase WHERE key = 'word'"), [(3,)])

    def test_quoted_names(self):
        """tables and columns with quotes, spaces and SQL in their names are only names"""
        quoted = '"' + QUOTED.replace('"', '""') + '"'
        self.a.sql(f"INSERT INTO {quoted} VALUES ('k', 'x''y', 'ü')")
        self.sync()
        self.b.sql(f'UPDATE {quoted} SET "select" = \'both\' WHERE "k""ey" = \'k\'')
        self.sync()
        self.assertEqual(self.a.sql(f"SELECT * FROM {quoted}"), [("k", "both", "ü")])
        self.assert_same(QUOTED, "things")
        self.assertIn(QUOTED, [resource["name"] for resource in self.a.status()["resources"]])

    def test_generated_columns(self):
        """generated columns are computed on each device"""
        self.a.sql("INSERT INTO computed(id, a) VALUES ('x', 21)")
        self.sync()
        self.assertEqual(self.b.sql("SELECT a, b, c FROM computed"), [(21, 42, 22)])


class Schema(devices.Case):
    """The app changes its tables, on one device before the other."""

    def test_new_column(self):
        """a row with a column that is not there yet waits, and arrives when the column does"""
        a, b = self.running_pair()
        a.sql("INSERT INTO notes VALUES ('x', 'one', NULL)")
        self.until_equal(a, b)
        a.sql("ALTER TABLE notes ADD COLUMN colour")
        a.sql("UPDATE notes SET colour = 'red', title = 'two'")
        until(lambda: b.status()["quarantined"] == 1, "the row waits on b")
        b.sql("ALTER TABLE notes ADD COLUMN colour")
        until(lambda: b.sql("SELECT title, colour FROM notes") == [("two", "red")], "the row has arrived")
        until(lambda: b.status()["quarantined"] == 0, "nothing waits any more")
        self.until_equal(a, b)

    def test_dropped_column(self):
        """a column can be dropped while the devices run, and writes go on"""
        a, b = self.running_pair()
        a.sql("INSERT INTO notes VALUES ('x', 'one', 'body')")
        self.until_equal(a, b)
        for device in (a, b):
            device.sql("ALTER TABLE notes DROP COLUMN body")
        a.sql("UPDATE notes SET title = 'two'")
        until(lambda: b.sql("SELECT title FROM notes") == [("two",)], "the update is on b")
        b.sql("INSERT INTO notes VALUES ('y', 'three')")
        self.until_equal(a, b)

    def test_unique(self):
        """a row that a UNIQUE constraint refuses waits without blocking others, until what is in its way changes"""
        a, b = self.pair(schema="CREATE TABLE notes(id TEXT PRIMARY KEY, slug UNIQUE)")
        a.sql("INSERT INTO notes VALUES ('1', 'same'), ('3', 'a')")
        b.sql("INSERT INTO notes VALUES ('2', 'same'), ('4', 'b')")
        a.start()
        self.assertEqual(b.once(a), 0)
        self.assertEqual([device.count() for device in (a, b)], [3, 3])
        self.assertEqual([device.status()["quarantined"] for device in (a, b)], [1, 1])
        b.sql("UPDATE notes SET slug = 'other' WHERE id = '2'")
        self.assertEqual(b.once(a), 0)
        self.until_equal(a, b)
        self.assertEqual([device.count() for device in (a, b)], [4, 4])
        self.assertEqual([device.status()["quarantined"] for device in (a, b)], [0, 0])

    def test_app_triggers(self):
        """the app's own triggers fill its own tables on each device, and tracked ones only once"""
        schema = devices.NOTES + """; CREATE VIRTUAL TABLE words USING fts5(id, title);
            CREATE TABLE audit(number INTEGER PRIMARY KEY, what TEXT);
            CREATE TRIGGER index_it AFTER INSERT ON notes BEGIN INSERT INTO words VALUES (new.id, new.title); END;
            CREATE TRIGGER log_it AFTER INSERT ON notes BEGIN INSERT INTO audit(what) VALUES (new.id); END"""
        a, b = self.running_pair(schema=schema, track=("notes", "audit"))
        a.sql("INSERT INTO notes VALUES ('x', 'hello', NULL)")
        self.until_equal(a, b)
        self.until_equal(a, b, table="audit")
        self.assertEqual(b.sql("SELECT id FROM words WHERE words MATCH 'hello'"), [("x",)])
        self.assertEqual(b.sql("SELECT what FROM audit"), [("x",)])


class Apart(devices.Case):
    """Both write while they do not see each other."""

    def setUp(self):
        super().setUp()
        self.a, self.b = self.pair()
        self.a.sql("INSERT INTO notes VALUES ('x', 'title', 'body')")
        self.a.start()
        self.meet()

    def meet(self):
        self.assertEqual(self.b.once(self.a), 0)
        self.until_equal(self.a, self.b)

    def test_two_columns(self):
        """edits of different columns of one row both survive"""
        self.a.sql("UPDATE notes SET title = 'from a'")
        self.b.sql("UPDATE notes SET body = 'from b'")
        self.meet()
        self.assertEqual(self.a.sql("SELECT * FROM notes"), [("x", "from a", "from b")])

    def test_one_column(self):
        """of two edits of one column, the later one wins on both devices"""
        before = self.a.ask("watermarks")
        self.a.sql("UPDATE notes SET title = 'first'")
        until(lambda: self.a.ask("watermarks") != before, "the engine has seen the edit")
        self.b.sql("UPDATE notes SET title = 'second'")
        self.meet()
        self.assertEqual(self.a.sql("SELECT title FROM notes"), [("second",)])

    def test_delete_against_edit(self):
        """a delete wins over an edit that did not know of it, whichever came first"""
        self.a.sql("INSERT INTO notes VALUES ('y', 'title', 'body')")
        self.meet()
        self.a.sql("DELETE FROM notes WHERE id = 'x'")
        self.b.sql("UPDATE notes SET title = 'edited'")
        self.a.sql("DELETE FROM notes WHERE id = 'y'")
        self.meet()
        self.assertEqual((self.a.count(), self.b.count()), (0, 0))

    def test_delete_and_insert_again(self):
        """a row that was deleted and inserted again lives, against an edit of the old one too"""
        self.a.sql("DELETE FROM notes")
        self.a.sql("INSERT INTO notes VALUES ('x', 'again', NULL)")
        self.b.sql("UPDATE notes SET body = 'of the old one'")
        self.meet()
        self.assertEqual(self.b.sql("SELECT * FROM notes"), [("x", "again", None)])
        self.b.sql("DELETE FROM notes")
        self.meet()
        self.a.sql("INSERT INTO notes VALUES ('x', 'third', NULL)")
        self.meet()
        self.assertEqual(self.b.sql("SELECT title FROM notes"), [("third",)])

    def test_same_insert(self):
        """two inserts of one key become one row on both devices"""
        self.a.sql("INSERT INTO notes VALUES ('new', 'a', 'a')")
        self.b.sql("INSERT INTO notes VALUES ('new', 'b', 'b')")
        self.meet()
        self.assertIn(self.a.sql("SELECT title, body FROM notes WHERE id = 'new'"), [[("a", "a")], [("b", "b")]])


if __name__ == "__main__":
    devices.main()
