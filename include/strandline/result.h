#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace strandline {

/// What kind of trouble it is: scripts and metrics count by it.
enum class Category {
    usage,     ///< the caller asked for something that makes no sense
    auth,      ///< a peer is not who it must be, or not let in
    network,   ///< no route, no connection, a connection lost
    timeout,   ///< nothing happened for too long
    schema,    ///< a table, column or key is not as it must be
    storage,   ///< the disk or the database said no
    protocol,  ///< a peer said what it must not say
    busy,      ///< somebody else holds the database just now
};

/// Whether the same call may work later without anybody doing something about it.
enum class Retry { never, later };

/// One sentence for a person (what, why, what to do) and two words for a program.
struct Error {
    Category category = Category::usage;
    std::string message;
    Retry retry = Retry::never;
};

template <typename T>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> failure(Category category, std::string message,
                                                   Retry retry = Retry::never) {
    return tl::unexpected<Error>(Error{category, std::move(message), retry});
}

/// The category's name as it stands in logs and JSON.
[[nodiscard]] const char* name_of(Category category);

}  // namespace strandline
