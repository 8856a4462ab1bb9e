#include "engine/key.h"

#include <catch2/catch.hpp>
#include <cstdint>
#include <limits>
#include <random>

#include "tests/engine/app.h"

using namespace strandline;
using namespace strandline::engine;

namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string text(const char* bytes, std::size_t size) {
    return {bytes, size};
}

/// Values at every edge that we know of, and their neighbours.
Values edges() {
    Values values;
    for (int shift = 0; shift < 64; ++shift) {
        const auto power = static_cast<std::int64_t>(std::uint64_t{1} << shift);
        for (const std::int64_t near : {power - (power != kMin), power, power + 1}) {
            values.emplace_back(near);
            if (near != kMin) values.emplace_back(-near);
            values.emplace_back(static_cast<double>(near));
            values.emplace_back(-static_cast<double>(near) - 0.5);
        }
    }
    for (const double real :
         {0.0, -0.0, 0.5, -0.5, 1e300, -1e300, 4.9e-324, -4.9e-324, 1.5, 1.25, kInfinity, -kInfinity})
        values.emplace_back(real);
    for (const std::int64_t integer : {kMax, kMin, kMin + 1, std::int64_t{0}}) values.emplace_back(integer);
    const std::vector<std::string> texts = {"",
                                            " ",
                                            "  ",
                                            "a",
                                            "A",
                                            "a ",
                                            "A  ",
                                            " a",
                                            "aa",
                                            "aA",
                                            "z",
                                            "[",
                                            "`",
                                            "@",
                                            "1",
                                            "1.0",
                                            "0",
                                            "\xc3\xa4",
                                            "\xc3\x84",
                                            "\xff",
                                            text("\0", 1),
                                            text("\0\0", 2),
                                            text("a\0", 2),
                                            text("a\0b", 3),
                                            text("a\0B", 3),
                                            text("A\0c", 3),
                                            text("a\0 ", 3),
                                            text("\0\xff", 2),
                                            text("a\0\xff", 3)};
    for (const std::string& bytes : texts) {
        values.emplace_back(bytes);
        values.emplace_back(Blob{bytes});
    }
    return values;
}

void bind(sqlite3_stmt* statement, int at, const Value& value) {
    if (const auto* integer = std::get_if<std::int64_t>(&value)) sqlite3_bind_int64(statement, at, *integer);
    if (const auto* real = std::get_if<double>(&value)) sqlite3_bind_double(statement, at, *real);
    if (const auto* bytes = std::get_if<std::string>(&value))
        sqlite3_bind_text64(statement, at, bytes->data(), bytes->size(), SQLITE_STATIC, SQLITE_UTF8);
    if (const auto* blob = std::get_if<Blob>(&value))
        sqlite3_bind_blob64(statement, at, blob->bytes.data(), blob->bytes.size(), SQLITE_STATIC);
}

/// SQLite's own opinion, of values that went through a table's column: -1, 0, 1.
class Oracle {
public:
    explicit Oracle(const std::string& collation) : app_(":memory:", "unix") {
        app_.run("CREATE TABLE v(i INTEGER PRIMARY KEY, x COLLATE " + collation + ")");
        const char* sql = "SELECT (a.x > b.x) - (a.x < b.x) FROM v a, v b WHERE a.i = 1 AND b.i = 2";
        sqlite3_prepare_v2(app_.raw(), "INSERT OR REPLACE INTO v VALUES (1, ?1), (2, ?2)", -1, &put_,
                           nullptr);
        sqlite3_prepare_v2(app_.raw(), sql, -1, &ask_, nullptr);
    }
    ~Oracle() {
        sqlite3_finalize(put_);
        sqlite3_finalize(ask_);
    }
    Oracle(const Oracle&) = delete;
    Oracle& operator=(const Oracle&) = delete;
    int compare(const Value& a, const Value& b) {
        bind(put_, 1, a);
        bind(put_, 2, b);
        sqlite3_step(put_);
        sqlite3_reset(put_);
        sqlite3_step(ask_);
        const int order = sqlite3_column_int(ask_, 0);
        sqlite3_reset(ask_);
        return order;
    }

private:
    tests::App app_;
    sqlite3_stmt* put_ = nullptr;
    sqlite3_stmt* ask_ = nullptr;
};

int sign(int number) {
    return (number > 0) - (number < 0);
}

const std::vector<std::pair<std::string, Collation>> kCollations = {
    {"BINARY", Collation::binary}, {"NOCASE", Collation::nocase}, {"RTRIM", Collation::rtrim}};

std::vector<std::string> keys_of(const Values& values, Collation collation) {
    std::vector<std::string> keys;
    for (const Value& value : values) keys.push_back(encode_key({value}, {collation}));
    return keys;
}

}  // namespace

TEST_CASE("two keys have equal bytes exactly when SQLite says that they are equal") {
    const Values values = edges();
    for (const auto& [name, collation] : kCollations) {
        CAPTURE(name);
        Oracle oracle(name);
        const std::vector<std::string> keys = keys_of(values, collation);
        std::size_t wrong = 0;
        for (std::size_t a = 0; a < values.size(); ++a) {
            for (std::size_t b = 0; b < values.size(); ++b) {
                if ((keys[a] == keys[b]) == (oracle.compare(values[a], values[b]) == 0)) continue;
                ++wrong;
                UNSCOPED_INFO("types " << values[a].index() << " and " << values[b].index() << ", keys "
                                       << Catch::Detail::stringify(keys[a]) << " and "
                                       << Catch::Detail::stringify(keys[b]));
            }
        }
        CHECK(wrong == 0);
    }
}

TEST_CASE("bytes of keys of one type order as SQLite orders the keys") {
    const Values values = edges();
    for (const auto& [name, collation] : kCollations) {
        CAPTURE(name);
        Oracle oracle(name);
        const std::vector<std::string> keys = keys_of(values, collation);
        // Whole reals are integers here, so types are those of the canonical values.
        std::vector<std::size_t> types;
        types.reserve(keys.size());
        for (const std::string& key : keys) types.push_back(decode_key(key, 1).at(0).index());
        std::size_t wrong = 0;
        for (std::size_t a = 0; a < values.size(); ++a) {
            for (std::size_t b = 0; b < values.size(); ++b) {
                if (types[a] != types[b]) continue;
                if (sign(keys[a].compare(keys[b])) != oracle.compare(values[a], values[b])) ++wrong;
            }
        }
        CHECK(wrong == 0);
    }
}

TEST_CASE("what a key decodes to is the same key, and its own canonical form") {
    const Values values = edges();
    for (const auto& [name, collation] : kCollations) {
        Oracle oracle(name);
        for (const Value& value : values) {
            const std::string key = encode_key({value}, {collation});
            const Values decoded = decode_key(key, 1);
            REQUIRE(decoded.size() == 1);
            CHECK(oracle.compare(decoded[0], value) == 0);
            CHECK(encode_key(decoded, {collation}) == key);
        }
    }
}

TEST_CASE("composite keys round trip, and order by their columns, first things first") {
    const Values values = edges();
    const std::vector<Collation> collations = {Collation::binary, Collation::nocase, Collation::binary};
    Oracle binary("BINARY");
    Oracle nocase("NOCASE");
    std::mt19937 random(7);
    const auto draw = [&] { return values[random() % values.size()]; };
    for (int i = 0; i < 20'000; ++i) {
        Values a = {draw(), draw(), draw()};
        Values b = {draw(), draw(), draw()};
        // Often the first columns are equal, or nearly.
        if (i % 3 > 0) b[0] = a[0];
        if (i % 3 > 1) b[1] = a[1];
        const std::string left = encode_key(a, collations);
        const std::string right = encode_key(b, collations);
        const Values decoded = decode_key(left, 3);
        REQUIRE(decoded.size() == 3);
        REQUIRE(encode_key(decoded, collations) == left);
        const int orders[] = {binary.compare(a[0], b[0]), nocase.compare(a[1], b[1]),
                              binary.compare(a[2], b[2])};
        REQUIRE((left == right) == (orders[0] == 0 && orders[1] == 0 && orders[2] == 0));
        const Values others = decode_key(right, 3);
        for (std::size_t column = 0; column < 3; ++column) {
            if (orders[column] == 0) continue;
            if (decoded[column].index() == others[column].index())
                REQUIRE(sign(left.compare(right)) == orders[column]);
            break;
        }
    }
}

TEST_CASE("bytes that are no key decode to nothing, and never to too much") {
    CHECK(decode_key("", 1).empty());
    CHECK(decode_key("\x01", 1).empty());
    CHECK(decode_key("\x15", 1).empty());
    CHECK(decode_key(text("\x15\x01\x00", 3), 1).empty());
    CHECK(decode_key("\x21short", 1).empty());
    CHECK(decode_key("\x30no end", 2).empty());
    CHECK(decode_key("\xff", 1).empty());
    std::mt19937 random(11);
    for (int i = 0; i < 100'000; ++i) {
        std::string bytes(random() % 24, '\0');
        for (char& byte : bytes)
            byte = static_cast<char>(random() % 3 == 0 ? random() : 0x10 + random() % 0x34);
        const std::size_t count = 1 + random() % 3;
        const Values decoded = decode_key(bytes, count);
        REQUIRE((decoded.empty() || decoded.size() == count));
    }
}
