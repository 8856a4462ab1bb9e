#include "net/key_file.h"

#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "tests/net/devices.h"

using namespace strandline;
using namespace strandline::net;
namespace {

using tests::Folder;

// RFC 8032, section 7.1, test 1.
constexpr const char* kSeed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
constexpr const char* kDevice = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

Result<KeyFile> create(const std::filesystem::path& path) {
    const std::string seed = tests::from_hex(kSeed);
    return KeyFile::create(path, std::span<const std::uint8_t, 32>(bytes_of(seed), 32));
}

std::string text_of(const std::filesystem::path& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

void write_private(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path) << text;
    std::filesystem::permissions(path, std::filesystem::perms(0600));
}

mode_t mode_of(const std::filesystem::path& path) {
    struct stat facts {};
    REQUIRE(stat(path.c_str(), &facts) == 0);
    return facts.st_mode & 07777;
}

std::string sound_text() {
    return std::string("strandline key 1\nseed ") + kSeed + "\nopened 0\n";
}

/// What load says about a file with this text.
Error refusal_of(const std::string& text) {
    const Folder folder;
    write_private(folder / "key", text);
    const auto loaded = KeyFile::load(folder / "key");
    if (loaded) return {Category::usage, "it was not refused"};
    return loaded.error();
}

TEST_CASE("a new device is known by its Ed25519 key, and its file is for its owner alone") {
    const Folder folder;
    const mode_t before = umask(0);
    const auto key = create(folder / "db.key");
    umask(before);
    REQUIRE(key);
    CHECK(to_hex(key->identity().device()) == kDevice);
    CHECK(key->opened() == 0);
    CHECK(mode_of(folder / "db.key") == 0600);
    CHECK(text_of(folder / "db.key") == sound_text());
}

TEST_CASE("a key file is readable by its owner even where the umask takes that away") {
    const Folder folder;
    const mode_t before = umask(0777);
    const auto key = create(folder / "db.key");
    umask(before);
    REQUIRE(key);
    CHECK(mode_of(folder / "db.key") == 0600);
}

TEST_CASE("a loaded device is the one that was created") {
    const Folder folder;
    const auto created = create(folder / "db.key");
    const auto loaded = KeyFile::load(folder / "db.key");
    REQUIRE(loaded);
    CHECK(loaded->identity().device() == created->identity().device());
    CHECK(loaded->identity().noise_keys().public_key == created->identity().noise_keys().public_key);
    CHECK(loaded->identity().noise_signature() == created->identity().noise_signature());
}

TEST_CASE("a key file that exists is never written over") {
    const Folder folder;
    write_private(folder / "db.key", "somebody's own");
    const auto key = create(folder / "db.key");
    REQUIRE_FALSE(key);
    CHECK(key.error().category == Category::usage);
    CHECK_THAT(key.error().message, Catch::Contains("exists already"));
    CHECK(text_of(folder / "db.key") == "somebody's own");
}

TEST_CASE("a device cannot be created where there is no folder, and the reason is said") {
    const Folder folder;
    const auto key = create(folder / "gone" / "db.key");
    REQUIRE_FALSE(key);
    CHECK(key.error().category == Category::storage);
    CHECK_THAT(key.error().message, Catch::Contains("No such file or directory"));
}

TEST_CASE("the count of openings survives, and the file stays private") {
    const Folder folder;
    auto key = create(folder / "db.key");
    REQUIRE(key->set_opened(7));
    CHECK(key->opened() == 7);
    CHECK(KeyFile::load(folder / "db.key")->opened() == 7);
    REQUIRE(key->set_opened(std::numeric_limits<std::uint64_t>::max()));
    CHECK(KeyFile::load(folder / "db.key")->opened() == std::numeric_limits<std::uint64_t>::max());
    CHECK(to_hex(KeyFile::load(folder / "db.key")->identity().device()) == kDevice);
    CHECK(mode_of(folder / "db.key") == 0600);
    CHECK_FALSE(std::filesystem::exists(folder / "db.key.new"));
}

TEST_CASE("what a crash left beside the key file is in nobody's way") {
    const Folder folder;
    auto key = create(folder / "db.key");
    write_private(folder / "db.key.new", "half a fi");
    REQUIRE(key->set_opened(2));
    CHECK(KeyFile::load(folder / "db.key")->opened() == 2);
}

TEST_CASE("a count that cannot be written leaves the file and what was read of it as they were") {
    const Folder folder;
    auto key = create(folder / "db.key");
    std::filesystem::create_directory(folder / "db.key.new");
    const auto set = key->set_opened(3);
    REQUIRE_FALSE(set);
    CHECK(set.error().category == Category::storage);
    CHECK(key->opened() == 0);
    CHECK(text_of(folder / "db.key") == sound_text());
}

TEST_CASE("a key file that others may read is refused, and the remedy is said") {
    const Folder folder;
    REQUIRE(create(folder / "db.key"));
    for (const mode_t mode : {0640U, 0604U, 0620U, 0602U, 0610U, 0601U}) {
        REQUIRE(chmod((folder / "db.key").c_str(), mode) == 0);
        const auto loaded = KeyFile::load(folder / "db.key");
        REQUIRE_FALSE(loaded);
        CHECK(loaded.error().category == Category::usage);
        CHECK_THAT(loaded.error().message, Catch::Contains("chmod 600"));
    }
}

TEST_CASE("a key file that is not there, or is no file, is told") {
    const Folder folder;
    const auto gone = KeyFile::load(folder / "db.key");
    REQUIRE_FALSE(gone);
    CHECK(gone.error().category == Category::usage);
    CHECK_THAT(gone.error().message, Catch::Contains("there is no key file"));
    std::filesystem::create_directory(folder / "a folder");
    CHECK_THAT(KeyFile::load(folder / "a folder").error().message, Catch::Contains("is not a file"));
    REQUIRE(mkfifo((folder / "a pipe").c_str(), 0600) == 0);
    CHECK_THAT(KeyFile::load(folder / "a pipe").error().message, Catch::Contains("is not a file"));
}

TEST_CASE("a key file is read byte for byte or not at all") {
    const std::string sound = sound_text();
    for (std::size_t size = 0; size < sound.size(); ++size) {
        INFO("cut to " << size);
        CHECK_THAT(refusal_of(sound.substr(0, size)).message, Catch::Contains("damaged"));
    }
    CHECK_THAT(refusal_of(sound + "\n").message, Catch::Contains("damaged"));
    CHECK_THAT(refusal_of(sound + std::string(10000, 'x')).message, Catch::Contains("damaged"));
    for (std::size_t i = 0; i < sound.size(); ++i) {
        std::string changed = sound;
        changed[i] = '~';
        INFO("changed at " << i);
        CHECK_THAT(refusal_of(changed).message, !Catch::Contains("it was not refused"));
    }
    for (const char* count : {"01", "-1", "+1", " 1", "1 ", "18446744073709551616", "1x", ""}) {
        INFO(count);
        std::string changed = sound;
        changed.replace(changed.size() - 2, 1, count);
        CHECK_THAT(refusal_of(changed).message, Catch::Contains("damaged"));
    }
    std::string upper = sound;
    upper[upper.find('d', 20)] = 'D';
    CHECK_THAT(refusal_of(upper).message, Catch::Contains("damaged"));
}

TEST_CASE("a key file of another version says so") {
    std::string newer = sound_text();
    newer[std::string("strandline key ").size()] = '2';
    CHECK_THAT(refusal_of(newer).message, Catch::Contains("another version"));
}

}  // namespace
