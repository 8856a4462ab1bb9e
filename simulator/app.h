#pragma once

#include <string>

#include <strandline/value.h>

#include "simulator/sql.h"
#include "simulator/witness.h"

namespace strandline::simulator {

/// One device's app: a connection of its own that writes plain SQL and knows nothing of Strandline. What it commits
/// is seen by the witness.
class App {
public:
    enum class Outcome {
        done,
        refused,  ///< by a constraint; the transaction goes on
        failed,   ///< the disk or a lock; the transaction is over
    };

    App(const std::string& file, const std::string& vfs, bool syncs_fully, Witness& witness);

    Outcome begin();
    Outcome execute(const std::string& sql, const Values& values);
    Outcome commit();
    void roll_back();
    /// Brings what the log holds into the database, and leaves the log empty, as apps do that mind the disk.
    void shorten_log();
    [[nodiscard]] bool is_in_transaction() const { return is_in_transaction_; }

    [[nodiscard]] Sql& sql() { return sql_; }

private:
    Outcome give_up(bool is_commit);

    Witness& witness_;
    Sql sql_;
    bool is_in_transaction_ = false;
};

}  // namespace strandline::simulator
