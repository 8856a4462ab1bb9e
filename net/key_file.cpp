#include "net/key_file.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/bytes.h"

namespace strandline::net {

std::string key_path_of(const std::string& database) {
    constexpr int kLinksMax = 40;  // What Linux follows (path_resolution(7)).
    std::filesystem::path file(database);
    std::error_code none;
    for (int i = 0; i < kLinksMax && std::filesystem::is_symlink(file, none); ++i) {
        file = file.parent_path() / std::filesystem::read_symlink(file, none);
    }
    return file.string() + ".key";
}

namespace {

constexpr std::string_view kFirstLine = "strandline key 1\n";
constexpr std::string_view kFamily = "strandline key ";
constexpr std::string_view kSeedName = "seed ";
constexpr std::string_view kOpenedName = "\nopened ";
constexpr std::size_t kSeedDigits = 64;
constexpr std::size_t kFileBytesMax = 256;  // Twice what a file of this version can have.

tl::unexpected<Error> disk_trouble(const std::filesystem::path& path, const char* action) {
    const std::string reason = std::strerror(errno);
    return failure(Category::storage,
                   "the key file " + path.string() + " could not be " + action + ": " + reason, Retry::later);
}

/// Text with a secret in it, zeroed when it goes.
struct SecretText {
    std::string text;

    SecretText() { text.reserve(kFileBytesMax); }  // A text that grew would leave copies behind.
    SecretText(const SecretText&) = delete;
    SecretText& operator=(const SecretText&) = delete;
    ~SecretText() {
        text.resize(text.capacity());
        sodium_memzero(text.data(), text.size());
    }
};

class Descriptor {
public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() { close_now(); }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    [[nodiscard]] bool is_open() const { return number_ >= 0; }
    [[nodiscard]] int number() const { return number_; }
    bool close_now() { return number_ < 0 || ::close(std::exchange(number_, -1)) == 0; }

private:
    int number_;
};

void render(const Secret<32>& seed, std::uint64_t opened, SecretText& out) {
    char digits[kSeedDigits + 1];
    sodium_bin2hex(digits, sizeof digits, seed.data(), 32);
    out.text.append(kFirstLine).append(kSeedName).append(digits, kSeedDigits).append(kOpenedName);
    out.text.append(std::to_string(opened)).append("\n");
    sodium_memzero(digits, sizeof digits);
}

struct Parsed {
    Secret<32> seed;
    std::uint64_t opened = 0;
};

/// Strict: only what render writes is read, byte for byte.
std::optional<Parsed> parse(std::string_view text) {
    constexpr std::size_t kSeedAt = kFirstLine.size() + kSeedName.size();
    constexpr std::size_t kOpenedAt = kSeedAt + kSeedDigits + kOpenedName.size();
    if (text.size() <= kOpenedAt) return std::nullopt;
    Parsed parsed;
    if (sodium_hex2bin(parsed.seed.data(), 32, text.data() + kSeedAt, kSeedDigits, nullptr, nullptr,
                       nullptr) != 0) {
        return std::nullopt;
    }
    std::from_chars(text.data() + kOpenedAt, text.data() + text.size(), parsed.opened);
    SecretText again;
    render(parsed.seed, parsed.opened, again);
    if (again.text != text) return std::nullopt;
    return parsed;
}

bool write_all(int file, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(file, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

/// A new file, durable, for its owner alone; the folder's entry is not durable yet.
Result<void> write_new(const std::filesystem::path& path, std::string_view text) {
    Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file.is_open() && errno == EEXIST) {
        return failure(Category::usage,
                       "the key file " + path.string() +
                           " exists already: this device has an identity; keep it, or move the "
                           "file away to begin as a new device");
    }
    if (!file.is_open()) return disk_trouble(path, "made");
    // A umask cannot widen the mode, but it can take the owner's rights away.
    if (::fchmod(file.number(), 0600) == 0 && write_all(file.number(), text) && ::fsync(file.number()) == 0 &&
        file.close_now()) {
        return {};
    }
    const auto trouble = disk_trouble(path, "written");
    ::unlink(path.c_str());  // Half a file is worse than none.
    return trouble;
}

Result<void> sync_folder_of(const std::filesystem::path& path) {
    const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
    const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened.is_open() || ::fsync(opened.number()) != 0) return disk_trouble(path, "made durable");
    return {};
}

Result<void> replace(const std::filesystem::path& path, std::string_view text) {
    std::filesystem::path beside = path;
    beside += ".new";
    if (::unlink(beside.c_str()) != 0 && errno != ENOENT) return disk_trouble(beside, "removed");
    if (auto written = write_new(beside, text); !written) return written;
    if (::rename(beside.c_str(), path.c_str()) != 0) {
        const auto trouble = disk_trouble(path, "replaced");
        ::unlink(beside.c_str());
        return trouble;
    }
    return sync_folder_of(path);
}

Result<void> demand_private(const std::filesystem::path& path, int file) {
    struct stat facts {};
    if (::fstat(file, &facts) != 0) return disk_trouble(path, "read");
    if (!S_ISREG(facts.st_mode)) {
        return failure(Category::usage,
                       path.string() + " is not a file, so it cannot be a device's key file");
    }
    if ((facts.st_mode & (S_IRWXG | S_IRWXO)) == 0) return {};
    return failure(Category::usage,
                   "the key file " + path.string() +
                       " is open to other users of this machine, and who reads it can pose as this "
                       "device; if nobody has, run `chmod 600 " +
                       path.string() + "`");
}

/// At most a byte more than any key file has, so that parsing refuses what is longer.
Result<void> read_private(const std::filesystem::path& path, SecretText& out) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.is_open() && errno == ENOENT) {
        return failure(Category::usage,
                       "there is no key file " + path.string() +
                           "; `strandline init` makes one for a database that was never a device. Of one "
                           "that was, bring "
                           "it back from a copy; without one its tables go on in a new database (README)");
    }
    if (!file.is_open()) return disk_trouble(path, "opened");
    if (auto is_private = demand_private(path, file.number()); !is_private) return is_private;
    out.text.resize(kFileBytesMax);
    const ssize_t got = ::read(file.number(), out.text.data(), out.text.size());
    if (got < 0) return disk_trouble(path, "read");
    out.text.resize(static_cast<std::size_t>(got));
    return {};
}

tl::unexpected<Error> foreign_file(const std::filesystem::path& path, std::string_view text) {
    const std::string_view first_line = text.substr(0, text.find('\n') + 1);
    if (first_line.substr(0, kFamily.size()) == kFamily && first_line != kFirstLine) {
        return failure(Category::usage, "the key file " + path.string() +
                                            " was written by another version of Strandline; update this one");
    }
    return failure(Category::usage,
                   path.string() +
                       " is damaged, or is not a Strandline key file; bring it back from a copy; without one "
                       "the tables go on in a new database (README)");
}

}  // namespace

KeyFile::KeyFile(std::filesystem::path path, Secret<32> seed, std::uint64_t opened)
    : path_(std::move(path)), seed_(std::move(seed)), opened_(opened), identity_(seed_) {}

Result<KeyFile> KeyFile::create(const std::filesystem::path& path, std::span<const std::uint8_t, 32> chance) {
    KeyFile file(path, Secret<32>(chance), 0);
    SecretText text;
    render(file.seed_, file.opened_, text);
    if (auto written = write_new(path, text.text); !written) return tl::unexpected(written.error());
    if (auto synced = sync_folder_of(path); !synced) return tl::unexpected(synced.error());
    return file;
}

Result<KeyFile> KeyFile::load(const std::filesystem::path& path) {
    SecretText text;
    if (auto got = read_private(path, text); !got) return tl::unexpected(got.error());
    auto parsed = parse(text.text);
    if (!parsed) return foreign_file(path, text.text);
    return KeyFile(path, std::move(parsed->seed), parsed->opened);
}

Result<void> KeyFile::set_opened(std::uint64_t count) {
    SecretText text;
    render(seed_, count, text);
    if (auto replaced = replace(path_, text.text); !replaced) return replaced;
    opened_ = count;
    return {};
}

}  // namespace strandline::net
