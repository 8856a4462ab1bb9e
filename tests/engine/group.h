#pragma once

#include <strandline/engine.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <unistd.h>

#include "tests/engine/app.h"

namespace strandline::tests {

/// Some devices in one process: engines over files of their own, an app at each, virtual clocks, and a
/// network that carries messages when it is told to. Everything is the same in every run.
class Group {
public:
    /// What was carried, in order.
    struct Carried {
        std::size_t from = 0;
        std::size_t to = 0;
        std::size_t kind = 0;  ///< index into the variant Message
        std::size_t pages = 0;
        std::size_t rows = 0;
    };
    static constexpr std::size_t kPages = 3;
    static constexpr std::size_t kPing = 4;
    static constexpr std::size_t kPong = 5;
    static constexpr std::int64_t kStartMs = 1'700'000'000'000;

    /// Every device gets the schema and tracks the tables.
    Group(std::size_t count, const std::string& schema, const std::vector<std::string>& tables,
          Ownership ownership = Ownership::shared) {
        auto name = (std::filesystem::temp_directory_path() / "strandline-XXXXXX").string();
        folder_ = mkdtemp(name.data());
        for (std::size_t i = 0; i < count; ++i) {
            add();
            if (!schema.empty()) app(i).run(schema);
            if (!tables.empty()) track(i, tables, ownership);
        }
    }
    ~Group() {
        devices_.clear();
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;

    /// A new device without any table; its index.
    std::size_t add() {
        const std::size_t i = devices_.size();
        auto device = std::make_unique<Device>(i);
        device->id.bytes[0] = static_cast<std::uint8_t>(i + 1);
        device->path = (folder_ / ("device" + std::to_string(i))).string();
        device->vfs.set_wall_ms(kStartMs);
        devices_.push_back(std::move(device));
        require(init_database({path(i), id(i), "device" + std::to_string(i), {}, entropy()}, now(i)));
        reopen_app(i);
        start(i);
        return i;
    }
    /// Copies a stopped device's database and key file, and runs the copy beside it, as the same device; its index.
    /// Of the two only one at a time can be connected with a third.
    std::size_t clone(std::size_t of) {
        const std::size_t i = devices_.size();
        auto device = std::make_unique<Device>(i);
        device->id = id(of);
        device->path = (folder_ / ("device" + std::to_string(i))).string();
        device->vfs.set_wall_ms(devices_[of]->vfs.wall_ms());
        device->opening = {opening(of).count, new_mark()};
        close_app(of);
        std::filesystem::copy_file(path(of), device->path);
        reopen_app(of);
        devices_.push_back(std::move(device));
        reopen_app(i);
        start(i);
        return i;
    }
    void track(std::size_t i, const std::vector<std::string>& tables,
               Ownership ownership = Ownership::shared) {
        require(engine(i).track(tables, ownership, now(i)));
    }

    [[nodiscard]] Engine& engine(std::size_t i) { return *devices_[i]->engine; }
    [[nodiscard]] App& app(std::size_t i) { return *devices_[i]->app; }
    [[nodiscard]] DeviceId id(std::size_t i) const { return devices_[i]->id; }
    [[nodiscard]] const std::string& path(std::size_t i) const { return devices_[i]->path; }
    [[nodiscard]] std::size_t size() const { return devices_.size(); }
    [[nodiscard]] Now now(std::size_t i) const { return {{devices_[i]->vfs.wall_ms()}, {steady_ms_}}; }
    [[nodiscard]] const std::vector<Carried>& log() const { return log_; }
    /// Runs SQL as device i's app, and lets its engine look.
    void write(std::size_t i, const std::string& sql) {
        app(i).run(sql);
        engine(i).database_changed(now(i));
    }
    /// Sets one wall clock wrong, or right again.
    void shift_clock(std::size_t i, std::int64_t ms) {
        devices_[i]->vfs.set_wall_ms(devices_[i]->vfs.wall_ms() + ms);
    }

    // --- life and links ---------------------------------------------------------------------------

    void stop(std::size_t i) {
        for (std::size_t j = 0; j < size(); ++j) {
            if (links_.contains({i, j})) disconnect(i, j);
        }
        devices_[i]->engine.reset();
    }
    void start(std::size_t i) {
        EngineOptions options;
        options.database = path(i);
        options.device = id(i);
        options.entropy = entropy();
        options.opening = devices_[i]->opening;
        if (on_open) on_open(i, options);
        auto opened = Engine::open(options, now(i));
        require(opened);
        devices_[i]->engine.emplace(std::move(*opened));
        require(engine(i).remember([&]() -> Result<Opening> {
            set_opening(i, {opening(i).count + 1, new_mark()});
            return opening(i);
        }));
    }
    /// Says how an engine is opened from now on.
    std::function<void(std::size_t i, EngineOptions& options)> on_open;
    /// What the host finds beside the database.
    [[nodiscard]] const Opening& opening(std::size_t i) const { return devices_[i]->opening; }
    void set_opening(std::size_t i, Opening opening) { devices_[i]->opening = std::move(opening); }
    /// As of a file that was never there before.
    [[nodiscard]] std::string new_mark() { return "file " + std::to_string(++files_); }
    [[nodiscard]] bool is_running(std::size_t i) const { return devices_[i]->engine.has_value(); }
    void close_app(std::size_t i) { devices_[i]->app.reset(); }
    void reopen_app(std::size_t i) {
        devices_[i]->app = std::make_unique<App>(path(i), devices_[i]->vfs.name());
    }
    void connect(std::size_t i, std::size_t j) {
        if (!links_.insert({i, j}).second) return;
        links_.insert({j, i});
        engine(i).peer_up(id(j), now(i));
        engine(j).peer_up(id(i), now(j));
    }
    void disconnect(std::size_t i, std::size_t j) {
        if (links_.erase({i, j}) == 0) return;
        links_.erase({j, i});
        wires_.erase({i, j});
        wires_.erase({j, i});
        engine(i).peer_down(id(j), "the test said so", now(i));
        engine(j).peer_down(id(i), "the test said so", now(j));
    }
    void connect_all() {
        for (std::size_t i = 0; i < size(); ++i) {
            for (std::size_t j = i + 1; j < size(); ++j) connect(i, j);
        }
    }
    [[nodiscard]] bool is_connected(std::size_t i, std::size_t j) const { return links_.contains({i, j}); }

    // --- the network ------------------------------------------------------------------------------

    /// One message leaves i for j and is under way: lost, if they are disconnected before it arrives.
    bool send(std::size_t i, std::size_t j) {
        if (!is_connected(i, j)) return false;
        auto message = engine(i).next_message(id(j), now(i));
        if (!message) return false;
        require_that_it_travels(*message);
        if (on_send) on_send(i, j, *message);
        wires_[{i, j}].push_back(std::move(*message));
        return true;
    }
    /// Hears every message as it leaves.
    std::function<void(std::size_t from, std::size_t to, const Message&)> on_send;
    /// Messages that have left i and are not at j yet.
    [[nodiscard]] std::size_t under_way(std::size_t i, std::size_t j) const {
        const auto wire = wires_.find({i, j});
        return wire != wires_.end() ? wire->second.size() : 0;
    }
    /// One message arrives at j: the oldest under way from i, or one that i has now; what it was.
    std::optional<Carried> carry(std::size_t i, std::size_t j) {
        if (!is_connected(i, j) || !engine(j).wants_input()) return std::nullopt;
        auto& wire = wires_[{i, j}];
        if (wire.empty() && !send(i, j)) {
            if (engine(i).is_closed(id(j))) disconnect(i, j);
            return std::nullopt;
        }
        Message message = std::move(wire.front());
        wire.pop_front();
        Carried carried{i, j, message.index(), 0, 0};
        if (const auto* pages = std::get_if<message::Pages>(&message)) {
            carried.pages = pages->pages.size();
            for (const auto& page : pages->pages) carried.rows += page.entries.size();
        }
        log_.push_back(carried);
        engine(j).receive(id(i), std::move(message), now(j));
        return carried;
    }
    /// Carries until nobody has anything to say; how many messages that took.
    std::size_t settle() {
        constexpr std::size_t kEndless = 20'000;
        std::size_t count = 0;
        for (bool said = true; said;) {
            said = false;
            const auto links = links_;
            for (const auto& [i, j] : links) {
                if (!carry(i, j)) continue;
                said = true;
                if (++count > kEndless) throw std::runtime_error("the devices do not fall silent");
            }
        }
        return count;
    }
    /// Time passes on every clock, and nothing is carried.
    void tick(std::int64_t ms) {
        steady_ms_ += ms;
        for (std::size_t i = 0; i < size(); ++i) shift_clock(i, ms);
    }
    /// Time passes on every clock, and what that brings is carried.
    void pass(std::int64_t ms) {
        pass_alone(ms);
        settle();
    }
    /// And nothing is carried.
    void pass_alone(std::int64_t ms) {
        steady_ms_ += ms;
        for (std::size_t i = 0; i < size(); ++i) {
            shift_clock(i, ms);
            if (devices_[i]->engine) engine(i).advance(now(i));
        }
    }
    /// Carries until silence, also what waited for somebody's patience to end, and pages that wait for their turn.
    void converge() {
        settle();
        for (int i = 0; i < 3; ++i) {
            pass(1'100);
            while (advance_what_is_due()) settle();
        }
    }
    /// As a host does. False: nothing was due.
    bool advance_what_is_due() {
        bool was_due = false;
        for (std::size_t i = 0; i < size(); ++i) {
            if (!is_running(i)) continue;
            const auto deadline = engine(i).next_deadline();
            if (!deadline || *deadline > now(i).steady) continue;
            engine(i).advance(now(i));
            was_due = true;
        }
        return was_due;
    }

    // --- what is so -------------------------------------------------------------------------------

    [[nodiscard]] std::string table(std::size_t i, const std::string& name) {
        return app(i).ask("SELECT * FROM \"" + name + "\" ORDER BY 1, 2");
    }
    /// Whether all devices' tables are the same, byte for byte.
    [[nodiscard]] bool is_same(const std::string& name) {
        for (std::size_t i = 1; i < size(); ++i) {
            if (table(i, name) != table(0, name)) return false;
        }
        return true;
    }
    [[nodiscard]] std::int64_t rows_received(std::size_t i) { return engine(i).status().received.rows; }
    /// The events since the last time; sorts of things that were told.
    [[nodiscard]] std::vector<Event> events(std::size_t i) {
        std::vector<Event> events;
        while (auto event = engine(i).next_event()) events.push_back(std::move(*event));
        return events;
    }
    [[nodiscard]] bool was_told(std::size_t i, EventKind kind) {
        const auto told = events(i);
        return std::ranges::any_of(told, [&](const Event& event) { return event.kind == kind; });
    }

private:
    /// An engine never makes a message that the codec could not carry.
    static void require_that_it_travels(const Message& message) {
        const auto size_of = [](const Value& value) -> std::size_t {
            if (const auto* text = std::get_if<std::string>(&value)) return text->size();
            if (const auto* blob = std::get_if<Blob>(&value)) return blob->bytes.size();
            return 9;
        };
        if (const auto* pull = std::get_if<message::Pull>(&message)) {
            for (const auto& wanted : pull->wanted) {
                const auto low = [](const message::Piece& piece) { return piece.range.low; };
                if (!std::ranges::is_sorted(wanted.pieces, {}, low))
                    throw std::runtime_error("a Pull's pieces are not in key order");
            }
        }
        std::size_t bytes = 0;
        const auto* pages = std::get_if<message::Pages>(&message);
        for (std::size_t i = 0; pages != nullptr && i < pages->pages.size(); ++i) {
            const message::Page& page = pages->pages[i];
            bool is_short = page.columns.size() <= message::kColumnsMax &&
                            std::max(page.range.low.size(), page.range.high.value_or("").size()) <=
                                message::kKeyBytesMax + 1;
            for (const std::string& column : page.columns)
                is_short = is_short && column.size() <= message::kNameBytesMax;
            for (const message::Entry& entry : page.entries) {
                is_short = is_short && entry.key.size() <= message::kKeyBytesMax;
                bytes += entry.key.size();
                for (const Value& value : entry.values) bytes += size_of(value);
            }
            if (!is_short)
                throw std::runtime_error("a message that cannot travel: a name or a key is too long");
        }
        if (bytes > message::kFrameBytesMax)
            throw std::runtime_error("a message that cannot travel: it has " + std::to_string(bytes) +
                                     " bytes");
    }

    struct Device {
        explicit Device(std::size_t i) : vfs("strandline-test-" + std::to_string(i)) {}
        DeviceId id;
        std::string path;
        ClockVfs vfs;
        std::unique_ptr<App> app;
        std::optional<Engine> engine;
        Opening opening;  ///< as a host's key file has it
    };

    template <typename T>
    static void require(const Result<T>& result) {
        if (!result) throw std::runtime_error(result.error().message);
    }
    [[nodiscard]] Entropy entropy() {
        return [this] { return ++drawn_ * 0x9E3779B97F4A7C15U; };
    }

    std::filesystem::path folder_;
    std::vector<std::unique_ptr<Device>> devices_;
    std::set<std::pair<std::size_t, std::size_t>> links_;
    std::map<std::pair<std::size_t, std::size_t>, std::deque<Message>> wires_;
    std::vector<Carried> log_;
    std::int64_t steady_ms_ = 1'000;
    std::uint64_t drawn_ = 0;
    std::uint64_t files_ = 0;
};

/// A stopped device's database, put aside or put back.
inline void copy(Group& group, std::size_t i, bool is_put_back) {
    const std::string aside = group.path(i) + ".copy";
    group.stop(i);
    group.close_app(i);
    for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(group.path(i) + suffix);
    std::filesystem::copy_file(is_put_back ? aside : group.path(i), is_put_back ? group.path(i) : aside,
                               std::filesystem::copy_options::overwrite_existing);
    group.reopen_app(i);
    group.start(i);
}

}  // namespace strandline::tests
