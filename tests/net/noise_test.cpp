#include "net/noise.h"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>
#include <string>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/net/hex.h"
#include "tests/stops.h"

using namespace strandline;
using namespace strandline::net;
namespace {

using nlohmann::json;
using tests::from_hex;
using tests::secret_of;
using tests::to_hex;

/// One side of a vector: "init" or "resp".
HandshakeState side_of(const json& vector, const std::string& name, const KeyPair& own_static) {
    return {name == "init" ? Role::initiator : Role::responder,
            from_hex(vector[name + "_prologue"].get<std::string>()), own_static,
            key_pair_of(secret_of(from_hex(vector[name + "_ephemeral"].get<std::string>())))};
}

/// Both sides say the vector's messages in turn; every byte must be as the vector has it.
void replay(const json& vector) {
    const KeyPair init_static = key_pair_of(secret_of(from_hex(vector["init_static"].get<std::string>())));
    const KeyPair resp_static = key_pair_of(secret_of(from_hex(vector["resp_static"].get<std::string>())));
    HandshakeState init = side_of(vector, "init", init_static);
    HandshakeState resp = side_of(vector, "resp", resp_static);
    for (std::size_t turn = 0; turn < 3; ++turn) {
        const json& message = vector["messages"][turn];
        std::string sent;
        REQUIRE((turn % 2 == 0 ? init : resp)
                    .write_message(from_hex(message["payload"].get<std::string>()), sent));
        CHECK(to_hex(sent) == message["ciphertext"]);
        const auto payload = (turn % 2 == 0 ? resp : init).read_message(sent);
        REQUIRE(payload);
        CHECK(to_hex(*payload) == message["payload"]);
    }
    REQUIRE(init.finished());
    REQUIRE(resp.finished());
    CHECK(init.remote_static() == resp_static.public_key);
    CHECK(resp.remote_static() == init_static.public_key);
    CHECK(init.hash() == resp.hash());
    if (vector.contains("handshake_hash")) CHECK(to_hex(view_of(init.hash())) == vector["handshake_hash"]);

    Transport writing = init.split();
    Transport reading = resp.split();
    for (std::size_t turn = 3; turn < vector["messages"].size(); ++turn) {
        const json& message = vector["messages"][turn];
        std::string sealed;
        REQUIRE((turn % 2 == 0 ? writing.initiator : writing.responder)
                    .encrypt({}, from_hex(message["payload"].get<std::string>()), sealed));
        CHECK(to_hex(sealed) == message["ciphertext"]);
        std::string plain;
        REQUIRE((turn % 2 == 0 ? reading.initiator : reading.responder).decrypt({}, sealed, plain));
        CHECK(to_hex(plain) == message["payload"]);
    }
}

/// How many vectors of our protocol the file has.
int replay_file(const std::filesystem::path& path) {
    std::ifstream file(path);
    const json content = json::parse(file);
    int count = 0;
    for (const json& vector : content["vectors"]) {
        const std::string name = vector.value("protocol_name", vector.value("name", ""));
        if (name != "Noise_XX_25519_ChaChaPoly_BLAKE2b") continue;
        INFO(path.filename().string() << ", vector " << count);
        replay(vector);
        ++count;
    }
    return count;
}

TEST_CASE("Noise says what an implementation that is not ours says") {
    CHECK(replay_file(tests::project_folder() / "tests/golden/noise_xx.json") == 3);
}

TEST_CASE("Noise says what the published vectors of other projects say") {
    const auto folder = tests::project_folder().parent_path() / "shared/vectors/noise";
    if (!std::filesystem::is_directory(folder)) {
        std::cout << "skipped: there are no published Noise vectors beside the project\n";
        return;
    }
    CHECK(replay_file(folder / "cacophony-chosen-XX-XXpsk3.json") == 1);
    CHECK(replay_file(folder / "noise-c-basic-XX.json") == 1);
    CHECK(replay_file(folder / "snow-XX.json") == 1);
}

TEST_CASE("a nonce is never used twice, and the last one not at all") {
    CipherState cipher(secret_of(std::string(32, 'k')));
    std::string first;
    std::string second;
    REQUIRE(cipher.encrypt({}, "same", first));
    REQUIRE(cipher.encrypt({}, "same", second));
    CHECK(first != second);

    cipher.set_nonce(std::numeric_limits<std::uint64_t>::max() - 1);
    std::string last;
    CHECK(cipher.encrypt({}, "same", last));
    const std::string before = last;
    CHECK_FALSE(cipher.encrypt({}, "same", last));
    CHECK(last == before);

    // Somebody else's cipher may not keep the rule.
    const std::string nonce = std::string(4, '\0') + std::string(8, '\xff');
    std::string sealed(16, '\0');
    crypto_aead_chacha20poly1305_ietf_encrypt(bytes_of(sealed), nullptr, nullptr, 0, nullptr, 0, nullptr,
                                              bytes_of(std::string_view(nonce)),
                                              secret_of(std::string(32, 'k')).data());
    CHECK_FALSE(cipher.decrypt({}, sealed, last));
}

TEST_CASE("a cipher refuses what was changed, and stays in step after it") {
    CipherState writer(secret_of(std::string(32, 'k')));
    CipherState reader(secret_of(std::string(32, 'k')));
    std::string sealed;
    REQUIRE(writer.encrypt("with this", "plain", sealed));
    std::string plain = "before";
    CHECK_FALSE(reader.decrypt("with that", sealed, plain));
    CHECK_FALSE(reader.decrypt("with this", sealed.substr(0, 15), plain));
    CHECK(plain == "before");
    CHECK(reader.decrypt("with this", sealed, plain));
    CHECK(plain == "beforeplain");
}

TEST_CASE("a public key that makes the same secret with everybody ends the handshake") {
    const KeyPair own = key_pair_of(secret_of(std::string(32, 's')));
    HandshakeState responder(Role::responder, "", own, key_pair_of(secret_of(std::string(32, 'e'))));
    REQUIRE(responder.read_message(std::string(32, '\0')));
    std::string out;
    CHECK_FALSE(responder.write_message("", out));
}

TEST_CASE("a handshake message that is too short is refused") {
    const KeyPair own = key_pair_of(secret_of(std::string(32, 's')));
    for (std::size_t size = 0; size < 32; ++size) {
        HandshakeState responder(Role::responder, "", own, key_pair_of(secret_of(std::string(32, 'e'))));
        CHECK_FALSE(responder.read_message(std::string(size, 'x')));
    }
}

TEST_CASE("a secret is gone from where it was moved away") {
    Secret<32> first = secret_of(std::string(32, 's'));
    const Secret<32> second = std::move(first);
    CHECK(
        std::all_of(first.data(), first.data() + 32, [](std::uint8_t byte) { return byte == 0; }));  // NOLINT
    CHECK(second.data()[31] == 's');
}

TEST_CASE("a handshake out of turn is our own fault, and stops the program") {
    const KeyPair own = key_pair_of(secret_of(std::string(32, 's')));
    HandshakeState responder(Role::responder, "", own, key_pair_of(secret_of(std::string(32, 'e'))));
    const auto words = tests::last_words_of([&] {
        std::string out;
        (void)responder.write_message("", out);
    });
    CHECK(words == "strandline: a Noise message was written out of turn\n");
}

}  // namespace
