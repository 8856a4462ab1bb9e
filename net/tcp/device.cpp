// A device's beginning and its marks on the disk: the key file and the lock file beside its database.
#include <filesystem>

#include <strandline/engine.h>
#include <strandline/node.h>
#include <strandline/status.h>

#include "net/key_file.h"
#include "net/tcp/lock.h"
#include "net/tcp/machine.h"
#include "net/tcp/writer.h"

namespace strandline {

Result<DeviceId> init_device(const std::string& database, const std::string& name) {
    // A key without a device: an init that was cut short, or a database that was lost. It is still who we are.
    std::error_code unreadable;
    const bool has_key = std::filesystem::exists(net::key_path_of(database), unreadable);
    const bool has_file = !unreadable && std::filesystem::exists(database, unreadable);
    if (unreadable) {
        return failure(Category::storage, "cannot look into the folder of " + database + ": " +
                                              unreadable.message() + "; run this as somebody who may");
    }
    const auto key = has_key ? net::KeyFile::load(net::key_path_of(database))
                             : net::KeyFile::create(net::key_path_of(database), net::tcp::random_seed());
    if (!key) return tl::unexpected(key.error());
    const auto made = init_database({database, key->identity().device(), name, "", net::tcp::system_entropy},
                                    net::tcp::now());
    if (made) return key->identity().device();
    std::error_code ignored;
    if (!has_key) std::filesystem::remove(net::key_path_of(database), ignored);
    // What SQLite had begun to make, on a full disk for one, is nobody's.
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
        if (!has_file) std::filesystem::remove(database + suffix, ignored);
    }
    return tl::unexpected(made.error());
}

Result<DeviceId> device_id_of(const std::string& database) {
    const auto key = net::KeyFile::load(net::key_path_of(database));
    if (!key) return tl::unexpected(key.error());
    const auto device = read_device_id(database);
    if (!device) return tl::unexpected(device.error());
    const DeviceId mine = key->identity().device();
    if (*device == mine) return mine;
    return failure(Category::auth, database + " belongs to device " + short_hex(*device) +
                                       ", but the key file " + net::key_path_of(database) + " is of " +
                                       short_hex(mine) + "; put the right key file back");
}

std::string writing_process(const std::string& database) {
    return net::tcp::writer_of(database);
}

Result<int> running_process(const std::string& database) {
    return net::tcp::lock_holder(database);
}

}  // namespace strandline
