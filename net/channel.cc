#include "net/channel.h"

#include <cstring>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

namespace shunt::net {

namespace {

using asio::ip::tcp;
using boost::system::error_code;

Endpoint from_asio(const tcp::endpoint& from) {
  Endpoint endpoint;
  endpoint.length = static_cast<socklen_t>(from.size());
  std::memcpy(&endpoint.address, from.data(), from.size());
  return endpoint;
}

tcp::endpoint to_asio(const Endpoint& from) {
  tcp::endpoint endpoint;
  endpoint.resize(from.length);
  std::memcpy(endpoint.data(), &from.address, from.length);
  return endpoint;
}

class TcpChannel final : public Channel {
 public:
  explicit TcpChannel(const asio::any_io_executor& executor) : socket_(executor) {}

  Awaitable<error_code> connect(Endpoint endpoint) override {
    const tcp::endpoint peer = to_asio(endpoint);
    const auto [error] = co_await socket_.async_connect(peer, with_error);
    if (!error) {
      error_code ignored;  // without either the connection works as well
      socket_.set_option(tcp::no_delay(true), ignored);
      socket_.set_option(asio::socket_base::keep_alive(true), ignored);
    }
    co_return error;
  }

  Awaitable<Received> read_some(std::span<std::byte> into) override {
    const auto [error, size] = co_await socket_.async_read_some(asio::buffer(into.data(), into.size()), with_error);
    co_return Received{.error = error, .size = size};
  }

  Awaitable<error_code> write(std::span<const std::byte> bytes) override {
    const auto [error, size] =
        co_await asio::async_write(socket_, asio::buffer(bytes.data(), bytes.size()), with_error);
    static_cast<void>(size);
    co_return error;
  }

  void close() override {
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  tcp::socket socket_;
};

class TcpNetwork final : public Network {
 public:
  Awaitable<Resolved> resolve(HostPort address) override {
    tcp::resolver resolver(co_await asio::this_coro::executor);
    const std::string service = std::to_string(address.port);
    const auto [error, found] =
        co_await resolver.async_resolve(address.host, service, tcp::resolver::numeric_service, with_error);
    Resolved resolved{.error = error, .endpoints = {}};
    for (const auto& entry : found) resolved.endpoints.push_back(from_asio(entry.endpoint()));
    co_return resolved;
  }

  std::unique_ptr<Channel> make_channel(const asio::any_io_executor& executor) override {
    return std::make_unique<TcpChannel>(executor);
  }
};

}  // namespace

std::string HostPort::to_string() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

std::shared_ptr<Network> tcp_network() {
  return std::make_shared<TcpNetwork>();
}

}  // namespace shunt::net
