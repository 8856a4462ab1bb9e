#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <strandline/ids.h>
#include <strandline/time.h>

#include "engine/record.h"
#include "engine/store/connection.h"

namespace strandline::engine::store {

/// What a device says whose clock stood far ahead and was put right: its stamps of `of` above `above` are void, and
/// `by`, its next incarnation, has written again what they said (docs/decisions/0008-*.md).
struct Void {
    Origin of{};
    Hlc above;
    Origin by{};

    [[nodiscard]] bool is_void(const Stamp& stamp) const { return stamp.origin == of && stamp.hlc > above; }
    friend bool operator==(const Void&, const Void&) = default;
};

/// Table strandline_voids, which only grows; and what is done to stamps by it.
class Voids {
public:
    explicit Voids(Connection& connection) : connection_(connection) {}

    void load();
    [[nodiscard]] const std::vector<Void>& all() const { return all_; }
    /// False: it was known. Inside a transaction.
    bool add(const Void& record);

    /// A stamp and the only key that it stands at.
    using Placed = std::pair<Stamp, std::string>;
    /// Stamps of a resource above `above`, once each: of all origins, or of `of` alone; where `owner` is given, only those
    /// at keys that this device, by any of its origins, inserted last.
    [[nodiscard]] std::vector<Placed> above(std::int64_t resource, Hlc above, std::optional<Origin> of,
                                            const DeviceId* owner);
    /// Wherever a stamp stands in a key's record, another takes its place.
    void restamp(std::int64_t resource, const Placed& placed, const Stamp& stamp);
    /// Void cells and eras of a device-owned resource become as early as they can: their writer's new ones win.
    /// False: there are none.
    bool lower_owned(std::int64_t resource, const Void& record);
    /// Keys of held changes with void stamps.
    [[nodiscard]] std::set<std::string> held(std::int64_t resource, const Void& record);

private:
    Connection& connection_;
    std::vector<Void> all_;
};

}  // namespace strandline::engine::store
