// A broker for tests of the control plane: listens on loopback, reads requests, and answers what the test tells it to.
// It lives on the test's own io_context, so that a test is one thread and nothing waits for time to pass.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "net/asio.h"
#include "net/broker_connection.h"
#include "protocol/codec.h"

namespace shunt::tests {

class ScriptedBroker {
 public:
  using Socket = net::asio::ip::tcp::socket;

  explicit ScriptedBroker(net::asio::io_context& context);
  ~ScriptedBroker();
  ScriptedBroker(const ScriptedBroker&) = delete;
  ScriptedBroker& operator=(const ScriptedBroker&) = delete;

  [[nodiscard]] net::HostPort address() const { return {"127.0.0.1", port_}; }

  /// Answers every Request with what `answer` returns; an empty optional closes the connection instead. The api is
  /// listed in the answer to ApiVersions with the versions it has in protocol/messages.
  template <class Request>
  void on(std::function<std::optional<typename Request::Response>(const Request&)> answer) {
    handlers_[Request::api.key] = {.api = Request::api,
                                   .answer = [answer](std::span<const std::byte> body,
                                                      std::int16_t version) -> std::optional<std::vector<std::byte>> {
                                     const auto request = protocol::decode<Request>(body, version);
                                     if (!request) return {};
                                     const auto response = answer(*request);
                                     if (!response) return {};
                                     return protocol::encode(*response, version);
                                   }};
  }
  /// Reads requests of this key and never answers them.
  void ignore(std::int16_t key) { ignored_[key] = true; }
  void lists(std::int16_t key, std::int16_t min, std::int16_t max) { listed_[key] = {min, max}; }

  /// Awaited before a request with this key is answered; what comes behind it on the connection waits, too.
  std::function<net::Awaitable<>(std::int16_t key)> hold;

  /// Replaces all of the above: what is said on a connection from its first byte.
  std::function<net::Awaitable<>(Socket&)> conversation;

  /// No more connections, and an end of those there are.
  void stop();
  /// Listens again, on the same port.
  void start();
  void close_connections();

  [[nodiscard]] int connections() const { return connections_; }  // accepted so far
  [[nodiscard]] int requests(std::int16_t key) const {
    const auto entry = requests_.find(key);
    return entry == requests_.end() ? 0 : entry->second;
  }

 private:
  struct Handler {
    protocol::Api api;
    std::function<std::optional<std::vector<std::byte>>(std::span<const std::byte>, std::int16_t)> answer;
  };

  static net::Awaitable<> accept(ScriptedBroker* broker, std::shared_ptr<bool> alive);
  static net::Awaitable<> converse(ScriptedBroker* broker, std::shared_ptr<Socket> socket, std::shared_ptr<bool> alive);
  [[nodiscard]] std::vector<std::byte> api_versions(std::int16_t version) const;

  net::asio::io_context& context_;
  net::asio::ip::tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::shared_ptr<bool> alive_;
  std::list<std::weak_ptr<Socket>> sockets_;
  std::map<std::int16_t, Handler> handlers_;
  std::map<std::int16_t, bool> ignored_;
  std::map<std::int16_t, std::pair<std::int16_t, std::int16_t>> listed_;
  int connections_ = 0;
  std::map<std::int16_t, int> requests_;
};

/// Runs a coroutine on `context` until it has ended, at most 30 seconds; rethrows what it throws.
void run(net::asio::io_context& context, std::function<net::Awaitable<>()> body);

}  // namespace shunt::tests
