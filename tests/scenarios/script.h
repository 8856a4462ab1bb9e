#pragma once

#include <cstddef>
#include <string>
#include <vector>

/// A scenario is a story in a text file: blocks that an empty line parts. A block is prose (lines that begin
/// with #), commands, a line of four dashes, and everything that was said meanwhile; or prose alone. A
/// command goes on in lines that begin with a space. docs/scenarios.md lists the commands.
namespace strandline::tests::scenarios {

struct Command {
    std::size_t line = 0;  ///< in the file, from 1 on
    std::string text;
};

struct Block {
    std::vector<std::string> told;  ///< prose and commands, line by line
    std::vector<Command> commands;
    std::vector<std::string> said;
};

/// Throws std::runtime_error with a line's number for commands without dashes, and for a story that says
/// nothing, or has no prose to begin with.
[[nodiscard]] std::vector<Block> parse(const std::string& text);
/// The one form that these blocks have as a file.
[[nodiscard]] std::string to_text(const std::vector<Block>& blocks);
/// Plays the story; its file as it should be: with all that was said this time. Throws as parse() does, and
/// for a command that is none.
[[nodiscard]] std::string performed(const std::string& text);

}  // namespace strandline::tests::scenarios
