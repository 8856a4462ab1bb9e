#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/engine/group.h"
#include "tests/scenarios/names.h"

namespace strandline::tests::scenarios {

/// Where a story is played: the devices, the network between them, and what was said.
///
/// Trouble: a command that cannot be, in the story or in its spelling, throws std::runtime_error with a
///          sentence. What a device or a database refuses is part of the story, and is said.
class Stage {
public:
    Stage();
    void run(const std::string& command);
    /// What was said since the last time, line by line; none of them is empty.
    [[nodiscard]] std::vector<std::string> take_said() { return std::exchange(said_, {}); }

private:
    using Words = std::vector<std::string>;
    using Action = void (Stage::*)(Words words);
    [[nodiscard]] static const std::map<std::string, Action>& actions();

    // --- commands ---------------------------------------------------------------------------------

    void device(Words names);
    void track(Words words);
    void untrack(Words words);
    void connect(Words names);
    void disconnect(Words names);
    void carry(Words words);
    void send(Words names);
    void pass(Words words);
    void clock(Words words);
    void stop(Words names);
    void start(Words names);
    void copy(Words names);
    void restore(Words words);
    void verify(Words words);
    void rows(Words words);
    void watermarks(Words names);
    void events(Words names);
    void status(Words names);
    void sql(std::size_t device, const std::string& statement);

    // --- their parts ------------------------------------------------------------------------------

    [[nodiscard]] std::size_t index(const std::string& name) const;
    [[nodiscard]] std::size_t running(const std::string& name) const;
    [[nodiscard]] std::size_t stopped(const std::string& name) const;
    /// Two of them.
    [[nodiscard]] std::pair<std::size_t, std::size_t> link(const Words& names) const;
    /// The devices behind "at", which it takes away; all, where there is no "at".
    [[nodiscard]] std::vector<std::size_t> places(Words& words) const;
    void carry_pages(std::size_t from, std::size_t to, int count);
    std::optional<Group::Carried> carry_one(std::size_t from, std::size_t to);
    void settle();
    /// Plays a part in which connections may end, and says which did.
    template <typename Part>
    void watch(Part part);
    void say(std::string line);
    void say_answer(std::size_t device, const Result<void>& answer);

    Group group_;
    Names names_;
    std::vector<std::string> devices_;  ///< names, by index in the group
    std::map<std::size_t, Opening> openings_at_copy_;
    std::vector<std::string> said_;
    bool is_quiet_ = false;
    std::size_t messages_ = 0;
};

}  // namespace strandline::tests::scenarios
