#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <strandline/ids.h>
#include <strandline/message.h>
#include <strandline/time.h>

#include "simulator/model.h"
#include "simulator/sql.h"
#include "simulator/tables.h"
#include "simulator/watermarks.h"

/// The laws of DESIGN section 9 that can be checked on one device, read from its database with plain SQL.
namespace strandline::simulator {

/// From `low` up to the next piece.
struct Piece {
    std::string low;
    Vector vector;
    friend bool operator==(const Piece&, const Piece&) = default;
};
/// By table's name. Without zeros, and without borders between equal pieces, so equal coverage is equal here.
using Coverage = std::map<std::string, std::vector<Piece>>;

/// As strandline_origins has it.
[[nodiscard]] OriginId origin_from(const std::string& device, std::int64_t incarnation);
/// Whom the device writes as. Empty: the disk fails underneath.
[[nodiscard]] std::optional<OriginId> read_origin(Sql& sql);
/// What is held where; or, from strandline_forgotten, which deletions were forgotten where. Empty: the disk fails underneath.
[[nodiscard]] std::optional<Coverage> read_coverage(Sql& sql,
                                                    const std::string& from = "strandline_coverage");
/// By encoded key; each has all columns. Empty: the disk fails underneath.
[[nodiscard]] std::optional<std::map<std::string, Values>> read_rows(Sql& sql, const Table& table);
/// Bytes of a key, as a person can read them.
[[nodiscard]] std::string printable(const std::string& bytes);
[[nodiscard]] bool is_covered(const std::optional<Stamp>& stamp, const Vector& vector);
/// What holds in every piece.
[[nodiscard]] Vector floor_of(const std::vector<Piece>& pieces);
/// The vector of the piece that this key is in.
[[nodiscard]] const Vector& vector_at(const std::vector<Piece>& pieces, const std::string& key);

/// What a device has held and has said that it holds, to be held against what it holds later: also after a crash,
/// so a word that went out before it was durable is found.
class Promises {
public:
    explicit Promises(std::size_t device) : device_(device) {}
    void said(const message::Message& message);
    /// Laws 1, 2 and 4: what was held is held still, and what was said is held. Floors are compared, since
    /// joining ranges by the minimum lowers pieces and never a floor.
    /// `self`: the device's present origin. Of its former ones, what it lost is not held any more.
    void keep(const Coverage& coverage, const OriginId& self);
    /// The same demand on what would survive, of what has been said: law 4 without waiting for a power cut. What
    /// was held and not said may still be on its way to the disk. `self`: the origin that would survive.
    void demand_durable(const Coverage& coverage, const OriginId& self) const;
    /// An older state was put in place of the one that made them.
    void release() {
        held_.clear();
        said_.clear();
    }

private:
    using Floors = std::map<std::string, Vector>;
    static void forget(Floors& floors, const DeviceId& device);
    void demand(const Floors& floors, const Coverage& coverage, int law) const;

    std::size_t device_;
    Floors held_;
    Floors said_;
    OriginId self_;
};

/// All that devices must agree on.
struct State {
    Coverage coverage;
    /// By table and encoded key: the row as it is, or as it waits in quarantine.
    std::vector<std::map<std::string, std::string>> rows;
    /// By slot, docs/schema.md.
    using Stamps = std::map<std::int64_t, Stamp>;
    /// By table and encoded key.
    std::vector<std::map<std::string, Stamps>> stamps;
    Coverage forgotten;
    std::map<OriginId, Hlc> ceilings;
    std::int64_t quarantined = 0;  ///< rows that a constraint keeps out of a table
};
/// But for what a liar has written.
[[nodiscard]] std::int64_t count_held(Sql& sql, const Model& model);
[[nodiscard]] State read_state(Sql& sql);
/// Law 6: throws with the first difference, if there is one. Here and below rows that a liar has written are left out.
void demand_equal(const State& a, std::size_t device_a, const State& b, std::size_t device_b,
                  const Model& model);
/// Laws 5 and 6: the rows are what the model makes of all writes that somebody holds.
void demand_modelled(const State& state, const Model& model);

}  // namespace strandline::simulator
