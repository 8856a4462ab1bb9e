#include "engine/store/schema.h"

#include <algorithm>
#include <cstring>

namespace strandline::engine::store {
namespace {

constexpr const char* kTables = R"sql(
CREATE TABLE strandline_device(
  format      INTEGER NOT NULL,
  device      BLOB    NOT NULL,
  name        TEXT    NOT NULL,
  incarnation INTEGER NOT NULL,
  state       TEXT    NOT NULL DEFAULT 'uninitialized',
  opened      INTEGER NOT NULL DEFAULT 0,
  mark        TEXT    NOT NULL DEFAULT '',
  is_open     INTEGER NOT NULL DEFAULT 0,
  owed        TEXT    NOT NULL DEFAULT '',
  verified    INTEGER NOT NULL
);

-- The clock's last value as of the last fold or apply. Triggers read it.
CREATE TABLE strandline_clock(floor INTEGER NOT NULL);
INSERT INTO strandline_clock VALUES (0);

-- A row here, inside the engine's own transaction, tells the triggers to stay silent.
CREATE TABLE strandline_applying(yes INTEGER);

-- What local writers did, in HLC order; k1, k2 ... are the key's values, as many as any table needs.
CREATE TABLE strandline_journal(
  hlc      INTEGER PRIMARY KEY,
  resource INTEGER NOT NULL,
  what     INTEGER NOT NULL,
  k1
);

CREATE TABLE strandline_origins(
  id          INTEGER PRIMARY KEY,
  device      BLOB    NOT NULL,
  incarnation INTEGER NOT NULL,
  ceiling     INTEGER NOT NULL DEFAULT 0,  -- Its stamps above this count as this; 0: as they are.
  UNIQUE (device, incarnation)
);

CREATE TABLE strandline_resources(
  id        INTEGER PRIMARY KEY,
  name      TEXT    NOT NULL UNIQUE COLLATE NOCASE,
  ownership TEXT    NOT NULL CHECK (ownership IN ('shared', 'device_owned')),
  key       TEXT    NOT NULL,  -- Affinities and collations; with another key it would be another table.
  sql       TEXT    NOT NULL DEFAULT '',  -- Its CREATE TABLE; with another one the rows may hold other values.
  is_away   INTEGER NOT NULL DEFAULT 0,
  rows      INTEGER NOT NULL DEFAULT 0,
  columns   INTEGER NOT NULL DEFAULT 0  -- How many ids of columns were given.
);

-- The names that the columns of a key bear, and bore before they were renamed.
CREATE TABLE strandline_keys(
  resource INTEGER NOT NULL,
  place    INTEGER NOT NULL,
  name     TEXT    NOT NULL COLLATE NOCASE,
  is_old   INTEGER NOT NULL,
  PRIMARY KEY (resource, place, name)
) WITHOUT ROWID;

CREATE TABLE strandline_columns(
  resource INTEGER NOT NULL,
  name     TEXT    NOT NULL COLLATE NOCASE,
  id       INTEGER NOT NULL,
  is_old   INTEGER NOT NULL,  -- The column was renamed since.
  place    INTEGER,           -- Among the table's columns; NULL: it is not one of them. -1: no more.
  type     TEXT    NOT NULL,
  PRIMARY KEY (resource, name)
) WITHOUT ROWID;

-- slot 0: the row's stamp, with the digests of its values. 1: its era. 2 + n: the cell of column n.
-- -1 and -2: the insert's stamp and era of the life that a delete in a device-owned resource ended.
CREATE TABLE strandline_stamps(
  resource INTEGER NOT NULL,
  key      BLOB    NOT NULL,
  slot     INTEGER NOT NULL,
  hlc      INTEGER NOT NULL,
  origin   INTEGER NOT NULL,
  digests  BLOB,
  PRIMARY KEY (resource, key, slot)
) WITHOUT ROWID;
CREATE INDEX strandline_stamps_by_origin ON strandline_stamps(resource, origin, hlc);
CREATE INDEX strandline_eras ON strandline_stamps(resource, origin, hlc) WHERE slot = 1;

-- Sums of ranges of keys: a bucket begins at `low` and ends where the next begins. NULL: to be summed up anew.
CREATE TABLE strandline_fingerprints(
  resource INTEGER NOT NULL,
  low      BLOB    NOT NULL,
  sum      BLOB,
  content  BLOB    NOT NULL,
  rows     INTEGER NOT NULL,
  columns  BLOB    NOT NULL,
  PRIMARY KEY (resource, low)
) WITHOUT ROWID;

-- Coverage: a piece begins at `low` and ends where the next begins. Each has a row for our own origin.
CREATE TABLE strandline_coverage(
  resource INTEGER NOT NULL,
  low      BLOB    NOT NULL,
  origin   INTEGER NOT NULL,
  hlc      INTEGER NOT NULL,
  PRIMARY KEY (resource, low, origin)
) WITHOUT ROWID;

-- Where which deletions were forgotten, as ranges like coverage. Each piece has a row for origin 0.
CREATE TABLE strandline_forgotten(
  resource INTEGER NOT NULL,
  low      BLOB    NOT NULL,
  origin   INTEGER NOT NULL,
  hlc      INTEGER NOT NULL,
  PRIMARY KEY (resource, low, origin)
) WITHOUT ROWID;

-- Changes that are held but not visible: refused by the database, or from too far in the future.
CREATE TABLE strandline_quarantine(
  id       INTEGER PRIMARY KEY,
  resource INTEGER NOT NULL,
  key      BLOB    NOT NULL,
  kind     TEXT    NOT NULL CHECK (kind IN ('refused', 'held', 'not_owner')),
  due      INTEGER NOT NULL,
  reason   TEXT    NOT NULL,
  since    INTEGER NOT NULL
);
CREATE INDEX strandline_quarantine_by_key ON strandline_quarantine(resource, key);
CREATE TABLE strandline_quarantine_stamps(
  id     INTEGER NOT NULL,
  slot   INTEGER NOT NULL,
  hlc    INTEGER NOT NULL,
  origin INTEGER NOT NULL,
  PRIMARY KEY (id, slot)
) WITHOUT ROWID;
CREATE INDEX strandline_quarantine_stamps_by_origin ON strandline_quarantine_stamps(origin, hlc);
CREATE TABLE strandline_quarantine_values(
  id          INTEGER NOT NULL,
  name        TEXT    NOT NULL,
  is_key      INTEGER NOT NULL,
  is_withheld INTEGER NOT NULL,  -- The value is not here: 1 too large to travel, 2 dropped where it came from.
  value,
  PRIMARY KEY (id, is_key, name)
) WITHOUT ROWID;
CREATE INDEX strandline_quarantine_dropped ON strandline_quarantine_values(id) WHERE is_withheld = 2;

-- Large values on their way into their cells: what each is, and what is here of it, its parts in the order of their ids, of
-- which each begins with the value's id.
CREATE TABLE strandline_large(
  id       INTEGER PRIMARY KEY,
  resource INTEGER NOT NULL,
  key      BLOB    NOT NULL,
  column   INTEGER NOT NULL,
  hlc      INTEGER NOT NULL,
  origin   INTEGER NOT NULL,
  is_text  INTEGER NOT NULL,
  bytes    INTEGER NOT NULL,
  hash     BLOB    NOT NULL,
  since    INTEGER NOT NULL,
  is_whole INTEGER NOT NULL DEFAULT 0,
  UNIQUE (resource, key, column)
);
CREATE TABLE strandline_parts(
  id    INTEGER PRIMARY KEY,
  bytes BLOB NOT NULL
);

-- Every device that was ever heard of; none is taken away.
CREATE TABLE strandline_members(
  device       BLOB PRIMARY KEY,
  name         TEXT NOT NULL,
  since        INTEGER NOT NULL,
  is_let_in    INTEGER NOT NULL,  -- by this device; else others have let it in
  parked_since INTEGER            -- Deletions do not wait for it. NULL: they do.
) WITHOUT ROWID;

-- What the running process knows of its peers, for those who ask.
CREATE TABLE strandline_peers(
  device      BLOB PRIMARY KEY,
  incarnation INTEGER,  -- As it said when a session began.
  connected   INTEGER NOT NULL,
  rtt_ms      REAL
) WITHOUT ROWID;

-- What each peer last said that it holds of a whole table.
CREATE TABLE strandline_receipts(
  device   BLOB    NOT NULL,
  resource INTEGER NOT NULL,
  vector   BLOB    NOT NULL,  -- docs/schema.md, Receipts.
  PRIMARY KEY (device, resource)
) WITHOUT ROWID;

-- What a peer tracks too, but not as the same table: why it is not exchanged.
CREATE TABLE strandline_not_exchanged(
  device   BLOB    NOT NULL,
  resource INTEGER NOT NULL,
  why      TEXT    NOT NULL,
  PRIMARY KEY (device, resource)
) WITHOUT ROWID;

CREATE TABLE strandline_backfill(
  peer       BLOB    NOT NULL,
  rows_done  INTEGER NOT NULL,
  rows_total INTEGER NOT NULL,
  resource   TEXT    NOT NULL,
  done       TEXT    NOT NULL,
  fraction     REAL    NOT NULL,
  bytes_done   INTEGER NOT NULL,
  bytes_total  INTEGER NOT NULL,
  rows_per_second  REAL NOT NULL,
  bytes_per_second REAL NOT NULL,
  seconds_left INTEGER  -- NULL: nobody knows yet.
);

CREATE TABLE strandline_traffic(
  direction TEXT PRIMARY KEY,
  messages  INTEGER NOT NULL DEFAULT 0,
  bytes     INTEGER NOT NULL DEFAULT 0,
  rows      INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
INSERT INTO strandline_traffic(direction) VALUES ('sent'), ('received');

CREATE TABLE strandline_events(
  number   INTEGER PRIMARY KEY,
  at       INTEGER NOT NULL,
  kind     TEXT    NOT NULL,
  resource TEXT    NOT NULL,
  peer     TEXT    NOT NULL,
  text     TEXT    NOT NULL,
  rows     INTEGER NOT NULL
);

-- What other processes ask of the one that runs the device. An answer without a category is yes, else it says
-- why not. A yes to a verify is the peer's id, and what docs/schema.md says; any other is empty.
CREATE TABLE strandline_requests(
  number    INTEGER PRIMARY KEY,
  command   TEXT NOT NULL,
  arguments TEXT NOT NULL,
  category  INTEGER,
  answer    TEXT
);
)sql";

}  // namespace

void create_schema(Connection& connection, const InitOptions& options, Now now) {
    connection.execute(kTables);
    Statement device = connection.prepare(
        "INSERT INTO strandline_device(format, device, name, incarnation, verified) VALUES (?, ?, ?, ?, ?)");
    const auto incarnation = static_cast<std::int64_t>(options.entropy());
    device.bind(1, std::int64_t{kFormat}).bind_blob(2, bytes_of(options.device)).bind_text(3, options.name);
    device.bind(4, incarnation).bind(5, now.wall.value).run();
    Statement origin =
        connection.prepare("INSERT INTO strandline_origins(id, device, incarnation) VALUES (0, ?, ?)");
    origin.bind_blob(1, bytes_of(options.device)).bind(2, incarnation).run();
}

bool has_schema(Connection& connection) {
    return connection.ask_integer(
               "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'strandline_device'") > 0;
}

DeviceRow read_device(Connection& connection) {
    Statement statement =
        connection.prepare("SELECT format, device, name, incarnation FROM strandline_device");
    if (!statement.step()) throw StorageError(0, "the table strandline_device is empty");
    return {static_cast<int>(statement.integer(0)), device_id_from_bytes(statement.bytes(1)),
            statement.text(2), static_cast<Incarnation>(statement.integer(3))};
}

void write_incarnation(Connection& connection, Incarnation incarnation) {
    connection.prepare("UPDATE strandline_device SET incarnation = ?")
        .bind(1, static_cast<std::int64_t>(incarnation))
        .run();
}

std::optional<Error> objection_to(Connection& connection, const std::string& path, const DeviceId& device) {
    if (!has_schema(connection))
        return Error{Category::usage, path + " is not a device's database; `strandline init` makes it one"};
    const DeviceRow row = read_device(connection);
    const std::string format = path + " has format " + std::to_string(row.format) + ", made by a ";
    if (row.format > kFormat) {
        return Error{Category::storage,
                     format + "newer Strandline; this one reads up to " + std::to_string(kFormat)};
    }
    if (row.format < kFormat) {
        return Error{
            Category::storage,
            format +
                "Strandline from before the first release; copy your tables to a new file and init that"};
    }
    if (row.device == device) return std::nullopt;
    return Error{Category::usage, path + " belongs to device " + short_hex(row.device) +
                                      ", but the key file beside it is of " + short_hex(device) +
                                      "; put the right key file back"};
}

Opening read_opening(Connection& connection) {
    Statement statement = connection.prepare("SELECT opened, mark FROM strandline_device");
    if (!statement.step()) throw StorageError(0, "the table strandline_device is empty");
    return {static_cast<std::uint64_t>(statement.integer(0)), statement.text(1)};
}

void write_opening(Connection& connection, const Opening& opening) {
    Statement update = connection.prepare("UPDATE strandline_device SET opened = ?, mark = ?");
    update.bind(1, static_cast<std::int64_t>(opening.count)).bind_text(2, opening.mark).run();
}

bool set_open(Connection& connection, bool is_open) {
    const bool was_open = connection.ask_integer("SELECT is_open FROM strandline_device") != 0;
    connection.prepare("UPDATE strandline_device SET is_open = ?").bind(1, std::int64_t{is_open}).run();
    return was_open;
}

OwedProof read_owed(Connection& connection) {
    Statement read = connection.prepare("SELECT owed, verified FROM strandline_device");
    if (!read.step()) throw StorageError(0, "the table strandline_device is empty");
    const std::string what = read.text(0);
    return {what == "deep"      ? Proof::deep
            : what == "shallow" ? Proof::shallow
                                : Proof::none,
            WallMs{read.integer(1)}};
}

void write_owed(Connection& connection, const OwedProof& owed) {
    constexpr const char* kNames[] = {"", "shallow", "deep"};
    connection.prepare("UPDATE strandline_device SET owed = ?, verified = ?")
        .bind_text(1, kNames[static_cast<int>(owed.what)])
        .bind(2, owed.verified.value)
        .run();
}

std::string_view bytes_of(const DeviceId& device) {
    return {reinterpret_cast<const char*>(device.bytes.data()), device.bytes.size()};
}

DeviceId device_id_from_bytes(std::string_view bytes) {
    DeviceId device;
    std::memcpy(device.bytes.data(), bytes.data(), std::min(bytes.size(), device.bytes.size()));
    return device;
}

}  // namespace strandline::engine::store
