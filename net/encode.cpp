#define MSGPACK_NO_BOOST
#include <msgpack.hpp>

#include <algorithm>
#include <bit>
#include <limits>

#include "net/bytes.h"
#include "net/codec.h"
#include "net/packing.h"

namespace strandline::net {
namespace {

using namespace message;

/// Where the packer writes to.
struct Sink {
    std::string bytes;
    void write(const char* data, std::size_t size) { bytes.append(data, size); }
};

/// Writes each part of a message; decode.cpp reads them back in the same order, under the same names.
class Encoder {
public:
    /// `packer` null: nothing is packed.
    explicit Encoder(Packer* packer) : packer_of_pages_(packer) {}

    std::string message(const Message& message) {
        std::visit([this](const auto& body) { write(body); }, message);
        return std::move(sink_.bytes);
    }

private:
    void write(const Hello& hello) {
        begin(Kind::hello, hello.features == 0 ? 3 : 4);
        text(hello.name);
        number(static_cast<std::uint64_t>(hello.incarnation));
        packer_.pack_int64(hello.wall.value);
        if (hello.features != 0) number(hello.features);
    }

    void write(const Have& have) {
        std::uint32_t fields = have.members.empty() ? 3 : 4;
        if (!have.ceilings.empty()) fields = 5;
        begin(Kind::have, fields);
        boolean(have.complete);
        list(have.origins);
        list(have.holdings);
        if (fields > 3) list(have.members);
        if (fields > 4) vector(have.ceilings);
    }

    void write(const Pull& pull) {
        begin(Kind::pull, 3);
        number(pull.number);
        list(pull.origins);
        list(pull.wanted);
    }

    void write(const Pages& pages) {
        begin(Kind::pages, 5);
        number(pages.pull);
        number(pages.basis);
        boolean(pages.last);
        list(pages.origins);
        const std::size_t begin = sink_.bytes.size();
        list(pages.pages);
        if (packer_of_pages_ != nullptr) pack_from(begin);
    }

    void pack_from(std::size_t begin) {
        const auto packed = packer_of_pages_->pack(std::string_view(sink_.bytes).substr(begin));
        if (!packed) return;
        sink_.bytes.resize(begin);
        binary(*packed);
    }

    void write(const Ping& ping) {
        begin(Kind::ping, 1);
        number(ping.nonce);
    }

    void write(const Pong& pong) {
        begin(Kind::pong, 1);
        number(pong.nonce);
    }

    void write(const Bye& bye) {
        begin(Kind::bye, 1);
        text(bye.reason);
    }

    void write(const Waive& waive) {
        begin(Kind::waive, 4);
        number(waive.pull);
        text(waive.resource);
        range(waive.range);
    }

    void write(const Compare& compare) {
        begin(Kind::compare, 3);
        number(compare.number);
        boolean(compare.asks);
        list(compare.comparisons);
    }

    void write(const Fetch& fetch) {
        begin(Kind::fetch, 3);
        number(fetch.number);
        number(fetch.offset);
        number(fetch.bytes);
    }

    void write(const Part& part) {
        begin(Kind::part, 3);
        number(part.number);
        number(part.offset);
        part.bytes ? binary(*part.bytes) : nil();
    }

    void write(const DeviceId& device) { binary(std::string(view_of(device.bytes))); }

    void write(const OriginId& origin) {
        std::string id(view_of(origin.device.bytes));
        append_big_endian(id, static_cast<std::uint64_t>(origin.incarnation), 8);
        binary(id);
    }

    void write(const Holding& holding) {
        std::uint32_t fields = 4;
        if (!holding.key.empty()) fields = 5;
        if (!holding.key.empty() && !holding.dropped.empty()) fields = 6;
        if (!holding.cuts.empty()) fields = 7;
        if (holding.waits) fields = 8;
        if (!holding.forgotten.empty()) fields = 9;
        array(fields);
        text(holding.resource);
        boolean(holding.device_owned);
        number(holding.rows);
        list(holding.pieces);
        if (fields > 4) list(holding.key);
        if (fields > 5) list(holding.dropped);
        if (fields > 6) write_cuts(holding.cuts);
        if (fields > 7) boolean(holding.waits);
        if (fields > 8) vector(holding.forgotten);
    }

    void write_cuts(const std::vector<std::string>& cuts) {
        array(cuts.size());
        for (const std::string& cut : cuts) binary(cut);
    }

    void write(const KeyColumn& column) {
        array(3);
        text(column.type);
        text(column.collation);
        list(column.names);
    }

    void write(const Wanted& wanted) {
        array(2);
        text(wanted.resource);
        list(wanted.pieces);
    }

    void write(const Comparison& comparison) {
        array(4);
        text(comparison.resource);
        binary(comparison.columns);
        binary(comparison.forgotten);
        list(comparison.stretches);
    }

    void write(const Stretch& stretch) {
        array(stretch.unsettled.empty() ? 5 : 6);
        number(static_cast<std::uint64_t>(stretch.form));
        range(stretch.range);
        array(stretch.bounds.size());
        for (const std::string& bound : stretch.bounds) binary(bound);
        binary(stretch.digests);
        if (!stretch.unsettled.empty()) binary(stretch.unsettled);
    }

    void write(const Piece& piece) {
        array(3);
        range(piece.range);
        vector(piece.vector);
    }

    void write(const Page& page) {
        const bool has_forgotten = !page.forgotten.empty();
        array(has_forgotten ? 10 : page.dropped.empty() ? 7 : 8);
        text(page.resource);
        range(page.range);
        vector(page.vector);
        list(page.columns);
        base_ = base_of(page);
        number(static_cast<std::uint64_t>(base_));
        list(page.entries);
        if (has_forgotten || !page.dropped.empty()) list(page.dropped);
        if (!has_forgotten) return;
        vector(page.forgotten);
        boolean(page.complete);
    }

    void write(const std::string& column) { text(column); }
    void write(std::uint32_t index) { number(index); }

    void write(const Entry& entry) {
        const bool has_large = !entry.large.empty();
        const bool has_life = has_large || entry.life;
        const bool has_withheld = has_life || !entry.withheld.empty();
        array(has_large ? 9 : has_life ? 8 : has_withheld ? 7 : 6);
        binary(entry.key);
        entry.key_raw ? list(*entry.key_raw) : nil();
        entry.era ? write(*entry.era) : nil();
        entry.row ? write(*entry.row) : nil();
        array(3 * entry.cells.size());
        for (const Cell& cell : entry.cells) {
            number(cell.column);
            hlc_and_origin(cell.stamp);
        }
        list(entry.values);
        if (has_withheld) list(entry.withheld);
        if (has_life) entry.life ? write(*entry.life) : nil();
        if (has_large) list(entry.large);
    }

    void write(const LargeValue& large) {
        array(5);
        number(large.place);
        number(large.number);
        boolean(large.is_text);
        number(large.bytes);
        binary(large.hash);
    }

    void write(const Life& life) {
        array(2);
        life.era ? write(*life.era) : nil();
        write(life.row);
    }

    void write(const Stamp& stamp) {
        array(2);
        hlc_and_origin(stamp);
    }

    void write(const Value& value) {
        std::visit([this](const auto& content) { value_of(content); }, value);
    }
    void value_of(std::monostate) { nil(); }
    void value_of(std::int64_t integer) { packer_.pack_int64(integer); }
    // Not pack_double: it makes 2.0 the integer 2, and drops the sign of -0.0.
    void value_of(double real) {
        sink_.bytes += '\xcb';
        append_big_endian(sink_.bytes, std::bit_cast<std::uint64_t>(real), 8);
    }
    void value_of(const std::string& content) { text(content); }
    void value_of(const Blob& blob) { binary(blob.bytes); }

    void range(const Range& range) {
        binary(range.low);
        range.high ? binary(*range.high) : nil();
    }

    void vector(const Vector& vector) {
        array(2 * vector.size());
        for (const auto& [origin, hlc] : vector) {
            number(static_cast<std::uint32_t>(origin));
            number(static_cast<std::uint64_t>(hlc.value));
        }
    }

    void hlc_and_origin(const Stamp& stamp) {
        number(static_cast<std::uint64_t>(stamp.hlc.value - base_));
        number(static_cast<std::uint32_t>(stamp.origin));
    }

    /// The smallest HLC of the page's stamps: what was written together differs in its last bytes alone.
    static std::int64_t base_of(const Page& page) {
        std::int64_t base = std::numeric_limits<std::int64_t>::max();
        for (const Entry& entry : page.entries) {
            if (entry.era) base = std::min(base, entry.era->hlc.value);
            if (entry.row) base = std::min(base, entry.row->hlc.value);
            for (const Cell& cell : entry.cells) base = std::min(base, cell.stamp.hlc.value);
            if (!entry.life) continue;
            base = std::min(base, entry.life->row.hlc.value);
            if (entry.life->era) base = std::min(base, entry.life->era->hlc.value);
        }
        return page.entries.empty() ? 0 : base;
    }

    void begin(Kind kind, std::uint32_t fields) {
        array(1 + fields);
        number(static_cast<std::uint64_t>(kind));
    }
    template <typename T>
    void list(const std::vector<T>& items) {
        array(items.size());
        for (const T& item : items) write(item);
    }
    void array(std::size_t count) { packer_.pack_array(static_cast<std::uint32_t>(count)); }
    void number(std::uint64_t number) { packer_.pack_uint64(number); }
    void boolean(bool value) { value ? packer_.pack_true() : packer_.pack_false(); }
    void nil() { packer_.pack_nil(); }
    void text(const std::string& text) {
        packer_.pack_str(static_cast<std::uint32_t>(text.size()));
        sink_.write(text.data(), text.size());
    }
    void binary(const std::string& bytes) {
        packer_.pack_bin(static_cast<std::uint32_t>(bytes.size()));
        sink_.write(bytes.data(), bytes.size());
    }

    Sink sink_;
    msgpack::packer<Sink> packer_{sink_};
    std::int64_t base_ = 0;
    Packer* packer_of_pages_;
};

}  // namespace

std::string encode(const Message& message) {
    return Encoder(nullptr).message(message);
}

std::string encode(const Message& message, Packer& packer) {
    return Encoder(&packer).message(message);
}

}  // namespace strandline::net
