#include "simulator/disk/content.h"

#include <algorithm>
#include <cstring>

namespace strandline::simulator::disk {
namespace {

/// Calls `each(chunk, offset in it, offset in the range, bytes)` for the part of the range in each chunk.
template <typename Each>
void for_each_chunk(std::int64_t offset, std::int64_t size, Each each) {
    for (std::int64_t done = 0; done < size;) {
        const std::int64_t inside = (offset + done) % Content::kChunkBytes;
        const std::int64_t bytes = std::min(Content::kChunkBytes - inside, size - done);
        each(static_cast<std::size_t>((offset + done) / Content::kChunkBytes), inside, done,
             static_cast<std::size_t>(bytes));
        done += bytes;
    }
}

std::size_t chunks_for(std::int64_t size) {
    return static_cast<std::size_t>((size + Content::kChunkBytes - 1) / Content::kChunkBytes);
}

}  // namespace

std::int64_t Content::read(std::int64_t offset, char* to, std::int64_t size) const {
    const std::int64_t there = std::clamp<std::int64_t>(size_ - offset, 0, size);
    for_each_chunk(offset, there,
                   [&](std::size_t at, std::int64_t inside, std::int64_t done, std::size_t bytes) {
                       if (chunks_[at] == nullptr) {
                           std::memset(to + done, 0, bytes);
                       } else {
                           std::memcpy(to + done, chunks_[at]->data() + inside, bytes);
                       }
                   });
    std::memset(to + there, 0, static_cast<std::size_t>(size - there));
    return there;
}

void Content::write(std::int64_t offset, std::string_view bytes) {
    const auto size = static_cast<std::int64_t>(bytes.size());
    if (offset + size > size_) resize(offset + size);
    for_each_chunk(offset, size, [&](std::size_t at, std::int64_t inside, std::int64_t done, std::size_t n) {
        std::memcpy(own_chunk(at, n < sizeof(Chunk)).data() + inside, bytes.data() + done, n);
    });
}

void Content::resize(std::int64_t size) {
    chunks_.resize(chunks_for(size));
    const std::int64_t inside = size % kChunkBytes;
    if (size < size_ && inside > 0 && chunks_.back() != nullptr) {
        Chunk& last = own_chunk(chunks_.size() - 1, true);
        std::fill(last.begin() + inside, last.end(), '\0');
    }
    size_ = size;
}

void Content::take(const Content& other, std::int64_t offset, std::int64_t size) {
    const std::int64_t there = std::clamp<std::int64_t>(other.size_ - offset, 0, size);
    for_each_chunk(
        offset, there, [&](std::size_t at, std::int64_t inside, std::int64_t /*done*/, std::size_t n) {
            if (n == sizeof(Chunk) || other.chunks_[at] == nullptr || other.chunks_[at] == chunks_[at]) {
                chunks_[at] = other.chunks_[at];
            } else {
                std::memcpy(own_chunk(at, true).data() + inside, other.chunks_[at]->data() + inside, n);
            }
        });
}

Content::Chunk& Content::own_chunk(std::size_t at, bool is_kept) {
    auto& chunk = chunks_[at];
    if (chunk == nullptr && is_kept) {
        chunk = std::make_shared<Chunk>();
    } else if (chunk == nullptr || (chunk.use_count() > 1 && !is_kept)) {
        chunk = std::make_shared_for_overwrite<Chunk>();
    } else if (chunk.use_count() > 1) {
        chunk = std::make_shared<Chunk>(*chunk);
    }
    return *chunk;
}

}  // namespace strandline::simulator::disk
