#include <strandline/result.h>

namespace strandline {

const char* name_of(Category category) {
    switch (category) {
        case Category::usage:
            return "usage";
        case Category::auth:
            return "auth";
        case Category::network:
            return "network";
        case Category::timeout:
            return "timeout";
        case Category::schema:
            return "schema";
        case Category::storage:
            return "storage";
        case Category::protocol:
            return "protocol";
        case Category::busy:
            return "busy";
    }
    return "unknown";
}

}  // namespace strandline
