#include "tests/scenarios/script.h"

#include <algorithm>
#include <exception>
#include <sstream>
#include <stdexcept>

#include "tests/scenarios/stage.h"

namespace strandline::tests::scenarios {

namespace {

constexpr const char* kDashes = "----";

[[noreturn]] void fail(std::size_t line, const std::string& why) {
    throw std::runtime_error("line " + std::to_string(line) + ": " + why);
}

/// Puts a line of prose or command where it belongs.
void tell(Block& block, std::size_t number, const std::string& line) {
    block.told.push_back(line);
    if (line.front() == '#') return;
    if (line.front() != ' ') {
        block.commands.push_back({number, line});
    } else if (block.commands.empty()) {
        fail(number, "a line that goes on, and nothing before it");
    } else {
        block.commands.back().text += line;
    }
}

}  // namespace

std::vector<Block> parse(const std::string& text) {
    if (text.empty() || text.front() != '#') fail(1, "a story begins with prose, which begins with #");
    std::vector<Block> blocks(1);
    bool is_said = false;
    bool is_any_said = false;
    std::istringstream file(text + "\n\n");
    std::string line;
    for (std::size_t number = 1; std::getline(file, line); ++number) {
        Block& block = blocks.back();
        if (line.empty()) {
            if (!is_said && !block.commands.empty())
                fail(block.commands.back().line, "commands without ---- behind them");
            if (!block.told.empty()) blocks.emplace_back();
            is_said = false;
        } else if (line == kDashes) {
            if (is_said || block.commands.empty()) fail(number, "---- without commands before it");
            is_said = is_any_said = true;
        } else if (is_said) {
            block.said.push_back(line);
        } else {
            tell(block, number, line);
        }
    }
    blocks.pop_back();
    if (!is_any_said) fail(1, "a story without any ---- claims nothing");
    return blocks;
}

std::string to_text(const std::vector<Block>& blocks) {
    std::string text;
    for (const Block& block : blocks) {
        if (!text.empty()) text += '\n';
        for (const std::string& line : block.told) text += line + '\n';
        if (!block.commands.empty()) text += std::string(kDashes) + '\n';
        for (const std::string& line : block.said) text += line + '\n';
    }
    return text;
}

std::string performed(const std::string& text) {
    std::vector<Block> blocks = parse(text);
    Stage stage;
    for (Block& block : blocks) {
        block.said.clear();
        for (const Command& command : block.commands) {
            try {
                stage.run(command.text);
            } catch (const std::exception& error) {
                fail(command.line, error.what());
            }
            const std::vector<std::string> lines = stage.take_said();
            block.said.insert(block.said.end(), lines.begin(), lines.end());
        }
    }
    return to_text(blocks);
}

}  // namespace strandline::tests::scenarios
