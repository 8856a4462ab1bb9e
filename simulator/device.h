#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <strandline/engine.h>

#include "net/identity.h"
#include "net/tcp/dialer.h"
#include "simulator/app.h"
#include "simulator/clock.h"
#include "simulator/connection.h"
#include "simulator/disk/disk.h"
#include "simulator/laws.h"
#include "simulator/liar.h"
#include "simulator/lookout.h"
#include "simulator/model.h"
#include "simulator/network.h"
#include "simulator/novelty.h"
#include "simulator/witness.h"

namespace strandline::simulator {

/// What all devices of a world share.
struct Surroundings {
    Schedule& schedule;
    Chronicle& chronicle;
    Network& network;
    Model& model;
    bool tells_least = false;  ///< for each link, what its receiver lacked
    bool is_large = false;     ///< many devices: each is to do with little memory
    bool forgets = false;
};

/// What one device has seen go by.
struct Tally {
    std::uint64_t rows_received = 0;
    std::uint64_t messages = 0;      ///< said, heartbeats too
    std::uint64_t talk = 0;          ///< said, without heartbeats
    std::uint64_t transactions = 0;  ///< of the app's, committed
    std::uint64_t lost = 0;          ///< of these, gone with the power, as synchronous=NORMAL allows
    std::uint64_t spins = 0;         ///< the engine had nothing to do at its deadline, and named it again
    std::size_t unsent_bytes_most = 0;
};

/// One device: a disk, two clocks, a key file, an app, and a host that runs the engine that ships. Plays the part
/// of net::tcp::Host: dials with backoff, keeps one session a peer, asks for messages only while there is room.
///
///     absent ──join()──▶ running ⇄ stopped      an orderly stop; the app writes on
///                         ▲  │
///                 start() │  ▼ crash, power cut, a failing disk
///                         down ──▶ ... leave() from anywhere: for ever
class Device final : public Connection::Owner {
public:
    enum class Life { absent, running, stopped, down, left };

    /// `identity`: whose key it has; another device's, when it is to be a copy of that.
    Device(const Surroundings& world, std::size_t index, const Random& random, const Random& identity);
    ~Device() override;

    // --- life -------------------------------------------------------------------------------------

    /// Makes the database with all tables, lets these in, and starts. `syncs_fully`: the app's synchronous=FULL.
    void join(const std::vector<const Device*>& members, bool syncs_fully);
    /// Dials this device from now on.
    void dial(const Device& peer);
    /// An orderly end of the engine's process.
    void stop();
    void start();
    /// All processes die, now or at the n-th call of the disk from now.
    void crash(std::uint64_t at_call);
    void cut_power(const disk::Survival& survival, std::uint64_t at_call);
    /// The engine's process stands still: it reads nothing, says nothing, and does not know it.
    void pause(bool is_paused);
    void leave();
    /// From now on what it says goes through this liar; empty: it tells the truth again.
    void lie(const std::optional<Liar>& liar) { liar_ = liar; }
    /// A copy of the disk as it is, and of the key file with it.
    void keep_copy();
    /// Puts the copy back while everything is down; `with_key_file`: the key file too. Without it, only what is older
    /// than the present opening. False: nothing was done.
    bool restore_copy(bool with_key_file);
    [[nodiscard]] bool has_copy() const { return copy_.has_value(); }
    /// Begins with a copy of the other one's database, as the same device on a machine of its own, and lives beside it. Without
    /// the key file nothing opens the database, while its app writes. False: the other one cannot be copied just now.
    bool begin_as_copy_of(Device& original, bool with_key_file);
    /// The key file has come, too.
    void bring_key();
    /// The key file's count is lost with the next crash: a file of before comes back.
    void forget_count() { opened_ = opened_ > 0 ? opened_ - 1 : 0; }

    /// Rows are altered and deleted behind the engine; how many. While nobody writes, and every row is elsewhere too.
    [[nodiscard]] std::size_t damage(Random& random);
    /// Does not wait for that device, or does again.
    void park(const Device& other, bool is_parked);
    /// Is to prove, by reading all its rows, that it holds what its peers hold.
    void prove();
    /// Whether it still has to.
    [[nodiscard]] bool owes_proof();

    // --- the app ----------------------------------------------------------------------------------

    /// Null while there is none. After a transaction: wrote().
    [[nodiscard]] App* app() { return app_ ? &*app_ : nullptr; }
    void wrote();
    /// Once enough was written since the last time, the app brings what the log holds into the database and leaves it empty, and
    /// lets go of what it had prepared.
    void save_memory();

    // --- what is so -------------------------------------------------------------------------------

    [[nodiscard]] std::size_t index() const { return index_; }
    [[nodiscard]] Life life() const { return life_; }
    /// The disk holds a database, and its app may write.
    [[nodiscard]] bool is_up() const { return life_ == Life::running || life_ == Life::stopped; }
    [[nodiscard]] DeviceId id() const { return identity_.device(); }
    [[nodiscard]] Clock& clock() { return clock_; }
    [[nodiscard]] disk::Disk& disk() { return disk_; }
    [[nodiscard]] const Tally& tally() const { return tally_; }
    [[nodiscard]] bool has_pending_writes() const { return witness_.has_pending(); }
    [[nodiscard]] bool was_restored() const { return was_restored_; }
    /// Whether there is a session with that device just now.
    [[nodiscard]] bool has_session(const Device& peer) const {
        const auto session = sessions_.find(peer.id());
        return session != sessions_.end() && session->second->other() == peer.index();
    }
    /// A connection for checks; only while running or stopped.
    [[nodiscard]] Sql& sql() { return app_->sql(); }
    /// Laws 2 and 4, now.
    void check_promises();
    /// Law 4 on the worst that a power cut at this moment could leave, where that is not what check_promises() sees.
    void check_durable();
    /// Law 1, word for word.
    void check_claims();

    // --- what a Connection asks and tells -----------------------------------------------------------

    [[nodiscard]] SteadyMs steady() const override { return clock_.steady(); }
    std::optional<Error> objection(const Connection& connection, const DeviceId& peer) override;
    void proven(Connection& connection) override;
    void received(Connection& connection, const std::string& frame) override;
    bool takes_input() override;
    void said_more() override { ask_settle(); }
    void moved_bytes(std::size_t sent, std::size_t received) override;
    void gone(Connection& connection, const Error& why) override;

private:
    using ConnectionRef = std::shared_ptr<Connection>;
    struct Named {
        std::size_t device = 0;
        net::tcp::Dialer dialer;
        ConnectionRef connection;
    };
    struct Copy {
        disk::DiskImage image;
        Witness::Memory memory;
        std::uint64_t opened = 0;
        std::optional<Novelty> novelty;
    };

    // The loop, as the TCP host's.
    void ask_settle();
    void settle();
    void say(const DeviceId& peer, Connection& connection);
    void tell_events();
    void arm();
    void tick();
    void look_soon();
    void look();
    void pulse();
    /// After every door of the engine's: what it did to the disk, and what the disk did to it.
    void after_door();

    // Connections.
    std::shared_ptr<Network::End> accept(Network::Port port, std::size_t from);
    void dial_what_is_due();
    void end_session(Connection& connection, const std::string& why);
    void forget_connections();

    // Life.
    [[nodiscard]] bool open_app();
    [[nodiscard]] Opening opening() const;
    [[nodiscard]] bool count_opening();
    void open_engine();
    void be_refused(EngineOptions options);
    void see_failed_opening();
    void die(bool without_power);
    void come_back();
    void note(std::string_view kind, const std::string& text);
    void tell_life(const char* life);
    [[nodiscard]] bool runs() const { return life_ == Life::running && engine_ && !is_paused_; }

    Surroundings world_;
    std::size_t index_;
    Random random_;
    Random disk_random_;
    Clock clock_;
    net::Identity identity_;
    disk::Disk disk_;
    Witness witness_;
    Promises promises_{index_};
    Lookout lookout_;
    std::uint64_t opened_ = 0;          ///< what the key file says; durable
    std::uint64_t key_files_ = 0;       ///< how often it was written anew, also by a restore: its mark
    std::uint64_t database_files_ = 0;  ///< how often the database became another file: its mark
    bool syncs_fully_ = false;
    bool is_power_cut_ = false;  ///< what takes the disk down next, or did
    bool may_lose_ = false;      ///< what the app committed last; set when something took it
    bool was_restored_ = false;
    bool was_damaged_ = false;
    std::optional<App> app_;
    std::optional<Engine> engine_;
    /// What a power cut would leave: a disk that is filled anew for each look, beneath a connection that keeps its schema.
    struct Remains {
        Remains(const std::string& name, const std::string& database, const Clock& clock)
            : disk({name, [] { return std::uint64_t{0}; }, [&clock] { return clock.wall(); }}),
              sql(database, name) {}
        disk::Disk disk;
        Sql sql;
    };
    std::optional<Remains> remains_;
    std::optional<Copy> copy_;
    std::optional<Novelty> novelty_;
    std::optional<Liar> liar_;
    std::set<DeviceId> members_;
    bool has_key_ = true;

    Life life_ = Life::absent;
    bool is_paused_ = false;
    std::uint64_t life_number_ = 0;  ///< what was planned in an earlier one does not happen
    bool settle_due_ = false;
    bool look_due_ = false;
    std::optional<Moment> armed_;
    Moment ticked_at_{-1};
    std::uint64_t disk_fulls_ = 0;  ///< before the last look
    std::uint64_t short_at_ = 0;    ///< when so many bytes had been written, memory was saved
    Tally tally_;

    std::vector<Named> named_;
    std::vector<ConnectionRef> connections_;
    std::map<DeviceId, ConnectionRef> sessions_;
};

}  // namespace strandline::simulator
