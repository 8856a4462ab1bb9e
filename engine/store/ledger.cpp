#include "engine/store/ledger.h"

#include <algorithm>
#include <utility>

#include "engine/limits.h"
#include "engine/store/schema.h"

namespace strandline::engine::store {
namespace {

/// Lists of names in one column: each ends with a line feed, which SQLite allows in names but nobody uses.
std::string joined(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names) out += name + '\n';
    return out;
}

std::vector<std::string> parted(const std::string& text) {
    std::vector<std::string> names;
    for (std::size_t from = 0; from < text.size();) {
        const std::size_t end = text.find('\n', from);
        names.push_back(text.substr(from, end - from));
        from = end == std::string::npos ? text.size() : end + 1;
    }
    return names;
}

/// Seven bits a byte, the lowest first; all bytes of a number but its last have the highest bit set.
void add_number(std::string& bytes, std::uint64_t number) {
    for (; number >= 0x80; number >>= 7) bytes += static_cast<char>(number | 0x80);
    bytes += static_cast<char>(number);
}

std::uint64_t take_number(std::string_view& bytes) {
    std::uint64_t number = 0;
    for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(bytes.front());
        bytes.remove_prefix(1);
        number |= std::uint64_t{byte & 0x7fU} << shift;
        if (byte < 0x80) break;
    }
    return number;
}

/// A vector in one column: of a large group it has a thousand entries, which change many at a time. First the largest watermark,
/// then each origin's number, less the former one's, and by how much its watermark is below the largest.
std::string pack(const watermarks::Vector& vector) {
    Hlc largest;
    for (const auto& [origin, hlc] : vector.entries()) largest = std::max(largest, hlc);
    std::string bytes;
    add_number(bytes, static_cast<std::uint64_t>(largest.value));
    std::int64_t last = 0;
    for (const auto& [origin, hlc] : vector.entries()) {
        const auto number = static_cast<std::int64_t>(origin);
        add_number(bytes, static_cast<std::uint64_t>(number - std::exchange(last, number)));
        add_number(bytes, static_cast<std::uint64_t>(largest.value - hlc.value));
    }
    return bytes;
}

watermarks::Vector unpack(std::string_view bytes) {
    const auto largest = static_cast<std::int64_t>(take_number(bytes));
    std::vector<watermarks::Vector::Entry> entries;
    std::int64_t origin = 0;
    while (!bytes.empty()) {
        origin += static_cast<std::int64_t>(take_number(bytes));
        const auto below = static_cast<std::int64_t>(take_number(bytes));
        entries.emplace_back(static_cast<Origin>(origin), Hlc{largest - below});
    }
    return watermarks::Vector::from(std::move(entries));
}

EventKind kind_named(std::string_view name) {
    for (int i = 0; i < static_cast<int>(EventKind::trouble); ++i) {
        if (name_of(static_cast<EventKind>(i)) == name) return static_cast<EventKind>(i);
    }
    return EventKind::trouble;
}

}  // namespace

void Ledger::add_event(Event& event) {
    Statement insert = connection_.prepare(
        "INSERT INTO strandline_events(at, kind, resource, peer, text, rows) VALUES (?, ?, ?, ?, ?, ?) "
        "RETURNING number");
    insert.bind(1, event.at.value).bind_text(2, name_of(event.kind)).bind_text(3, event.resource);
    insert.bind_text(4, event.peer).bind_text(5, event.text).bind(6, event.rows).step();
    event.number = insert.integer(0);
    insert.run();
    if (event.number <= kEventsMax) return;
    connection_.prepare("DELETE FROM strandline_events WHERE number <= ?")
        .bind(1, event.number - kEventsMax)
        .run();
}

std::vector<Event> Ledger::events_after(std::int64_t number, std::size_t most) {
    std::vector<Event> events;
    Statement read = connection_.prepare(
        "SELECT number, at, kind, resource, peer, text, rows FROM strandline_events WHERE number > ? ORDER "
        "BY number LIMIT ?");
    read.bind(1, number).bind(2, static_cast<std::int64_t>(most));
    while (read.step()) {
        events.push_back({read.integer(0), WallMs{read.integer(1)}, kind_named(read.bytes(2)), read.text(3),
                          read.text(4), read.text(5), read.integer(6)});
    }
    return events;
}

void Ledger::add_traffic(const TrafficStatus& sent, const TrafficStatus& received) {
    Statement add = connection_.prepare(
        "UPDATE strandline_traffic SET messages = messages + ?, bytes = bytes + ?, rows = rows + ? WHERE "
        "direction = ?");
    add.bind(1, sent.messages).bind(2, sent.bytes).bind(3, sent.rows).bind_text(4, "sent").run();
    add.bind(1, received.messages)
        .bind(2, received.bytes)
        .bind(3, received.rows)
        .bind_text(4, "received")
        .run();
}

TrafficStatus Ledger::traffic(const std::string& direction) {
    Statement read =
        connection_.prepare("SELECT messages, bytes, rows FROM strandline_traffic WHERE direction = ?");
    read.bind_text(1, direction);
    if (!read.step()) return {};
    return {read.integer(0), read.integer(1), read.integer(2)};
}

void Ledger::put_member(const Member& member, WallMs since) {
    Statement put = connection_.prepare(
        "INSERT INTO strandline_members(device, name, since, is_let_in) VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET name = excluded.name, is_let_in = 1 WHERE excluded.is_let_in");
    put.bind_blob(1, bytes_of(member.device)).bind_text(2, member.name).bind(3, since.value);
    put.bind(4, std::int64_t{member.is_let_in}).run();
}

void Ledger::name_member(const DeviceId& device, const std::string& name) {
    Statement update =
        connection_.prepare("UPDATE strandline_members SET name = ? WHERE device = ? AND name = ''");
    if (!name.empty()) update.bind_text(1, name).bind_blob(2, bytes_of(device)).run();
}

void Ledger::set_parked(const DeviceId& device, std::optional<WallMs> since) {
    Statement set = connection_.prepare("UPDATE strandline_members SET parked_since = ? WHERE device = ?");
    if (since) set.bind(1, since->value);
    set.bind_blob(2, bytes_of(device)).run();
}

std::vector<Ledger::Member> Ledger::members() {
    std::vector<Member> members;
    Statement read = connection_.prepare(
        "SELECT device, name, is_let_in, parked_since IS NOT NULL FROM strandline_members ORDER BY device");
    while (read.step())
        members.push_back(
            {device_id_from_bytes(read.bytes(0)), read.text(1), read.integer(2) != 0, read.integer(3) != 0});
    return members;
}

void Ledger::put_peer(const DeviceId& device, bool connected, std::optional<double> rtt_ms) {
    Statement put = connection_.prepare(
        "INSERT INTO strandline_peers(device, connected, rtt_ms) VALUES (?, ?, ?) "
        "ON CONFLICT DO UPDATE SET connected = excluded.connected, rtt_ms = excluded.rtt_ms "
        "WHERE connected IS NOT excluded.connected OR rtt_ms IS NOT excluded.rtt_ms");
    put.bind_blob(1, bytes_of(device)).bind(2, std::int64_t{connected});
    if (rtt_ms) put.bind(3, Value{*rtt_ms});
    put.run();
}

void Ledger::disconnect_peers() {
    connection_.execute("UPDATE strandline_peers SET connected = 0 WHERE connected");
}

bool Ledger::meet_life(const DeviceId& device, Incarnation incarnation) {
    Statement put = connection_.prepare(
        "INSERT INTO strandline_peers(device, incarnation, connected) VALUES (?1, ?2, 0) ON CONFLICT DO "
        "UPDATE SET incarnation = excluded.incarnation WHERE incarnation IS NOT excluded.incarnation "
        "RETURNING 1");
    put.bind_blob(1, bytes_of(device)).bind(2, static_cast<std::int64_t>(incarnation));
    if (!put.step()) return false;
    put.run();
    connection_.prepare("DELETE FROM strandline_receipts WHERE device = ?")
        .bind_blob(1, bytes_of(device))
        .run();
    return true;
}

std::vector<PeerStatus> Ledger::peers() {
    std::vector<PeerStatus> peers;
    Statement read = connection_.prepare(
        "SELECT device, strandline_members.name, ifnull(connected, 0), rtt_ms, connected IS NOT NULL, "
        "parked_since IS NOT NULL "
        "FROM strandline_members LEFT JOIN strandline_peers USING (device) WHERE is_let_in ORDER BY device");
    while (read.step()) {
        PeerStatus peer;
        peer.device = device_id_from_bytes(read.bytes(0));
        peer.name = read.text(1);
        peer.connected = read.integer(2) != 0;
        peer.heard = read.integer(4) != 0;
        peer.parked = read.integer(5) != 0;
        if (!read.is_null(3)) peer.rtt_ms = std::get<double>(read.value(3));
        peers.push_back(std::move(peer));
    }
    return peers;
}

void Ledger::put_receipt(const DeviceId& device, std::int64_t resource, const watermarks::Vector& vector) {
    const std::string packed = pack(vector);
    Statement put = connection_.prepare(
        "INSERT INTO strandline_receipts(device, resource, vector) VALUES (?, ?, ?) "
        "ON CONFLICT DO UPDATE SET vector = excluded.vector");
    put.bind_blob(1, bytes_of(device)).bind(2, resource).bind_blob(3, packed).run();
}

Ledger::Receipts Ledger::receipts() {
    Receipts receipts;
    Statement read = connection_.prepare("SELECT device, resource, vector FROM strandline_receipts");
    while (read.step())
        receipts[device_id_from_bytes(read.bytes(0))][read.integer(1)] = unpack(read.bytes(2));
    return receipts;
}

void Ledger::set_not_exchanged(const DeviceId& device, const NotExchanged& tables) {
    connection_.prepare("DELETE FROM strandline_not_exchanged WHERE device = ?")
        .bind_blob(1, bytes_of(device))
        .run();
    for (const auto& [resource, why] : tables) {
        connection_.prepare("INSERT INTO strandline_not_exchanged(device, resource, why) VALUES (?, ?, ?)")
            .bind_blob(1, bytes_of(device))
            .bind(2, resource)
            .bind_text(3, why)
            .run();
    }
}

std::map<std::int64_t, std::vector<NotExchangedStatus>> Ledger::not_exchanged() {
    std::map<std::int64_t, std::vector<NotExchangedStatus>> tables;
    Statement read =
        connection_.prepare("SELECT resource, device, why FROM strandline_not_exchanged ORDER BY device");
    while (read.step())
        tables[read.integer(0)].push_back({device_id_from_bytes(read.bytes(1)), read.text(2)});
    return tables;
}

void Ledger::set_backfill(const std::optional<BackfillStatus>& backfill) {
    connection_.prepare("DELETE FROM strandline_backfill").run();
    if (!backfill) return;
    const std::string done = joined(backfill->resources_done);
    Statement put = connection_.prepare(
        "INSERT INTO strandline_backfill(peer, rows_done, rows_total, resource, done, fraction, bytes_done, "
        "bytes_total, rows_per_second, bytes_per_second, seconds_left) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "?)");
    put.bind_blob(1, bytes_of(backfill->peer)).bind(2, backfill->rows_done).bind(3, backfill->rows_total);
    put.bind_text(4, backfill->resource).bind_text(5, done).bind(6, Value(backfill->fraction));
    put.bind(7, backfill->bytes_done).bind(8, backfill->bytes_total);
    put.bind(9, Value(backfill->rows_per_second)).bind(10, Value(backfill->bytes_per_second));
    if (backfill->seconds_left) {
        put.bind(11, *backfill->seconds_left);
    } else {
        put.bind_null(11);
    }
    put.run();
}

std::optional<BackfillStatus> Ledger::backfill() {
    Statement read = connection_.prepare(
        "SELECT peer, rows_done, rows_total, resource, done, fraction, bytes_done, bytes_total, "
        "rows_per_second, "
        "bytes_per_second, seconds_left FROM strandline_backfill");
    if (!read.step()) return std::nullopt;
    BackfillStatus backfill;
    backfill.peer = device_id_from_bytes(read.bytes(0));
    backfill.rows_done = read.integer(1);
    backfill.rows_total = read.integer(2);
    backfill.resource = read.text(3);
    backfill.resources_done = parted(read.text(4));
    backfill.fraction = std::get<double>(read.value(5));
    backfill.bytes_done = read.integer(6);
    backfill.bytes_total = read.integer(7);
    backfill.rows_per_second = std::get<double>(read.value(8));
    backfill.bytes_per_second = std::get<double>(read.value(9));
    if (!read.is_null(10)) backfill.seconds_left = read.integer(10);
    return backfill;
}

void Ledger::set_state(DeviceState state) {
    connection_.prepare("UPDATE strandline_device SET state = ?1 WHERE state IS NOT ?1")
        .bind_text(1, name_of(state))
        .run();
}

std::int64_t Ledger::add_request(const Request& request) {
    const std::string arguments = joined(request.arguments);
    Statement insert = connection_.prepare(
        "INSERT INTO strandline_requests(command, arguments) VALUES (?, ?) RETURNING number");
    insert.bind_text(1, request.command).bind_text(2, arguments).step();
    const std::int64_t number = insert.integer(0);
    insert.run();
    return number;
}

std::vector<Ledger::OpenRequest> Ledger::open_requests() {
    std::vector<OpenRequest> requests;
    Statement read = connection_.prepare(
        "SELECT number, command, arguments FROM strandline_requests WHERE answer IS NULL ORDER BY number");
    while (read.step()) requests.push_back({read.integer(0), {read.text(1), parted(read.text(2))}});
    return requests;
}

void Ledger::answer_request(std::int64_t number, const Result<void>& answer) {
    if (answer) return put_answer(number, "", std::nullopt);
    put_answer(number, answer.error().message, answer.error().category);
}

/// No category: yes.
void Ledger::put_answer(std::int64_t number, const std::string& text, std::optional<Category> category) {
    constexpr std::int64_t kAnswersKept = 100;
    Statement update =
        connection_.prepare("UPDATE strandline_requests SET answer = ?, category = ? WHERE number = ?");
    update.bind_text(1, text).bind(3, number);
    if (category) {
        update.bind(2, static_cast<std::int64_t>(*category)).run();
    } else {
        update.bind_null(2).run();
    }
    // Who asked looks again and again, and has seen its answer long before.
    connection_.prepare("DELETE FROM strandline_requests WHERE number <= ? AND answer IS NOT NULL")
        .bind(1, number - kAnswersKept)
        .run();
}

void Ledger::answer_verify(std::int64_t number, const Verification& found) {
    std::vector<std::string> figures{to_hex(found.peer)};
    for (const std::int64_t figure :
         {found.rows, found.rounds, found.damaged, found.mended, found.bytes_sent, found.bytes_received})
        figures.push_back(std::to_string(figure));
    figures.emplace_back(found.is_all ? "all" : "not all");
    put_answer(number, joined(figures), std::nullopt);
}

std::optional<Verification> Ledger::verified_by(std::int64_t number) {
    Statement read = connection_.prepare(
        "SELECT answer FROM strandline_requests WHERE number = ? AND category IS NULL AND answer <> ''");
    if (!read.bind(1, number).step()) return std::nullopt;
    const std::vector<std::string> figures = parted(read.text(0));
    const auto peer = device_id_from_hex(figures.at(0));
    const auto figure = [&](std::size_t i) { return std::int64_t{std::stoll(figures.at(i))}; };
    return Verification{peer ? *peer : DeviceId{},
                        true,
                        figures.back() == "all",
                        figure(2),
                        figure(1),
                        figure(3),
                        figure(4),
                        figure(5),
                        figure(6),
                        {}};
}

std::optional<Result<void>> Ledger::answer_to(std::int64_t number) {
    Statement read = connection_.prepare("SELECT answer, category FROM strandline_requests WHERE number = ?");
    if (!read.bind(1, number).step() || read.is_null(0)) return std::nullopt;
    if (read.is_null(1)) return Result<void>();
    return failure(static_cast<Category>(read.integer(1)), read.text(0));
}

}  // namespace strandline::engine::store
