#include "tests/scenarios/stage.h"

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "tests/scenarios/speech.h"

namespace strandline::tests::scenarios {

namespace {

[[noreturn]] void fail(const std::string& why) {
    throw std::runtime_error(why);
}

std::vector<std::string> lines_in(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

/// Copies a database that nobody has open.
void copy_database(const std::string& from, const std::string& to) {
    std::filesystem::remove(to + "-wal");
    std::filesystem::remove(to + "-shm");
    std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
}

}  // namespace

const std::map<std::string, Stage::Action>& Stage::actions() {
    static const std::map<std::string, Action> actions{
        {"device", &Stage::device},
        {"track", &Stage::track},
        {"untrack", &Stage::untrack},
        {"connect", &Stage::connect},
        {"disconnect", &Stage::disconnect},
        {"carry", &Stage::carry},
        {"send", &Stage::send},
        {"pass", &Stage::pass},
        {"clock", &Stage::clock},
        {"stop", &Stage::stop},
        {"start", &Stage::start},
        {"copy", &Stage::copy},
        {"restore", &Stage::restore},
        {"verify", &Stage::verify},
        {"rows", &Stage::rows},
        {"watermarks", &Stage::watermarks},
        {"events", &Stage::events},
        {"status", &Stage::status},
    };
    return actions;
}

Stage::Stage() : group_(0, "", {}) {
    group_.on_send = [this](std::size_t from, std::size_t to, const Message& message) {
        ++messages_;
        if (is_quiet_) return;
        const auto lines = lines_of(message, names_);
        say(devices_[from] + " -> " + devices_[to] + "  " + lines.front());
        for (std::size_t i = 1; i < lines.size(); ++i) say(lines[i]);
    };
}

void Stage::run(const std::string& command) {
    std::istringstream stream(command);
    std::string first;
    stream >> first;
    if (first == "schema" || first.back() == ':') {
        std::string statement;
        std::getline(stream >> std::ws, statement);
        if (first != "schema") return sql(index(first.substr(0, first.size() - 1)), statement);
        for (std::size_t i = 0; i < devices_.size(); ++i) sql(i, statement);
        return;
    }
    const auto action = actions().find(first);
    if (action == actions().end()) fail("there is no command '" + first + "'");
    Words words;
    for (std::string word; stream >> word;) words.push_back(word);
    (this->*action->second)(std::move(words));
}

// --- devices ------------------------------------------------------------------------------------

void Stage::device(Words names) {
    for (const std::string& name : names) {
        if (std::ranges::count(devices_, name) > 0) fail("there is a device " + name + " already");
        const std::size_t i = group_.add();
        devices_.push_back(name);
        names_.add(group_.id(i), name);
        // Its first life is heard of now, whoever speaks of a later one first.
        const std::string incarnation = group_.app(i).ask("SELECT incarnation FROM strandline_device");
        static_cast<void>(
            names_.of(OriginId{group_.id(i), static_cast<Incarnation>(std::stoll(incarnation))}));
    }
}

void Stage::sql(std::size_t device, const std::string& statement) {
    if (statement.starts_with("SELECT")) {
        for (const std::string& line : lines_in(group_.app(device).ask(statement))) say(shortened(line));
        return;
    }
    const std::string refusal = group_.app(device).refusal(statement);
    if (!refusal.empty()) say(devices_[device] + " refuses: " + refusal);
    if (group_.is_running(device)) group_.engine(device).database_changed(group_.now(device));
}

void Stage::track(Words words) {
    const std::vector<std::size_t> devices = places(words);
    Ownership ownership = Ownership::shared;
    if (!words.empty() && words.front() == "device-owned") {
        ownership = Ownership::device_owned;
        words.erase(words.begin());
    }
    for (const std::size_t i : devices)
        say_answer(i, group_.engine(running(devices_[i])).track(words, ownership, group_.now(i)));
}

void Stage::untrack(Words words) {
    for (const std::size_t i : places(words))
        say_answer(i, group_.engine(running(devices_[i])).untrack(words, group_.now(i)));
}

void Stage::stop(Words names) {
    for (const std::string& name : names) group_.stop(running(name));
}

void Stage::start(Words names) {
    for (const std::string& name : names) group_.start(stopped(name));
}

void Stage::copy(Words names) {
    for (const std::string& name : names) {
        const std::size_t i = stopped(name);
        group_.close_app(i);
        copy_database(group_.path(i), group_.path(i) + ".copy");
        openings_at_copy_[i] = group_.opening(i);
        group_.reopen_app(i);
    }
}

void Stage::restore(Words words) {
    const std::string what = joined({words.begin() + 1, words.end()}, " ");
    if (!what.empty() && what != "with its key" && what != "with its disk")
        fail("restore DEVICE, or restore DEVICE with its key, or with its disk");
    const std::size_t i = stopped(words.front());
    if (!openings_at_copy_.contains(i)) fail("there is no copy of " + words.front());
    group_.close_app(i);
    copy_database(group_.path(i) + ".copy", group_.path(i));
    const Opening& then = openings_at_copy_[i];
    // A file that is restored is another one; a disk that is put back has the same files on it.
    if (what == "with its key") group_.set_opening(i, {then.count, group_.new_mark()});
    if (what == "with its disk") group_.set_opening(i, then);
    group_.reopen_app(i);
}

// --- time and the network -----------------------------------------------------------------------

void Stage::connect(Words names) {
    const auto [i, j] = link(names);
    group_.connect(i, j);
}

void Stage::disconnect(Words names) {
    const auto [i, j] = link(names);
    if (!group_.is_connected(i, j)) fail(names[0] + " and " + names[1] + " are not connected");
    for (const auto& [from, to] : {std::pair{i, j}, std::pair{j, i}}) {
        const std::size_t lost = group_.under_way(from, to);
        if (lost > 0)
            say("lost on the way from " + devices_[from] + " to " + devices_[to] + ": " +
                counted(lost, "message"));
    }
    group_.disconnect(i, j);
}

/// One message, and what waits for its turn then.
std::optional<Group::Carried> Stage::carry_one(std::size_t from, std::size_t to) {
    auto carried = group_.carry(from, to);
    while (group_.advance_what_is_due()) {
    }
    return carried;
}

/// Until silence, and until nothing waits for its turn.
void Stage::settle() {
    group_.settle();
    while (group_.advance_what_is_due()) group_.settle();
}

void Stage::carry(Words words) {
    if (words.empty()) return watch([&] { settle(); });
    if (words == Words{"quietly"}) {
        is_quiet_ = true;
        messages_ = 0;
        watch([&] { settle(); });
        is_quiet_ = false;
        return say(counted(messages_, "message"));
    }
    const bool is_pages = words.size() == 4 && words[2] == "pages";
    if (words.size() != 2 && !is_pages) fail("carry, carry quietly, carry A B, or carry A B pages N");
    const auto [from, to] = link({words[0], words[1]});
    if (is_pages) return carry_pages(from, to, std::stoi(words[3]));
    watch([from = from, to = to, this] {
        if (!carry_one(from, to)) say(devices_[from] + " has nothing to say to " + devices_[to]);
    });
}

/// To and fro, until so many messages with rows have come from `from`.
void Stage::carry_pages(std::size_t from, std::size_t to, int count) {
    constexpr int kIdleMax = 100;
    for (int idle = 0; count > 0; ++idle) {
        if (idle == kIdleMax) fail("no more pages came from " + devices_[from]);
        const auto carried = carry_one(from, to);
        if (carried && carried->rows > 0) --count;
        if (count > 0) carry_one(to, from);
    }
}

void Stage::send(Words names) {
    const auto [from, to] = link(names);
    if (!group_.send(from, to)) say(names[0] + " has nothing to say to " + names[1]);
}

void Stage::pass(Words words) {
    if (words.size() != 1) fail("pass SPAN");
    watch([&] { group_.pass(span_from(words.front())); });
}

void Stage::clock(Words words) {
    if (words.size() != 2) fail("clock DEVICE SPAN, such as clock a +3y");
    group_.shift_clock(index(words[0]), span_from(words[1]));
}

void Stage::verify(Words words) {
    const bool is_deep = words.size() == 2 && words[1] == "deep";
    if (words.size() != 1 && !is_deep) fail("verify DEVICE, or verify DEVICE deep");
    const std::size_t i = running(words[0]);
    say_answer(i, group_.engine(i).verify(is_deep, group_.now(i)));
}

// --- what is so ---------------------------------------------------------------------------------

void Stage::rows(Words words) {
    const std::vector<std::size_t> devices = places(words);
    if (words.size() != 1) fail("rows TABLE, perhaps with at DEVICE...");
    std::vector<std::pair<std::string, Words>> contents;  // what a table holds, and at whom, in their order
    for (const std::size_t i : devices) {
        const std::string content = group_.table(i, words.front());
        const auto same = std::ranges::find(contents, content, &std::pair<std::string, Words>::first);
        auto& [shared, names] = same != contents.end() ? *same : contents.emplace_back(content, Words());
        names.push_back(devices_[i]);
    }
    for (const auto& [content, names] : contents) {
        say(joined(names, " ") + (content.empty() ? ": no rows" : ":"));
        for (const std::string& line : lines_in(content)) say("  " + shortened(line));
    }
}

void Stage::watermarks(Words names) {
    for (const std::string& name : names) {
        for (const ResourceStatus& resource : group_.engine(running(name)).status().resources)
            say(name + ": " + line_of(resource, names_));
    }
}

void Stage::events(Words names) {
    for (const std::string& name : names) {
        for (const Event& event : group_.events(running(name))) say(name + " " + line_of(event, names_));
    }
}

void Stage::status(Words names) {
    for (const std::string& name : names) {
        const std::size_t i = running(name);
        const Status status = group_.engine(i).status();
        std::string line = name + " is " + name_of(status.state);
        if (status.backfill) {
            line += std::string(status.backfill->is_waiting ? ", waiting for " : " from ") +
                    names_.of(status.backfill->peer) + ", " + std::to_string(status.backfill->rows_done) +
                    " of " + std::to_string(status.backfill->rows_total) + " rows";
        }
        line += "; received " + counted(static_cast<std::uint64_t>(status.received.rows), "row") +
                "; in quarantine " + std::to_string(status.quarantined);
        Words level;
        for (std::size_t j = 0; j < devices_.size(); ++j) {
            if (group_.engine(i).is_in_step(group_.id(j))) level.push_back(devices_[j]);
        }
        say(line + "; in step with " + (level.empty() ? "nobody" : joined(level, " ")));
    }
}

// --- their parts --------------------------------------------------------------------------------

std::size_t Stage::index(const std::string& name) const {
    const auto at = std::ranges::find(devices_, name);
    if (at == devices_.end()) fail("there is no device '" + name + "'");
    return static_cast<std::size_t>(at - devices_.begin());
}

std::size_t Stage::running(const std::string& name) const {
    const std::size_t i = index(name);
    if (!group_.is_running(i)) fail(name + " is stopped");
    return i;
}

std::size_t Stage::stopped(const std::string& name) const {
    const std::size_t i = index(name);
    if (group_.is_running(i)) fail(name + " is running; stop it first");
    return i;
}

std::pair<std::size_t, std::size_t> Stage::link(const Words& names) const {
    if (names.size() != 2 || names[0] == names[1]) fail("two devices are meant here");
    return {running(names[0]), running(names[1])};
}

std::vector<std::size_t> Stage::places(Words& words) const {
    std::vector<std::size_t> devices;
    const auto at = std::ranges::find(words, "at");
    if (at == words.end()) {
        for (std::size_t i = 0; i < devices_.size(); ++i) devices.push_back(i);
    } else {
        for (auto name = at + 1; name != words.end(); ++name) devices.push_back(index(*name));
        words.erase(at, words.end());
    }
    return devices;
}

template <typename Part>
void Stage::watch(Part part) {
    std::vector<std::pair<std::size_t, std::size_t>> before;
    for (std::size_t i = 0; i < devices_.size(); ++i) {
        for (std::size_t j = i + 1; j < devices_.size(); ++j) {
            if (group_.is_connected(i, j)) before.emplace_back(i, j);
        }
    }
    part();
    for (const auto& [i, j] : before) {
        if (!group_.is_connected(i, j)) say(devices_[i] + " and " + devices_[j] + " are no longer connected");
    }
}

void Stage::say(std::string line) {
    said_.push_back(std::move(line));
}

void Stage::say_answer(std::size_t device, const Result<void>& answer) {
    if (!answer) say(devices_[device] + " refuses: " + names_.told(answer.error().message));
}

}  // namespace strandline::tests::scenarios
