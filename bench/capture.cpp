// What an app pays for being watched: its own inserts and updates, with and without Strandline's triggers.
#include <unistd.h>

#include <optional>

#include "bench/devices.h"

namespace strandline::bench {
namespace {

/// An app writes this, `per_transaction` rows a commit.
struct Job {
    bool is_update = false;
    std::int64_t rows = 0;
    std::int64_t per_transaction = 0;
};

struct Written {
    double write_seconds = 0;
    double fold_seconds = 0;
    double file_bytes = 0;
};

double write(Database& app, const Job& job, const std::vector<Row>& rows) {
    Statement statement(app, job.is_update ? kUpdate : kInsert);
    Statement begin(app, "BEGIN");
    Statement commit(app, "COMMIT");
    const double began = now_seconds();
    for (std::int64_t i = 0; i < job.rows; ++i) {
        if (i % job.per_transaction == 0) begin.run();
        const Row& row = rows[static_cast<std::size_t>(i)];
        if (job.is_update) {
            statement.bind_blob(1, row.id);
            statement.bind(2, row.amount + 1);
            statement.run();
        } else {
            insert(statement, row);
        }
        if ((i + 1) % job.per_transaction == 0 || i + 1 == job.rows) commit.run();
    }
    return now_seconds() - began;
}

Written run(const std::string& path, const Job& job, const std::vector<Row>& rows, bool is_tracked) {
    remove_database(path);
    {
        Database database(path, Sync::normal);
        if (job.is_update) {
            fill(database, job.rows);
        } else {
            database.execute(kCreateTable);
        }
    }
    std::optional<Engine> engine;
    if (is_tracked) engine = track_here(path);
    Database app(path, Sync::normal);
    sync();  // What earlier work has left to the disk is not this one's to wait for.
    Written written;
    written.write_seconds = write(app, job, rows);
    if (engine) {
        const double began = now_seconds();
        engine->database_changed(now());
        written.fold_seconds = now_seconds() - began;
        if (engine->failure()) throw Trouble(engine->failure()->message);
        if (engine->status().resources.at(0).rows != job.rows)
            throw Trouble("the fold did not find all rows, so what was measured is worth nothing");
        engine.reset();
    }
    app.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    written.file_bytes = static_cast<double>(std::filesystem::file_size(path));
    return written;
}

void measure(Workbench& bench, const Job& job, const std::vector<Row>& rows, int number,
             std::optional<double> at_most) {
    const std::string what = std::string(job.is_update ? "one-column updates" : "inserts") + ", " +
                             count_text(job.per_transaction) + (job.per_transaction == 1 ? " row" : " rows") +
                             " a transaction";
    const std::string name = std::string("capture/") + (job.is_update ? "update/" : "insert/") +
                             std::to_string(job.per_transaction);
    say("capture, " + what + ", run " + std::to_string(number + 1) + " of " + std::to_string(bench.runs));
    // The second one finds a warmer machine, so they take turns.
    const bool plain_first = number % 2 == 0;
    const std::string path = bench.path("capture.db");
    Written plain;
    if (plain_first) plain = run(path, job, rows, false);
    const Written ours = run(path, job, rows, true);
    if (!plain_first) plain = run(path, job, rows, false);
    remove_database(path);

    bench.report.add({name, "capture, " + what, "plain", Unit::seconds, at_most}, plain.write_seconds,
                     ours.write_seconds);
    bench.report.add({name + "/fold", "  the same with the fold", "plain", Unit::seconds, {}},
                     plain.write_seconds, ours.write_seconds + ours.fold_seconds);
    if (!job.is_update && job.per_transaction == 100) {
        constexpr double kFileAtMost = 1.6;
        bench.report.add(
            {"file", "database file after capture and fold", "plain", Unit::mebibytes, kFileAtMost},
            plain.file_bytes / 1048576, ours.file_bytes / 1048576);
    }
}

}  // namespace

void measure_capture(Workbench& bench) {
    struct Case {
        std::int64_t per_transaction;
        double insert_at_most;
        double update_at_most;
    };
    constexpr Case kCases[] = {{1, 1.5, 1.6}, {100, 1.6, 1.7}, {10'000, 2.1, 2.5}};
    std::vector<Row> rows;
    std::vector<Row> in_other_order;
    for (const std::int64_t number : shuffled(bench.rows, bench.rows, 1)) {
        in_other_order.push_back(row_at(number));
        rows.push_back(row_at(static_cast<std::int64_t>(rows.size())));
    }
    for (const bool is_update : {false, true}) {
        for (const Case& one : kCases) {
            for (int number = 0; number < bench.runs; ++number) {
                measure(bench, {is_update, bench.rows, one.per_transaction},
                        is_update ? in_other_order : rows, number,
                        is_update ? one.update_at_most : one.insert_at_most);
            }
        }
    }
}

}  // namespace strandline::bench
