// A broker as the control plane talks to it: an address, and a connection to it whenever one is needed.
//
//   auto client = std::make_shared<BrokerClient>(executor, settings, "source broker 3", HostPort{"b3", 9092});
//   const protocol::MetadataResponse answer = co_await client->call(request);     // throws BrokerError
//
//   - Calls are written as they come and answered in order; several may be under way.
//   - A lost connection fails the calls on it; the next call makes a new one. Attempts that fail, or whose connection does not
//     last, are spaced by an exponential back-off with jitter, which calls sit out; the address is resolved anew each time.
//   - A call is sent once. Whether it may be repeated is its caller's to know.
//
// Owned by shared_ptr: whoever awaits a call holds one. close() ends what is under way.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "net/backoff.h"
#include "net/broker_connection.h"
#include "protocol/request.h"

namespace shunt::net {

struct CallOptions {
  std::optional<std::int16_t> at_most_version;  // speak no higher version of the api
  std::optional<Duration> timeout;              // for the whole call; default ClientSettings::request_timeout
};

class BrokerClient : public std::enable_shared_from_this<BrokerClient> {
 public:
  /// `broker` names the peer in messages; the address is added to it.
  BrokerClient(asio::any_io_executor executor, std::shared_ptr<const ClientSettings> settings,
               const std::string& broker, HostPort address);
  ~BrokerClient() { close(); }
  BrokerClient(const BrokerClient&) = delete;
  BrokerClient& operator=(const BrokerClient&) = delete;

  /// Sends `request` in the highest version both sides speak. Throws BrokerError.
  template <class Request>
  Awaitable<typename Request::Response> call(Request request, CallOptions options = {}) {
    const Time deadline = now() + options.timeout.value_or(settings_->request_timeout);
    const std::shared_ptr<BrokerConnection> connection = co_await connect(deadline);
    std::string why;
    const auto version = pick_version(connection->versions(), Request::api, why, options.at_most_version);
    if (!version) throw BrokerError(connection->broker(), BrokerStep::request, why);
    std::function<std::vector<std::byte>(std::int32_t)> encode = [&](std::int32_t correlation_id) {
      return protocol::encode_request(request, *version, correlation_id, settings_->client_id);
    };
    const std::vector<std::byte> frame =
        co_await connection->exchange(encode, std::string(Request::api.name), deadline);
    const std::size_t left = settings_->memory->left();
    auto response = protocol::decode_response<typename Request::Response>(frame, *version, &why,
                                                                          left - std::min(left, frame.size()));
    if (!response) {
      const std::string reason = fmt::format("malformed answer to {} version {}: {}", Request::api.name, *version, why);
      connection->fail(reason);
      throw BrokerError(connection->broker(), BrokerStep::request, reason);
    }
    if constexpr (requires { response->throttle_time_ms; }) connection->handle_throttle(response->throttle_time_ms);
    co_return std::move(*response);
  }

  /// Calls under way fail, and so do later ones.
  void close();

  /// The connection, made if there is none. Throws BrokerError.
  Awaitable<std::shared_ptr<BrokerConnection>> connect(Time deadline);

  [[nodiscard]] bool is_connected() const { return connection_ && connection_->is_open(); }
  /// For how long the broker has owed an answer, or a connection that somebody waits for, and given none; 0: nothing.
  [[nodiscard]] Duration silence() const;
  /// The last attempt to connect failed and the next one must wait: better ask another broker.
  [[nodiscard]] bool is_resting() const;
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const HostPort& address() const { return address_; }

 private:
  Awaitable<> attempt();

  asio::any_io_executor executor_;
  std::shared_ptr<const ClientSettings> settings_;
  std::string name_;
  HostPort address_;
  std::shared_ptr<BrokerConnection> connection_;
  ReconnectBackoff backoff_;
  Time opened_at_{};   // connection_
  Time not_before_{};  // of the next attempt
  bool connecting_ = false;
  Time attempted_at_{};  // connecting_: since when
  bool closed_ = false;
  std::optional<BrokerError> failure_;  // of the last attempt
  std::string last_end_;                // why the connection before ended
  Signal attempted_;
};

}  // namespace shunt::net
