#include "engine/store/journal.h"

#include "hlc/clock.h"
#include "planted/planted.h"

namespace strandline::engine::store {

bool Journal::is_longer_than(std::size_t rows) {
    Statement statement = connection_.prepare("SELECT 1 FROM strandline_journal LIMIT 1 OFFSET ?");
    return statement.bind(1, static_cast<std::int64_t>(rows)).step();
}

std::vector<JournalRow> Journal::read(std::size_t most) {
    std::vector<JournalRow> rows;
    Statement statement = connection_.prepare("SELECT * FROM strandline_journal ORDER BY hlc LIMIT ?");
    statement.bind(1, static_cast<std::int64_t>(most));
    while (statement.step()) {
        JournalRow row{Hlc{statement.integer(0)}, statement.integer(1), statement.integer(2), {}};
        for (int i = 3; i < statement.column_count(); ++i) row.key.push_back(statement.value(i));
        rows.push_back(std::move(row));
    }
    return rows;
}

void Journal::drop(Hlc last) {
    connection_.prepare("DELETE FROM strandline_journal WHERE hlc <= ?").bind(1, last.value).run();
}

Hlc Journal::clock() {
    return Hlc{
        connection_.ask_integer("SELECT max(ifnull((SELECT max(hlc) FROM strandline_journal), 0), "
                                "ifnull((SELECT max(floor) FROM strandline_clock), 0))")};
}

void Journal::set_floor(Hlc floor) {
    if (is_planted(planted::Bug::counter_not_persisted))
        floor.value = hlc::wall_of(floor).value << hlc::kCounterBits;
    connection_.prepare("UPDATE strandline_clock SET floor = ?1 WHERE floor < ?1").bind(1, floor.value).run();
}

void Journal::put_back(Hlc floor) {
    connection_.prepare("UPDATE strandline_clock SET floor = ?").bind(1, floor.value).run();
}

void Journal::set_applying(bool applying) {
    connection_
        .prepare(applying ? "INSERT INTO strandline_applying VALUES (1)" : "DELETE FROM strandline_applying")
        .run();
}

}  // namespace strandline::engine::store
