#include "net/codec.h"

#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include <catch2/catch.hpp>

#include "net/bytes.h"
#include "tests/net/hex.h"
#include "tests/net/same.h"
#include "tests/net/samples.h"

using namespace strandline;
using namespace strandline::net;
namespace {

using namespace message;
using namespace tests;

/// Name → hex, from lines of the two; '#' begins a comment.
std::map<std::string, std::string> golden_messages() {
    std::map<std::string, std::string> golden;
    std::ifstream file(project_folder() / "tests/golden/messages.txt");
    for (std::string line; std::getline(file, line);) {
        if (line.empty() || line[0] == '#') continue;
        std::istringstream words(line);
        std::string name;
        words >> name >> golden[name];
    }
    return golden;
}

/// How something is packed is the packer's choice: what is read of it is not.
constexpr const char* kPacked = "pages_of_every_form_packed";

TEST_CASE("every message is on the wire as it always was") {
    auto golden = golden_messages();
    golden.erase(kPacked);
    for (const Sample& sample : samples()) {
        INFO(sample.name << ' ' << to_hex(encode(sample.message)));
        CHECK((to_hex(encode(sample.message)) == golden[sample.name]));
        golden.erase(sample.name);
    }
    CHECK(golden.empty());
}

TEST_CASE("every message comes back as it was, in every field") {
    auto golden = golden_messages();
    for (const Sample& sample : samples()) {
        INFO(sample.name);
        const auto decoded = decode(from_hex(golden[sample.name]));
        REQUIRE(decoded);
        CHECK(same(*decoded, sample.message));
    }
}

TEST_CASE("pages that were packed once are read as ever") {
    const auto decoded = decode(from_hex(golden_messages()[kPacked]));
    REQUIRE(decoded);
    CHECK(same(*decoded, all_forms()));
}

TEST_CASE("the comparison that the other tests rely on sees a difference in every field") {
    const Pages pages = all_forms();
    const auto differs = [&](auto change) {
        Pages other = pages;
        change(other, other.pages[0], other.pages[0].entries[2]);
        CHECK_FALSE(same(Message(pages), Message(other)));
    };
    differs([](Pages& p, Page&, Entry&) { p.pull = 1; });
    differs([](Pages& p, Page&, Entry&) { p.basis = 1; });
    differs([](Pages& p, Page&, Entry&) { p.last = true; });
    differs([](Pages& p, Page&, Entry&) { p.origins.pop_back(); });
    differs([](Pages& p, Page&, Entry&) { p.pages.clear(); });
    differs([](Pages&, Page& p, Entry&) { p.resource += 'x'; });
    differs([](Pages&, Page& p, Entry&) { p.range.high = "z"; });
    differs([](Pages&, Page& p, Entry&) { p.vector[0].second.value++; });
    differs([](Pages&, Page& p, Entry&) { p.columns[0] += 'x'; });
    differs([](Pages&, Page&, Entry& e) { e.key += 'x'; });
    differs([](Pages&, Page&, Entry& e) { e.key_raw.reset(); });
    differs([](Pages&, Page&, Entry& e) { (*e.key_raw)[1] = std::int64_t{1}; });
    differs([](Pages&, Page&, Entry& e) { e.era.reset(); });
    differs([](Pages&, Page&, Entry& e) { e.row->hlc.value++; });
    differs([](Pages&, Page&, Entry& e) { e.cells.push_back({}); });
    differs([](Pages&, Page&, Entry& e) { e.values[0] = Blob{"held back"}; });
    differs([](Pages&, Page&, Entry& e) { e.withheld.push_back(0); });
    differs([](Pages&, Page&, Entry& e) { e.life.emplace(); });
    differs([](Pages&, Page&, Entry& e) { e.large.emplace_back(); });
    differs([](Pages&, Page& p, Entry&) { p.dropped.push_back(0); });
    differs([](Pages&, Page& p, Entry&) { p.forgotten.emplace_back(); });
    differs([](Pages&, Page& p, Entry&) { p.complete = true; });
    CHECK_FALSE(same(Value(0.0), Value(-0.0)));
    CHECK_FALSE(same(Value(2.0), Value(std::int64_t{2})));
}

TEST_CASE("fields that a later version put behind ours are passed over, whatever they hold") {
    // nil, numbers of all sizes, reals, text, binary, extensions, and lists and maps in each other
    const std::string later = from_hex(
        "dc000fc0ffcdffffd38000000000000000ca3f800000cb3ff0000000000000a161c40100d40500c7020501ff"
        "9291c090c282a161c0a16281c3c2de0001c0c0d80f00112233445566778899aabbccddeeff");
    auto decoded = decode(from_hex("930505") + later);
    REQUIRE(decoded);
    CHECK(same(*decoded, Ping{5}));

    const std::string origins = from_hex("91c428") + std::string(40, '\1');
    const std::string row = from_hex("930100") + later;
    const std::string entry = from_hex("9ac4016bc0c0") + row + from_hex("90910990c090") + later;
    const std::string page = from_hex("9ba174c400c09091a1630791") + entry + from_hex("9090c2") + later;
    decoded = decode(from_hex("97040000c3") + origins + from_hex("91") + page + later);
    REQUIRE(decoded);
    const auto& read = std::get<Pages>(*decoded).pages.at(0).entries.at(0);
    CHECK(same(read, whole_row("k", stamp(Hlc{8}, 0), {std::int64_t{9}})));
}

TEST_CASE("a row of 16 bytes of key and 130 of values costs less than 175 bytes") {
    constexpr std::size_t kRows = 100000;
    std::vector<Entry> entries;
    for (std::size_t i = 0; i < kRows; ++i) {
        std::string key = "0123456789ab";
        append_big_endian(key, i, 4);
        // Inserted in another order than that of keys, at 200 a millisecond.
        const auto nth = static_cast<std::int64_t>(i * 7919 % kRows);
        entries.push_back(whole_row(key, stamp(today(nth / 200, nth % 200), 1),
                                    {std::string(60, 'x'), std::string(40, 'y'), std::int64_t{1795000000123},
                                     0.5, Blob{std::string(13, 'z')}}));
    }
    const std::string bytes = encode(pages_of(page_of({"a", "b", "c", "d", "e"}, entries)));
    CHECK(bytes.size() / kRows < 175);
    const auto decoded = decode(bytes);
    REQUIRE(decoded);
    CHECK(same(std::get<Pages>(*decoded).pages[0].entries, entries));
}

}  // namespace
