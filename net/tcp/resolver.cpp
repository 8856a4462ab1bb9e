#include "net/tcp/resolver.h"

#include <thread>
#include <utility>

#include <asio/post.hpp>

namespace strandline::net::tcp {

Result<Endpoints> resolve_now(const Address& address) {
    asio::error_code trouble;
    const auto numeric = asio::ip::make_address(address.host, trouble);
    if (!trouble) return Endpoints{{numeric, address.port}};

    asio::io_context unused;
    asio::ip::tcp::resolver resolver(unused);
    const auto found = resolver.resolve(address.host, std::to_string(address.port), trouble);
    if (trouble) {
        return failure(Category::network, "cannot find the host '" + address.host + "': " + trouble.message(),
                       Retry::later);
    }
    return Endpoints(found.begin(), found.end());
}

Resolver::~Resolver() {
    const std::lock_guard guard(way_back_->mutex);
    way_back_->context = nullptr;
}

void Resolver::resolve(const Address& address, Answer answer) {
    const auto lookup = [address, answer = std::move(answer), way_back = way_back_] {
        auto endpoints = resolve_now(address);
        const std::lock_guard guard(way_back->mutex);
        if (way_back->context == nullptr) return;
        asio::post(*way_back->context, [answer, endpoints = std::move(endpoints)] { answer(endpoints); });
    };
    try {
        std::thread(lookup).detach();
    } catch (const std::system_error& error) {
        const std::string why =
            std::string("no thread can be started to look an address up: ") + error.what();
        asio::post(*way_back_->context,
                   [answer, why] { answer(failure(Category::network, why, Retry::later)); });
    }
}

}  // namespace strandline::net::tcp
