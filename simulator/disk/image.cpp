#include "simulator/disk/image.h"

namespace strandline::simulator::disk {

std::string DiskImage::bytes(const std::string& name) const {
    const auto found = files_.find(name);
    if (found == files_.end()) return {};
    std::string bytes(static_cast<std::size_t>(found->second.size()), '\0');
    found->second.read(0, bytes.data(), found->second.size());
    return bytes;
}

}  // namespace strandline::simulator::disk
