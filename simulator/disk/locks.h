#pragma once

namespace strandline::simulator::disk {

/// How much of a file one handle holds: SQLite's ladder ("File Locking And Concurrency", section 3), with
/// SQLite's numbers. Each rung includes those below it.
enum class Lock { none, shared, reserved, pending, exclusive };

/// The lock of one file, which its handles share: any number of readers; one of them may have reserved the
/// right to write, and writes once the others have gone. Each handle keeps its own rung, and hands it in.
class Locks {
public:
    /// Whether the handle stands on `to` now. On the way to exclusive it stays at pending, which lets no new
    /// reader in, while others still read.
    [[nodiscard]] bool raise(Lock& mine, Lock to);
    /// Down to shared or none; never fails.
    void lower(Lock& mine, Lock to);
    [[nodiscard]] bool is_reserved() const { return highest_ >= Lock::reserved; }

private:
    int holders_ = 0;
    Lock highest_ = Lock::none;  ///< above shared, exactly one handle stands on it
};

}  // namespace strandline::simulator::disk
