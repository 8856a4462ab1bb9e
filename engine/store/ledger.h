#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <strandline/engine.h>
#include <strandline/event.h>
#include <strandline/status.h>

#include "engine/store/connection.h"
#include "watermarks/vector.h"

namespace strandline::engine::store {

/// What a device writes down about itself for people and for other processes: events, traffic, members,
/// peers, requests. None of it decides what is sent.
class Ledger {
public:
    explicit Ledger(Connection& connection) : connection_(connection) {}

    /// Gives the event its number.
    void add_event(Event& event);
    [[nodiscard]] std::vector<Event> events_after(std::int64_t number, std::size_t most);

    void add_traffic(const TrafficStatus& sent, const TrafficStatus& received);
    [[nodiscard]] TrafficStatus traffic(const std::string& direction);

    struct Member {
        DeviceId device;
        std::string name;
        bool is_let_in = true;   ///< else only others have said so
        bool is_parked = false;  ///< deletions do not wait for it
    };
    /// What is known of one that was let in stays when it is only heard of.
    void put_member(const Member& member, WallMs since);
    /// A member that was let in without a name goes by the one that it gives itself.
    void name_member(const DeviceId& device, const std::string& name);
    /// Empty: it is waited for.
    void set_parked(const DeviceId& device, std::optional<WallMs> since);
    /// Every device that was ever heard of, but this one.
    [[nodiscard]] std::vector<Member> members();

    void put_peer(const DeviceId& device, bool connected, std::optional<double> rtt_ms);
    void disconnect_peers();
    /// A peer says which life it is in. Of another than the last it is not known what it holds: its receipts are
    /// forgotten, and the answer is true.
    bool meet_life(const DeviceId& device, Incarnation incarnation);
    /// All that are let in; how far behind they are is not a part of it.
    [[nodiscard]] std::vector<PeerStatus> peers();

    /// By device and resource.
    using Receipts = std::map<DeviceId, std::map<std::int64_t, watermarks::Vector>>;
    void put_receipt(const DeviceId& device, std::int64_t resource, const watermarks::Vector& vector);
    [[nodiscard]] Receipts receipts();

    /// By resource: why a table that a peer tracks too is not exchanged with it.
    using NotExchanged = std::map<std::int64_t, std::string>;
    void set_not_exchanged(const DeviceId& device, const NotExchanged& tables);
    [[nodiscard]] std::map<std::int64_t, std::vector<NotExchangedStatus>> not_exchanged();

    /// Empty: no backfill is under way.
    void set_backfill(const std::optional<BackfillStatus>& backfill);
    [[nodiscard]] std::optional<BackfillStatus> backfill();

    void set_state(DeviceState state);

    struct OpenRequest {
        std::int64_t number = 0;
        Request request;
    };
    std::int64_t add_request(const Request& request);
    [[nodiscard]] std::vector<OpenRequest> open_requests();
    void answer_request(std::int64_t number, const Result<void>& answer);
    /// Yes, and both hold the same: what that took.
    void answer_verify(std::int64_t number, const Verification& found);
    /// Empty: there is no answer yet.
    [[nodiscard]] std::optional<Result<void>> answer_to(std::int64_t number);
    /// Empty: to this request, that is not the answer.
    [[nodiscard]] std::optional<Verification> verified_by(std::int64_t number);

private:
    void put_answer(std::int64_t number, const std::string& text, std::optional<Category> category);

    Connection& connection_;
};

}  // namespace strandline::engine::store
