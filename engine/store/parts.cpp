#include "engine/store/parts.h"

#include "engine/store/cell.h"

namespace strandline::engine::store {
namespace {

/// Parts are numbered within their value: its id, and behind it so many bits for theirs.
constexpr unsigned kPartBits = 24;

std::int64_t first_part(std::int64_t id) {
    return id << kPartBits;
}

}  // namespace

std::optional<Staged> Parts::find(const LargeCell& cell) {
    Statement find = connection_.prepare(
        "SELECT id, is_whole FROM strandline_large WHERE resource = ? AND key = ? AND column = ? "
        "AND hlc = ? AND origin = ? AND is_text = ? AND bytes = ? AND hash = ?");
    find.bind(1, cell.resource).bind_blob(2, cell.key).bind(3, static_cast<std::int64_t>(cell.column));
    find.bind(4, cell.stamp.hlc.value).bind(5, static_cast<std::int64_t>(cell.stamp.origin));
    find.bind(6, std::int64_t{cell.is_text}).bind(7, static_cast<std::int64_t>(cell.bytes));
    if (!find.bind_blob(8, cell.hash).step()) return std::nullopt;
    Staged staged{find.integer(0), cell.is_text, cell.bytes, cell.hash, cell.bytes, find.integer(1) != 0};
    if (staged.is_whole) return staged;
    Statement sum = connection_.prepare(
        "SELECT coalesce(sum(length(bytes)), 0) FROM strandline_parts WHERE id >= ? AND id < ?");
    sum.bind(1, first_part(staged.id)).bind(2, first_part(staged.id + 1)).step();
    staged.held = static_cast<std::uint64_t>(sum.integer(0));
    return staged;
}

Staged Parts::begin(const LargeCell& cell, WallMs now) {
    drop(cell.resource, cell.key, cell.column);
    Statement insert = connection_.prepare(
        "INSERT INTO strandline_large(resource, key, column, hlc, origin, is_text, bytes, hash, since) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id");
    insert.bind(1, cell.resource).bind_blob(2, cell.key).bind(3, static_cast<std::int64_t>(cell.column));
    insert.bind(4, cell.stamp.hlc.value).bind(5, static_cast<std::int64_t>(cell.stamp.origin));
    insert.bind(6, std::int64_t{cell.is_text}).bind(7, static_cast<std::int64_t>(cell.bytes));
    insert.bind_blob(8, cell.hash).bind(9, now.value).step();
    const std::int64_t id = insert.integer(0);
    insert.run();
    return {id, cell.is_text, cell.bytes, cell.hash, 0, false};
}

bool Parts::add(Staged& staged, std::string_view bytes) {
    connection_
        .prepare(
            "INSERT INTO strandline_parts(id, bytes) "
            "SELECT coalesce(max(id) + 1, ?1), ?3 FROM strandline_parts WHERE id >= ?1 AND id < ?2")
        .bind(1, first_part(staged.id))
        .bind(2, first_part(staged.id + 1))
        .bind_blob(3, bytes)
        .run();
    staged.held += bytes.size();
    if (staged.held < staged.bytes) return true;
    Hashing hashing(staged.is_text);
    each(staged, [&](std::uint64_t, std::string_view part) { hashing.add(part); });
    if (hashing.hash() != staged.hash) {
        drop(staged.id);
        return false;
    }
    connection_.prepare("UPDATE strandline_large SET is_whole = 1 WHERE id = ?").bind(1, staged.id).run();
    staged.is_whole = true;
    return true;
}

void Parts::each(const Staged& staged, const std::function<void(std::uint64_t, std::string_view)>& take) {
    Statement read =
        connection_.prepare("SELECT bytes FROM strandline_parts WHERE id >= ? AND id < ? ORDER BY id");
    read.bind(1, first_part(staged.id)).bind(2, first_part(staged.id + 1));
    for (std::uint64_t offset = 0; read.step();) {
        const std::string_view part = read.bytes(0);
        take(offset, part);
        offset += part.size();
    }
}

Value Parts::whole(const Staged& staged) {
    std::string bytes;
    bytes.reserve(static_cast<std::size_t>(staged.bytes));
    each(staged, [&](std::uint64_t, std::string_view part) { bytes += part; });
    if (staged.is_text) return bytes;
    return Blob{std::move(bytes)};
}

void Parts::drop(std::int64_t id) {
    connection_.prepare("DELETE FROM strandline_parts WHERE id >= ? AND id < ?")
        .bind(1, first_part(id))
        .bind(2, first_part(id + 1))
        .run();
    connection_.prepare("DELETE FROM strandline_large WHERE id = ?").bind(1, id).run();
}

void Parts::drop(std::int64_t resource, const std::string& key, ColumnId column) {
    Statement find =
        connection_.prepare("SELECT id FROM strandline_large WHERE resource = ? AND key = ? AND column = ?");
    find.bind(1, resource).bind_blob(2, key).bind(3, static_cast<std::int64_t>(column));
    if (!find.step()) return;
    const std::int64_t id = find.integer(0);
    find.reset();
    drop(id);
}

void Parts::drop_all_of(std::int64_t resource) {
    connection_
        .prepare(
            "DELETE FROM strandline_parts WHERE id >> 24 IN "
            "(SELECT id FROM strandline_large WHERE resource = ?)")
        .bind(1, resource)
        .run();
    connection_.prepare("DELETE FROM strandline_large WHERE resource = ?").bind(1, resource).run();
}

std::uint64_t Parts::announced() {
    return static_cast<std::uint64_t>(
        connection_.ask_integer("SELECT coalesce(sum(bytes), 0) FROM strandline_large"));
}

void Parts::keep_below(std::uint64_t most) {
    while (announced() > most) drop(connection_.ask_integer("SELECT min(id) FROM strandline_large"));
}

void Parts::drop_before(WallMs since) {
    for (;;) {
        Statement find = connection_.prepare("SELECT id FROM strandline_large WHERE since < ? LIMIT 1");
        if (!find.bind(1, since.value).step()) return;
        const std::int64_t id = find.integer(0);
        find.reset();
        drop(id);
    }
}

}  // namespace strandline::engine::store
