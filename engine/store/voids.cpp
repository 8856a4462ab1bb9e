#include "engine/store/voids.h"

#include <algorithm>

#include "engine/store/schema.h"

namespace strandline::engine::store {

void Voids::load() {
    all_.clear();
    Statement read = connection_.prepare("SELECT of, above, by FROM strandline_voids ORDER BY of, by");
    while (read.step())
        all_.push_back({static_cast<Origin>(read.integer(0)), Hlc{read.integer(1)},
                        static_cast<Origin>(read.integer(2))});
}

bool Voids::add(const Void& record) {
    if (std::ranges::find(all_, record) != all_.end()) return false;
    Statement put = connection_.prepare(
        "INSERT INTO strandline_voids(of, above, by) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1");
    put.bind(1, static_cast<std::int64_t>(record.of)).bind(2, record.above.value);
    const bool is_new = put.bind(3, static_cast<std::int64_t>(record.by)).step();
    put.run();
    if (is_new) load();
    return is_new;
}

std::vector<Voids::Placed> Voids::above(std::int64_t resource, Hlc above, std::optional<Origin> of,
                                        const DeviceId* owner) {
    // The row's own stamp, or that of the life that was deleted, says who inserted the row.
    std::string query =
        "SELECT DISTINCT hlc, origin, key FROM strandline_stamps AS s WHERE resource = ?1 AND hlc > ?2";
    if (of) query += " AND origin = ?3";
    if (owner != nullptr)
        query +=
            " AND EXISTS (SELECT 1 FROM strandline_stamps AS i JOIN strandline_origins AS o ON o.id = "
            "i.origin "
            "WHERE i.resource = s.resource AND i.key = s.key AND i.slot IN (0, -1) AND o.device = ?4)";
    Statement find = connection_.prepare(query);
    find.bind(1, resource).bind(2, above.value);
    if (of) find.bind(3, static_cast<std::int64_t>(*of));
    if (owner != nullptr) find.bind_blob(4, bytes_of(*owner));
    std::vector<Placed> placed;
    while (find.step())
        placed.push_back({{Hlc{find.integer(0)}, static_cast<Origin>(find.integer(1))}, find.text(2)});
    return placed;
}

void Voids::restamp(std::int64_t resource, const Placed& placed, const Stamp& stamp) {
    Statement update = connection_.prepare(
        "UPDATE strandline_stamps SET hlc = ?1, origin = ?2 "
        "WHERE resource = ?3 AND key = ?4 AND hlc = ?5 AND origin = ?6");
    update.bind(1, stamp.hlc.value).bind(2, static_cast<std::int64_t>(stamp.origin)).bind(3, resource);
    update.bind_blob(4, placed.second).bind(5, placed.first.hlc.value);
    update.bind(6, static_cast<std::int64_t>(placed.first.origin)).run();
}

bool Voids::lower_owned(std::int64_t resource, const Void& record) {
    Statement update = connection_.prepare(
        "UPDATE strandline_stamps SET hlc = ?1 WHERE resource = ?2 AND origin = ?3 AND hlc > ?1 AND slot NOT "
        "IN "
        "(0, -1) RETURNING 1");
    update.bind(1, record.above.value).bind(2, resource).bind(3, static_cast<std::int64_t>(record.of));
    const bool is_any = update.step();
    update.run();
    return is_any;
}

std::set<std::string> Voids::held(std::int64_t resource, const Void& record) {
    Statement find = connection_.prepare(
        "SELECT q.key FROM strandline_quarantine_stamps AS s CROSS JOIN strandline_quarantine AS q ON q.id = "
        "s.id "
        "WHERE s.origin = ? AND s.hlc > ? AND q.resource = ? AND q.kind = 'held'");
    find.bind(1, static_cast<std::int64_t>(record.of)).bind(2, record.above.value).bind(3, resource);
    std::set<std::string> keys;
    while (find.step()) keys.insert(find.text(0));
    return keys;
}

}  // namespace strandline::engine::store
