#include "engine/store/nested.h"

#include <sqlite3.h>

#include <algorithm>
#include <utility>

namespace strandline::engine::store {
namespace {

/// SQL function strandline_is_nested(): whether this row is written by a trigger of the app's.
void is_nested(sqlite3_context* context, int /*count*/, sqlite3_value** /*values*/) {
    auto* announced = static_cast<bool*>(sqlite3_user_data(context));
    sqlite3_result_int(context, std::exchange(*announced, false) ? 0 : 1);
}

bool has_app_triggers(Definitions& definitions) {
    return std::ranges::any_of(definitions.all(), [](const Definition& definition) {
        return definition.type == "trigger" && !definition.name.starts_with("strandline_");
    });
}

}  // namespace

Nested::Nested(Connection& connection, Definitions& definitions)
    : connection_(connection), definitions_(definitions) {
    sqlite3_create_function_v2(connection.raw(), "strandline_is_nested", 0, SQLITE_UTF8, &announced_,
                               is_nested, nullptr, nullptr, nullptr);
}

void Nested::install(const std::vector<Resource>& resources) {
    if (installed_) {
        std::vector<std::string> names;
        {
            Statement find =
                connection_.prepare("SELECT name FROM temp.sqlite_schema WHERE type = 'trigger'");
            while (find.step()) names.push_back(find.text(0));
        }
        for (const std::string& name : names) connection_.execute("DROP TRIGGER temp." + quoted_name(name));
    }
    installed_ = has_app_triggers(definitions_);
    if (!installed_) return;
    for (const Resource& resource : resources) {
        if (!resource.is_there) continue;
        for (const char* verb : {"INSERT", "UPDATE", "DELETE"}) {
            connection_.execute(
                "CREATE TEMP TRIGGER strandline_nested_" + std::to_string(resource.id) + "_" + verb +
                " BEFORE " + verb + " ON main." + quoted_name(resource.name) +
                " WHEN EXISTS (SELECT 1 FROM main.strandline_applying) AND strandline_is_nested() "
                "BEGIN SELECT RAISE(IGNORE); END");
        }
    }
}

}  // namespace strandline::engine::store
