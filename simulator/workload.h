#pragma once

#include <cstddef>
#include <cstdint>

#include "simulator/app.h"
#include "simulator/random.h"
#include "simulator/tables.h"

namespace strandline::simulator {

/// What one device's app writes: inserts, updates of a column, deletes, rows put back, UPSERT and REPLACE, hot rows,
/// now and then many rows at once, and transactions over several tables.
class Workload {
public:
    Workload(std::size_t device, Random random) : device_(device), random_(random) {}

    /// One transaction, begun and committed.
    App::Outcome write(App& app);
    /// One transaction left open, for an app that is slow to commit.
    App::Outcome begin(App& app);
    /// Many rows in one transaction.
    App::Outcome load(App& app, std::size_t rows);
    /// So many rows of about so many bytes each in one transaction.
    App::Outcome store(App& app, std::size_t rows, std::size_t bytes);

    /// So many new rows of about 1 kB, in transactions of a thousand.
    void fill(App& app, std::size_t rows);

private:
    App::Outcome statements(App& app, std::size_t count);
    App::Outcome statement(App& app, std::size_t table);
    [[nodiscard]] Values key(std::size_t table);
    [[nodiscard]] Value value(std::size_t table, std::size_t column);

    std::size_t device_;
    Random random_;
};

}  // namespace strandline::simulator
