#include "bench/device.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <thread>

#include <strandline/node.h>

#include "bench/report.h"
#include "bench/sqlite.h"

namespace strandline::bench {
namespace {

constexpr double kOnceSecondsMax = 3'600;

/// VmHWM, in KiB: the most memory that this process has had.
long most_resident_kib() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        long kib = 0;
        if (word == "VmHWM:" && status >> kib) return kib;
    }
    throw Trouble("/proc/self/status does not tell VmHWM");
}

void complain_of(const Event& event) {
    if (event.kind == EventKind::trouble || event.kind == EventKind::quarantined) say(event.text);
}

void tell(const Event& event) {
    if (event.kind == EventKind::in_step) std::printf("in_step_told %.9f\n", now_seconds());
    if (event.kind == EventKind::backfill_done) std::printf("filled %.9f\n", now_seconds());
    if (event.kind == EventKind::changes_applied)
        std::printf("applied %lld %.9f\n", static_cast<long long>(event.rows), now_seconds());
    complain_of(event);
}

Result<void> run(Node& node, bool is_once) {
    if (!is_once) return node.run();
    const auto is_in_step = node.run_once(kOnceSecondsMax);
    if (!is_in_step) return tl::unexpected(is_in_step.error());
    if (!*is_in_step) return failure(Category::timeout, "the devices did not get in step");
    return {};
}

int complain(const Error& error) {
    say(error.message);
    return 1;
}

}  // namespace

int run_device(const std::string& database, const std::string& peer, bool is_once, bool compression) {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    NodeOptions options{database, "127.0.0.1:0", {}};
    if (!peer.empty()) options = {database, "", {peer}};
    options.compression = compression;
    auto node = Node::open(options);
    if (!node) return complain(node.error());
    // Of the device that is dialled nobody reads such lines, and its pipe would be full of them in the end.
    node->on_event(peer.empty() ? complain_of : tell);
    node->on_notice(say);
    if (peer.empty()) {
        std::printf("port %d\n", node->port());
    } else {
        std::printf("dials %.9f\n", now_seconds());
    }
    std::thread stopper([&node] {
        char byte = 0;
        while (read(STDIN_FILENO, &byte, 1) > 0) {
        }
        node->stop();
    });
    const Result<void> ended = run(*node, is_once);
    if (!ended) {
        complain(ended.error());
        _exit(1);  // The stopper still waits.
    }
    if (is_once) std::printf("in_step %.9f\n", now_seconds());
    stopper.join();
    const Status status = node->engine().status();
    std::printf("end %ld %lld %lld %lld\n", most_resident_kib(),
                static_cast<long long>(status.received.bytes), static_cast<long long>(status.received.rows),
                static_cast<long long>(status.received.messages));
    return 0;
}

}  // namespace strandline::bench
