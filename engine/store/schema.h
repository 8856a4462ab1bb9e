#pragma once

#include <optional>
#include <string>

#include <strandline/engine.h>

#include "engine/store/connection.h"

namespace strandline::engine::store {

/// The format of Strandline's own tables. A database of another one is refused, never guessed at.
constexpr int kFormat = 10;

/// Makes Strandline's tables (docs/schema.md describes each) and the device's first incarnation.
void create_schema(Connection& connection, const InitOptions& options, Now now);

/// Whether this is a device's database at all.
[[nodiscard]] bool has_schema(Connection& connection);

/// A database's own facts, one row.
struct DeviceRow {
    int format = 0;
    DeviceId device;
    std::string name;
    Incarnation incarnation{};
};
[[nodiscard]] DeviceRow read_device(Connection& connection);
void write_incarnation(Connection& connection, Incarnation incarnation);

/// Why a database cannot be this device's, as a sentence; empty: it can.
[[nodiscard]] std::optional<Error> objection_to(Connection& connection, const std::string& path,
                                                const DeviceId& device);

/// What the host said last; a default one: the device was never opened by a host that counts.
[[nodiscard]] Opening read_opening(Connection& connection);
void write_opening(Connection& connection, const Opening& opening);

/// Notes that the database is open, or no more; whether it was. Inside a transaction.
bool set_open(Connection& connection, bool is_open);

/// How thoroughly the device must prove that it holds what it says.
enum class Proof {
    none,
    shallow,  ///< by what was recorded
    deep,     ///< by the rows themselves too
};
/// What is owed until it has succeeded.
struct OwedProof {
    Proof what{};
    WallMs verified;  ///< when one succeeded last, or the device was made
};
[[nodiscard]] OwedProof read_owed(Connection& connection);
void write_owed(Connection& connection, const OwedProof& owed);

[[nodiscard]] std::string_view bytes_of(const DeviceId& device);
[[nodiscard]] DeviceId device_id_from_bytes(std::string_view bytes);

}  // namespace strandline::engine::store
