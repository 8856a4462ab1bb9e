#include "engine/store/affinity.h"

#include <sqlite3.h>

#include <cmath>
#include <limits>

namespace strandline::engine::store {
namespace {

/// SQLite alone knows which texts are numbers to it; it tells of a value that is nobody else's.
bool is_number(Connection& connection, const std::string& text) {
    Statement give = connection.prepare("SELECT ?");
    give.bind_text(1, text).step();
    return give.is_number(0);
}

/// A column that keeps numbers keeps a real that is an integer as one.
bool is_integer(double real) {
    constexpr auto kBeyond = static_cast<double>(std::numeric_limits<std::int64_t>::max());
    return real > -kBeyond && real < kBeyond && std::trunc(real) == real;
}

}  // namespace

const char* name_of(Affinity affinity) {
    const char* names[] = {"BLOB", "TEXT", "NUMERIC", "REAL"};
    return names[static_cast<int>(affinity)];
}

Affinity affinity_of(std::string type, bool is_strict) {
    for (char& c : type) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    const auto names = [&](std::string_view word) { return type.find(word) != std::string::npos; };
    if (names("INT")) return Affinity::numeric;
    if (names("CHAR") || names("CLOB") || names("TEXT")) return Affinity::text;
    if (names("BLOB") || type.empty() || (is_strict && type == "ANY")) return Affinity::blob;
    if (names("REAL") || names("FLOA") || names("DOUB")) return Affinity::real;
    return Affinity::numeric;
}

bool would_change(Connection& connection, Affinity affinity, const Value& value) {
    const auto* text = std::get_if<std::string>(&value);
    const auto* real = std::get_if<double>(&value);
    const bool is_int = std::holds_alternative<std::int64_t>(value);
    if (affinity == Affinity::blob || (text == nullptr && real == nullptr && !is_int)) return false;
    if (affinity == Affinity::text) return text == nullptr;
    if (text != nullptr) return is_number(connection, *text);
    if (affinity == Affinity::numeric) return real != nullptr && is_integer(*real);
    // Such a column writes -0.0 as the integer 0, and so loses its sign.
    return is_int || (*real == 0 && std::signbit(*real));
}

}  // namespace strandline::engine::store
