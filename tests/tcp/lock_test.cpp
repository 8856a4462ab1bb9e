#include "net/tcp/lock.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include <catch2/catch.hpp>

#include "tests/tcp/folder.h"

using strandline::Category;
using strandline::net::tcp::Lock;
using strandline::net::tcp::lock_holder;
using strandline::tests::Folder;

namespace {

/// Another process that has the lock once the constructor is done, until it is killed.
class OtherProcess {
public:
    explicit OtherProcess(const std::string& database) {
        int ends[2];
        REQUIRE(pipe(ends) == 0);
        pid_ = fork();
        if (pid_ == 0) {
            const auto lock = Lock::take(database);
            if (write(ends[1], lock ? "y" : "n", 1) != 1) std::_Exit(1);
            for (;;) pause();
        }
        char answer = 0;
        REQUIRE(read(ends[0], &answer, 1) == 1);
        CHECK(answer == 'y');
        close(ends[0]);
        close(ends[1]);
    }
    ~OtherProcess() { kill_now(); }
    OtherProcess(const OtherProcess&) = delete;
    OtherProcess& operator=(const OtherProcess&) = delete;

    void kill_now() {
        if (pid_ <= 0) return;
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }
    [[nodiscard]] int pid() const { return pid_; }

private:
    pid_t pid_ = 0;
};

}  // namespace

TEST_CASE("nobody runs a database that was never locked, and asking makes no file") {
    const Folder folder;
    CHECK(lock_holder(folder / "a.db") == 0);
    CHECK_FALSE(std::filesystem::exists(folder / "a.db.lock"));
}

TEST_CASE("another process's lock keeps us out and names it; killed, it is free at once") {
    const Folder folder;
    const std::string database = folder / "a.db";
    OtherProcess other(database);
    CHECK(lock_holder(database) == other.pid());
    const auto refused = Lock::take(database);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().category == Category::busy);
    CHECK_THAT(refused.error().message, Catch::Contains("process " + std::to_string(other.pid())));

    other.kill_now();
    CHECK(lock_holder(database) == 0);
    CHECK(Lock::take(database));
}

TEST_CASE("the lock keeps out the process that has it, too, and goes with its owner") {
    const Folder folder;
    const std::string database = folder / "a.db";
    {
        auto first = Lock::take(database);
        REQUIRE(first);
        CHECK(lock_holder(database) == getpid());
        CHECK_FALSE(Lock::take(database));
        Lock moved = std::move(*first);
        CHECK(lock_holder(database) == getpid());
    }
    CHECK(lock_holder(database) == 0);
    CHECK(Lock::take(database));
}

TEST_CASE("a database has one lock, also where it is named by a symbolic link") {
    const Folder folder;
    std::ofstream(folder / "a.db") << "";
    std::filesystem::create_symlink(folder / "a.db", folder / "link.db");
    const auto lock = Lock::take(folder / "a.db");
    REQUIRE(lock);
    CHECK(lock_holder(folder / "link.db") == getpid());
    CHECK_FALSE(Lock::take(folder / "link.db"));
}

TEST_CASE("asking who holds the lock does not let go of it") {
    const Folder folder;
    const auto lock = Lock::take(folder / "a.db");
    for (int i = 0; i < 3; ++i) CHECK(lock_holder(folder / "a.db") == getpid());
    CHECK_FALSE(Lock::take(folder / "a.db"));
}

TEST_CASE("a longer process id left behind by an earlier holder is not read into ours") {
    const Folder folder;
    std::ofstream(folder / "a.db.lock") << "999999999999\n";
    const auto lock = Lock::take(folder / "a.db");
    CHECK(lock_holder(folder / "a.db") == getpid());
    CHECK(std::filesystem::file_size(folder / "a.db.lock") == std::to_string(getpid()).size() + 1);
}

TEST_CASE("a lock file that cannot be made is an error that names it") {
    const auto lock = Lock::take("/nowhere/a.db");
    REQUIRE_FALSE(lock);
    CHECK(lock.error().category == Category::storage);
    CHECK_THAT(lock.error().message, Catch::Contains("/nowhere/a.db.lock"));
}
