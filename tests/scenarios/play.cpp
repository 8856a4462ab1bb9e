// Plays one scenario, and compares what was said with what its file says. A difference is shown as diff -u
// shows it, and is exit status 1. With STRANDLINE_REWRITE=1 the file is made to say what was said.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/scenarios/script.h"

namespace {

void show_difference(const std::string& file, const std::string& said) {
    const std::string command = "diff -u --label '" + file + "' --label 'what was said' '" + file + "' -";
    FILE* diff = popen(command.c_str(), "w");
    if (diff == nullptr) return;
    std::fwrite(said.data(), 1, said.size(), diff);
    pclose(diff);
}

int play(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) {
        std::fprintf(stderr, "%s cannot be read\n", file.c_str());
        return 1;
    }
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const std::string said = strandline::tests::scenarios::performed(text);
    if (said == text) return 0;
    const char* rewrite = std::getenv("STRANDLINE_REWRITE");
    if (rewrite != nullptr && std::string(rewrite) == "1") {
        std::ofstream(file, std::ios::binary) << said;
        std::fprintf(stderr, "%s now says what was said\n", file.c_str());
        return 0;
    }
    show_difference(file, said);
    std::fprintf(stderr, "\nIf this is right, STRANDLINE_REWRITE=1 puts it into the file.\n");
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: play_scenario FILE\n");
        return 2;
    }
    try {
        return play(argv[1]);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", argv[1], error.what());
        return 1;
    }
}
