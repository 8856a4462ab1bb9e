#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <strandline/engine.h>

namespace strandline {

struct NodeOptions {
    std::string database;                 ///< made a device by init_device() before
    std::string listen = {};              ///< "HOST:PORT", port 0 picks one; empty: does not listen
    std::vector<std::string> peers = {};  ///< "HOST:PORT" each, dialled until it answers, again when lost
    /// Asked again and again while another process has the database locked: whether to wait on. Empty: open()
    /// fails at once, with Category::busy.
    std::function<bool()> wait_on = {};
    /// Asked now and then while open() takes in what was written meanwhile: whether to give that up (busy). What was
    /// taken in so far stays. Once it is open, stop() ends whatever goes on.
    std::function<bool()> stop_asked = {};
    /// Rows travel compressed, both ways, where the peer can take it and it pays. On a fast network it rarely does.
    bool compression = true;
    /// As EngineOptions has them; empty: as fast as the disk takes it.
    std::optional<std::int64_t> bytes_per_second_max = {};
    std::optional<std::int64_t> rows_per_second_max = {};
    bool is_trial = false;  ///< as EngineOptions has it
};

/// Makes `database` a device: its identity in `database`.key (mode 0600) and its metadata. Creates
/// the file when missing. Gives the device's id.
[[nodiscard]] Result<DeviceId> init_device(const std::string& database, const std::string& name);
/// The id in the key file beside `database`. Error: there is none; (auth) it is not of the device that the database
/// belongs to.
[[nodiscard]] Result<DeviceId> device_id_of(const std::string& database);
/// Which device answers at "HOST:PORT": dialled as the device of `database`, which another process may run meanwhile, and
/// left as soon as it has proved who it is. Error: nobody answers there within `seconds`, or no device does.
[[nodiscard]] Result<DeviceId> device_at(const std::string& database, const std::string& address,
                                         double seconds);
/// The process that runs `database` now, from its lock; 0: none does.
[[nodiscard]] Result<int> running_process(const std::string& database);
/// Which process holds the write lock of `database` just now, for a sentence: "process 4711 (python3)", or "another
/// process" where the kernel does not tell.
[[nodiscard]] std::string writing_process(const std::string& database);

/// One device on a network: an Engine, its connections over TCP, its timers, the file watch.
///
///     auto node = Node::open({.database = "notes.db", .listen = "0.0.0.0:7100"});
///     if (!node) return complain(node.error().message);
///     node->on_event([](const Event& event) { ... });
///     const auto ended = node->run();  // until stop(), from any thread or a signal handler's thread
///
/// Threads: run() on one; stop() from any; everything else before run() or from inside a callback.
class Node {
public:
    /// Takes the database's lock. Error: another process runs it, the port is in use, the address
    /// does not parse, and whatever Engine::open() says.
    static Result<Node> open(const NodeOptions& options);
    Node(Node&&) noexcept;
    Node& operator=(Node&&) noexcept;
    ~Node();

    /// For track(), trust(), status() and the like, before run() or from inside a callback.
    [[nodiscard]] Engine& engine();
    /// The port it listens on; 0: it does not listen.
    [[nodiscard]] int port() const;

    /// Called on run()'s thread, once for each event.
    void on_event(std::function<void(const Event&)> callback);
    /// Called on run()'s thread when a line for people is due about connecting: who, why, what next.
    void on_notice(std::function<void(const std::string&)> callback);

    /// Runs until stop(). Error: the engine stopped on the disk's trouble, or the database's file was removed,
    /// moved or replaced; nothing that was committed since is said to any peer to be held.
    [[nodiscard]] Result<void> run();
    /// Runs until in step, both ways, with every named peer: true; or until `seconds` have passed: false.
    [[nodiscard]] Result<bool> run_once(double seconds);
    /// Ends run(): says goodbye to the peers and returns within two seconds.
    void stop();

private:
    struct Parts;
    explicit Node(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace strandline
