#pragma once

#include <functional>
#include <string>

#include <strandline/ids.h>
#include <strandline/result.h>

/// Copies of a device's database that are whole, and that own up to being copies: whichever way one is put back, the
/// device that opens it goes on as a new incarnation.
namespace strandline {

/// Copies the database as it stands at one moment to a new file, in WAL mode too, beside whoever reads and writes it. The copy
/// has been read through (`PRAGMA quick_check`), and is durable. Error: `from` is not a database of `device`, or of
/// another format, or damaged; the disk; (timeout) `stop_asked`, asked now and then, said yes. Then there may be half of a
/// file at `to`, with others beside it.
[[nodiscard]] Result<void> copy_database(const std::string& from, const std::string& to,
                                         const DeviceId& device,
                                         const std::function<bool()>& stop_asked = {});
/// Brings all of a database into its one file, out of WAL mode. Error (busy): somebody has it open; else it is damaged.
[[nodiscard]] Result<void> settle_database(const std::string& database);

/// Copies a device's database, online, to `file`, which must not be there. It is there whole, or not at all, and who may
/// not read the database may not read it either. Error: `stop_asked`, as above; no other file was touched.
[[nodiscard]] Result<void> take_snapshot(const std::string& database, const std::string& file,
                                         const std::function<bool()>& stop_asked = {});
/// Puts a copy in the place of a device's database, which is kept beside it: its path, empty where there was none. The device
/// must not run, and no app may have the database open. A crash leaves one of the two in place, whole. Owner and permissions
/// stay as they were. Error: nothing was changed.
[[nodiscard]] Result<std::string> restore_database(const std::string& database, const std::string& file,
                                                   const std::function<bool()>& stop_asked = {});

}  // namespace strandline
