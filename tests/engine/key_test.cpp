#include "engine/key.h"

#include <catch2/catch.hpp>

using namespace strandline;
using namespace strandline::engine;

TEST_CASE("a number is one key, whole or real, and text folds as its collation says") {
    CHECK(encode_key({std::int64_t{1}}, {Collation::binary}) == encode_key({1.0}, {Collation::binary}));
    CHECK(encode_key({std::string("Q")}, {Collation::nocase}) ==
          encode_key({std::string("q")}, {Collation::nocase}));
    CHECK(encode_key({std::string("q  ")}, {Collation::rtrim}) ==
          encode_key({std::string("q")}, {Collation::rtrim}));
    CHECK(encode_key({std::string("Q")}, {Collation::binary}) !=
          encode_key({std::string("q")}, {Collation::binary}));
}
