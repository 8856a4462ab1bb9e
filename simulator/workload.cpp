#include "simulator/workload.h"

#include <algorithm>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace strandline::simulator {
namespace {

/// Keys of one table: few enough that devices meet in the same rows.
constexpr std::uint64_t kKeys = 120;
/// The first few are hot: a third of all writes goes to them.
constexpr std::uint64_t kHotKeys = 4;

std::string joined(const Table& table, std::size_t from, std::size_t to, const std::string& each,
                   const std::string& between) {
    std::string out;
    for (std::size_t i = from; i < to; ++i)
        out += (out.empty() ? "" : between) + fmt::format(fmt::runtime(each), table.columns[i]);
    return out;
}

std::string insert_into(const Table& table, const std::string& verb) {
    std::string marks;
    for (std::size_t i = 0; i < table.columns.size(); ++i) marks += i == 0 ? "?" : ", ?";
    return verb + " INTO " + table.name + " VALUES (" + marks + ")";
}

}  // namespace

App::Outcome Workload::write(App& app) {
    const auto begun = begin(app);
    return begun == App::Outcome::done ? app.commit() : begun;
}

App::Outcome Workload::begin(App& app) {
    if (app.begin() != App::Outcome::done) return App::Outcome::failed;
    return statements(app, random_.one_in(4) ? 1 + random_.below(5) : 1);
}

App::Outcome Workload::load(App& app, std::size_t rows) {
    if (app.begin() != App::Outcome::done) return App::Outcome::failed;
    const auto done = statements(app, rows);
    return done == App::Outcome::done ? app.commit() : done;
}

void Workload::fill(App& app, std::size_t rows) {
    constexpr std::size_t kRowsEach = 1'000;
    constexpr std::size_t kBytes = 1'000;
    const Table& files = *std::ranges::find(tables(), std::string_view("files"), &Table::name);
    for (std::size_t i = 0; i < rows; ++i) {
        if (i % kRowsEach == 0) app.begin();
        app.execute(insert_into(files, "INSERT"), {Blob{random_.bytes(16)}, Blob{random_.bytes(kBytes)},
                                                   static_cast<std::int64_t>(kBytes)});
        if (i % kRowsEach == kRowsEach - 1 || i == rows - 1) app.commit();
    }
}

App::Outcome Workload::store(App& app, std::size_t rows, std::size_t bytes) {
    const Table& files = *std::ranges::find(tables(), std::string_view("files"), &Table::name);
    const auto table = static_cast<std::size_t>(&files - tables().data());
    if (app.begin() != App::Outcome::done) return App::Outcome::failed;
    for (std::size_t i = 0; i < rows; ++i) {
        Values row = key(table);
        row.emplace_back(Blob{random_.bytes(bytes)});
        row.emplace_back(static_cast<std::int64_t>(bytes));
        if (app.execute(insert_into(files, "INSERT OR REPLACE"), row) == App::Outcome::failed)
            return App::Outcome::failed;
    }
    return app.commit();
}

App::Outcome Workload::statements(App& app, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        if (statement(app, random_.below(tables().size())) == App::Outcome::failed)
            return App::Outcome::failed;
    }
    return App::Outcome::done;
}

App::Outcome Workload::statement(App& app, std::size_t table) {
    const Table& shape = tables()[table];
    Values row = key(table);
    const std::string where = " WHERE " + joined(shape, 0, shape.key_columns, "{} = ?", " AND ");
    const std::size_t column = shape.key_columns + random_.below(shape.columns.size() - shape.key_columns);
    const std::string& name = shape.columns[column];
    const std::uint64_t choice = random_.below(100);
    if (choice < 12) return app.execute("DELETE FROM " + shape.name + where, row);
    if (choice < 50) {
        row.insert(row.begin(), value(table, column));
        return app.execute("UPDATE " + shape.name + " SET " + name + " = ?" + where, row);
    }
    for (std::size_t i = shape.key_columns; i < shape.columns.size(); ++i) row.push_back(value(table, i));
    if (choice < 75) return app.execute(insert_into(shape, "INSERT OR IGNORE"), row);
    if (choice < 80 && shape.ownership == Ownership::shared)
        return app.execute(insert_into(shape, "INSERT OR REPLACE"), row);
    if (choice < 83 && shape.folds_case) {
        const Value spelled = row[0];
        return app.execute("UPDATE " + shape.name + " SET name = ?" + where, {spelled, row[0]});
    }
    return app.execute(insert_into(shape, "INSERT") + " ON CONFLICT DO UPDATE SET " +
                           joined(shape, shape.key_columns, shape.columns.size(), "{0} = excluded.{0}", ", "),
                       row);
}

Values Workload::key(std::size_t table) {
    const Table& shape = tables()[table];
    const std::uint64_t number = random_.one_in(3) ? random_.below(kHotKeys) : random_.below(kKeys);
    // A row of a device-owned table is one device's alone; some keys are everybody's, and the first insert's.
    if (shape.ownership == Ownership::device_owned)
        return {number % 10 == 3 ? fmt::format("all-{}", number) : fmt::format("{}-{}", device_, number)};
    if (shape.name == "counters") return {static_cast<std::int64_t>(number)};
    if (shape.name == "links")
        return {fmt::format("l{}", number / 8) + (number % 3 == 0 ? std::string(1, '\0') + "z" : ""),
                static_cast<std::int64_t>(number % 8)};
    if (shape.name == "files") return {Blob{fmt::format("f{}", number) + '\0' + '\xfe'}};
    if (shape.folds_case) return {fmt::format("{}ag{}", random_.one_in(2) ? 'T' : 't', number)};
    return {fmt::format("k{}", number)};
}

Value Workload::value(std::size_t table, std::size_t column) {
    const Table& shape = tables()[table];
    const std::string& name = shape.columns[column];
    // Few enough that two rows sometimes want the same one.
    if (name == "email")
        return random_.one_in(3) ? Value{} : Value{fmt::format("{}@example.org", random_.below(400))};
    if (name == "value" && shape.name == "counters") return random_.between(-1, 9);
    if (name == "note" || name == "title" || name == "name" || name == "colour" || name == "c1")
        return fmt::format("{} {}", name, random_.below(1'000));
    if (name == "pinned" || name == "size" || name == "taken")
        return static_cast<std::int64_t>(random_.below(3));
    if (name == "weight" || (name == "value" && shape.name == "readings"))
        return 0.5 + static_cast<double>(random_.below(1'000));
    if (name == "body" || name == "extra")
        return Blob{random_.bytes(random_.below(random_.one_in(20) ? 3'000 : 60))};
    switch (random_.below(4)) {
        case 0:
            return {};
        case 1:
            return static_cast<std::int64_t>(random_.next());
        case 2:
            return 0.25 + static_cast<double>(random_.below(1'000));
        default:
            return fmt::format("text {}", random_.below(1'000));
    }
}

}  // namespace strandline::simulator
