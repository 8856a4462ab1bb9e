#include "engine/store/store.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/limits.h"
#include "engine/store/triggers.h"
#include "planted/planted.h"

namespace strandline::engine::store {

namespace {

/// Before anything else is prepared: SQLite compiles anew whatever it compiled under other settings.
std::unique_ptr<Connection> set_up(std::unique_ptr<Connection> opened, std::int64_t page_cache_bytes) {
    Connection& connection = *opened;
    connection.set_busy_ms(kBusyMs);
    connection.execute(is_planted(planted::Bug::acknowledge_before_sync) ? "PRAGMA synchronous = NORMAL"
                                                                         : "PRAGMA synchronous = FULL");
    connection.execute("PRAGMA foreign_keys = OFF");
    connection.execute("PRAGMA recursive_triggers = OFF");
    constexpr std::int64_t kBytesOfKib = 1024;
    connection.execute("PRAGMA cache_size = -" +
                       std::to_string(std::max(std::int64_t{1}, page_cache_bytes / kBytesOfKib)));
    connection.defer_checkpoints();
    return opened;
}

}  // namespace

Store::Store(std::unique_ptr<Connection> opened, std::int64_t page_cache_bytes,
             std::size_t whole_value_bytes_max)
    : opened_(set_up(std::move(opened), page_cache_bytes)),
      whole_value_bytes(whole_value_bytes_max),
      connection(*opened_),
      data_version_asked_(connection.prepare("PRAGMA data_version")),
      schema_version_asked_(connection.prepare("PRAGMA schema_version")) {
    reload();
    data_version_ = ask(data_version_asked_);
}

std::int64_t Store::ask(Statement& pragma) {
    const ResetAtEnd reset(pragma);
    return pragma.step() ? pragma.integer(0) : 0;
}

void Store::reload() {
    is_loaded_ = false;
    loaded_version_ = ask(data_version_asked_);
    rows_.clear();
    origins.load();
    catalog.load();
    const DeviceRow device = read_device(connection);
    self_ = origins.number({device.device, device.incarnation});
    coverage_.clear();
    forgotten_.clear();
    ++coverage_changes_;
    for (const Resource& resource : catalog.resources()) {
        coverage_[resource.id] = {load_coverage(connection, resource.id), coverage_changes_};
        forgotten_[resource.id] = load_coverage(connection, resource.id, kForgottenTable);
    }
    schema_version_ = ask(schema_version_asked_);
    nested.install(catalog.resources());
    is_loaded_ = true;
}

Met Store::meet_schema() {
    rows_.clear();
    auto met = catalog.meet();
    if (is_stale()) reload();
    return met;
}

bool Store::is_stale() {
    return may_differ() || schema_changed() || ask(data_version_asked_) != loaded_version_;
}

bool Store::changed_elsewhere() {
    const std::int64_t version = ask(data_version_asked_);
    const bool changed = version != data_version_;
    data_version_ = version;
    return changed;
}

bool Store::schema_changed() {
    return ask(schema_version_asked_) != schema_version_;
}

bool Store::is_whole() const {
    if (whole_at_ != coverage_changes_) {
        is_whole_ = std::ranges::all_of(catalog.resources(), [&](const Resource& resource) {
            return !resource.is_there || coverage(resource.id).is_whole();
        });
        whole_at_ = coverage_changes_;
    }
    return is_whole_;
}

std::vector<std::string> Store::dropped_columns(const Resource& resource) {
    std::vector<std::string> dropped = catalog.columns().dropped(resource.id);
    if (quarantine.has_any(resource.id))
        std::ranges::copy(quarantine.dropped(resource.id).columns, std::back_inserter(dropped));
    if (dropped.size() > message::kColumnsMax) dropped.resize(message::kColumnsMax);
    return dropped;
}

Rows& Store::rows(const Resource& resource) {
    auto& rows = rows_[resource.id];
    if (!rows) rows = std::make_unique<Rows>(connection, resource);
    return *rows;
}

void Store::set_coverage(std::int64_t resource, const watermarks::Coverage& coverage) {
    Mirrored& mirror = coverage_[resource];
    save_coverage(connection, resource, mirror.coverage, coverage, self_);
    mirror = {coverage, ++coverage_changes_};
}

void Store::raise_forgotten(std::int64_t resource, const watermarks::Range& range,
                            const watermarks::Vector& vector) {
    constexpr Origin kAnchor{};
    watermarks::Coverage& mirror = forgotten_[resource];
    if (mirror.dominates(range, vector)) return;
    watermarks::Coverage raised = mirror;
    raised.raise(range, vector);
    save_coverage(connection, resource, mirror, raised, kAnchor, kForgottenTable);
    mirror = std::move(raised);
    ++coverage_changes_;
}

void Store::mark_foreign(const Resource& resource, const Values& key, bool is_foreign) {
    std::string names;
    std::string places;
    std::string same;
    for (std::size_t i = 0; i < key.size(); ++i) {
        const std::string number = std::to_string(i + 1);
        names += (i > 0 ? ", k" : "k") + number;
        places += (i > 0 ? ", ?" : "?") + number;
        same += (i > 0 ? " AND k" : "k") + number + " = ?" + number;
    }
    const std::string table = foreign_table(resource);
    Statement statement = connection.prepare(
        is_foreign ? "INSERT INTO " + table + "(" + names + ") VALUES (" + places + ") ON CONFLICT DO NOTHING"
                   : "DELETE FROM " + table + " WHERE " + same);
    for (std::size_t i = 0; i < key.size(); ++i) statement.bind(static_cast<int>(i + 1), key[i]);
    statement.run();
}

void Store::begin_incarnation(Incarnation incarnation) {
    const DeviceRow device = read_device(connection);
    const Origin before = self_;
    write_incarnation(connection, incarnation);
    self_ = origins.number({device.device, incarnation});
    for (const Resource& resource : catalog.resources()) set_coverage(resource.id, coverage(resource.id));
    // From now on the new origin's rows say where a piece begins; the old one's would outlive their pieces.
    connection.prepare("DELETE FROM strandline_coverage WHERE origin = ? AND hlc = 0")
        .bind(1, static_cast<std::int64_t>(before))
        .run();
}

void Store::hand_over(std::int64_t resource, Origin old, Hlc held) {
    fingerprints.forget(resource);
    for (const char* update :
         {"UPDATE strandline_stamps SET origin = ?1 WHERE resource = ?2 AND origin = ?3 AND hlc > ?4",
          "UPDATE strandline_quarantine_stamps SET origin = ?1 WHERE origin = ?3 AND hlc > ?4 AND id IN "
          "(SELECT id FROM strandline_quarantine WHERE resource = ?2)"}) {
        Statement statement = connection.prepare(update);
        statement.bind(1, static_cast<std::int64_t>(self_)).bind(2, resource);
        statement.bind(3, static_cast<std::int64_t>(old)).bind(4, held.value).run();
    }
    stamps.reload();
    std::vector<watermarks::Piece> pieces = coverage(resource).pieces();
    for (watermarks::Piece& piece : pieces) {
        std::vector<watermarks::Vector::Entry> entries{{self_, piece.vector.at(old)}};
        for (const auto& [origin, hlc] : piece.vector.entries())
            entries.emplace_back(origin, origin == old ? std::min(hlc, held) : hlc);
        piece.vector = watermarks::Vector::from(std::move(entries));
    }
    set_coverage(resource, watermarks::Coverage(std::move(pieces)));
}

}  // namespace strandline::engine::store
