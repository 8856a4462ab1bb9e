#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

/// Other processes: the benchmark's own program in another role, or a copy of it that runs a function.
namespace strandline::bench {

/// A file descriptor that closes itself.
class Handle {
public:
    explicit Handle(int number = -1) : number_(number) {}
    Handle(Handle&& other) noexcept;
    Handle& operator=(Handle&& other) noexcept;
    ~Handle() { close(); }

    [[nodiscard]] int number() const { return number_; }
    void close();

private:
    int number_;
};

/// A child of ours, killed when it is still there at the end.
class Child {
public:
    explicit Child(pid_t process) : process_(process) {}
    Child(Child&& other) noexcept;
    Child& operator=(Child&& other) = delete;
    ~Child();

    /// Error (Trouble): it ended in any other way than well.
    void wait();

private:
    pid_t process_;
};

/// Runs `work` in a copy of this process, which must have no other thread and no database open.
[[nodiscard]] Child fork_off(const std::function<void()>& work);

/// This program with other arguments. It says what it has to say in lines, and ends when its input does.
class Program {
public:
    explicit Program(const std::vector<std::string>& arguments);

    /// What follows `word` in the next line that begins with it; lines before it are dropped.
    /// Error (Trouble): the program ended without it, or was silent for ten minutes.
    [[nodiscard]] std::string next(const std::string& word, const std::string& waiting_for);
    /// Ends it; what it says at its end can still be read before wait().
    void close_input() { input_.close(); }
    void wait() { child_.wait(); }

private:
    struct Start {
        Handle input;
        Handle output;
        pid_t process;
    };
    explicit Program(Start start);
    static Start start(const std::vector<std::string>& arguments);
    [[nodiscard]] std::string next_line(const std::string& waiting_for);

    Handle input_;
    Handle output_;
    Child child_;
    std::string read_;
};

}  // namespace strandline::bench
