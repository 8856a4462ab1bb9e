#pragma once

#include <cstdlib>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

#include "net/bytes.h"
#include "net/identity.h"
#include "tests/net/hex.h"

namespace strandline::tests {

/// An empty folder that goes with everything in it.
class Folder {
public:
    Folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "strandline-net-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder can be made");
        path_ = pattern;
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    [[nodiscard]] std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

/// The device of this seed; made once, as channels keep a reference.
inline const net::Identity& identity_of(const std::string& seed) {
    static std::map<std::string, net::Identity> made;
    const std::span<const std::uint8_t, 32> bytes(net::bytes_of(std::string_view(seed)), 32);
    return made.try_emplace(seed, net::Secret<32>(bytes)).first->second;
}

/// Thirty-two bytes that are this byte.
inline std::string bytes32(char byte) {
    return std::string(32, byte);
}

}  // namespace strandline::tests
