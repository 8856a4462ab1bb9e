#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace strandline::simulator::disk {

/// The bytes of a file, in chunks. Copies share a chunk until one of them writes into it, so a copy
/// costs a pointer per chunk, and what is the same is held once.
///
/// Invariant: what a chunk holds past size() is zero, and an absent chunk is all zeros, so a file that
///            grows reads as zeros where nobody wrote.
class Content {
public:
    static constexpr std::int64_t kChunkBytes = 4096;  // SQLite's page: a whole one is in one or two chunks.

    [[nodiscard]] std::int64_t size() const { return size_; }
    /// Fills all of `to`, with zeros past the end; how many bytes the file really had there.
    std::int64_t read(std::int64_t offset, char* to, std::int64_t size) const;
    /// Grows the file when the end is past it.
    void write(std::int64_t offset, std::string_view bytes);
    /// Cuts the file, or lets it grow by zeros.
    void resize(std::int64_t size);
    /// Takes over the bytes of a range from a content of at most our size: chunks of which all bytes are in it are shared
    /// from now on, of others the bytes are copied.
    void take(const Content& other, std::int64_t offset, std::int64_t size);

private:
    using Chunk = std::array<char, kChunkBytes>;

    /// For writing to; what it held before is there only where `is_kept`.
    [[nodiscard]] Chunk& own_chunk(std::size_t at, bool is_kept);

    std::vector<std::shared_ptr<Chunk>> chunks_;
    std::int64_t size_ = 0;
};

}  // namespace strandline::simulator::disk
