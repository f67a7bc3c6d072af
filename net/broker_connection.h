// One TCP connection of the control plane to one broker: resolve, connect, TLS, handshake, then requests and their answers,
// several under way at a time. A connection that has failed stays failed; net/broker_client.h makes the next one.
//
// Before the broker ends the session (KIP-368) it authenticates again: calls to come wait until those under way are
// answered and the exchange is over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "net/api_versions.h"
#include "net/asio.h"
#include "net/channel.h"
#include "net/frame_reader.h"
#include "net/handshake.h"
#include "net/pipeline.h"
#include "net/security.h"
#include "net/tls_channel.h"

namespace shunt::net {

/// What a conversation with a broker was at when it failed.
enum class BrokerStep { resolve, connect, tls, handshake, sasl, request };
const char* to_string(BrokerStep step);

/// What a broker could not be asked. what() says which broker, which step, why: "source broker 3 (b3:9092): TCP
/// connect: ...".
class BrokerError : public std::runtime_error {
 public:
  BrokerError(const std::string& broker, BrokerStep step, const std::string& reason, bool is_final = false);
  [[nodiscard]] BrokerStep step() const { return step_; }
  /// The peer has shown that it is no broker to speak with (another protocol, too old, refuses our credentials or shows
  /// none that we trust): asking again will not help.
  [[nodiscard]] bool is_final() const { return is_final_; }
  /// One of the two does not take the other for who it says it is.
  [[nodiscard]] bool is_refusal() const { return is_final_ && (step_ == BrokerStep::tls || step_ == BrokerStep::sasl); }

 private:
  BrokerStep step_;
  bool is_final_;
};

struct ClientSettings {
  std::string client_id = "shunt";
  Duration connect_timeout = std::chrono::seconds(10);    // TCP, for each address of the host
  Duration handshake_timeout = std::chrono::seconds(10);  // TLS, ApiVersions and SASL together
  Duration request_timeout = std::chrono::seconds(30);    // of a call that names no other
  Duration backoff_min = std::chrono::milliseconds(50);   // reconnect.backoff.ms
  Duration backoff_max = std::chrono::seconds(1);         // reconnect.backoff.max.ms
  std::shared_ptr<MemoryBudget> memory = std::make_shared<MemoryBudget>(std::size_t{256} << 20);  // for answers
  Security security = {};
  std::shared_ptr<Network> network = tcp_network();
};

class BrokerConnection : public std::enable_shared_from_this<BrokerConnection> {
  struct Private {};  // only open() makes connections

 public:
  /// Resolves `address`, tries all that it resolves to in turn, and shakes hands with the first that accepts. `broker`
  /// names the peer in messages. Throws BrokerError.
  static Awaitable<std::shared_ptr<BrokerConnection>> open(std::shared_ptr<const ClientSettings> settings,
                                                           std::string broker, HostPort address);

  BrokerConnection(Private, const asio::any_io_executor& executor, std::shared_ptr<const ClientSettings> settings,
                   std::string broker, std::string host);

  /// Sends what `encode` makes for a correlation id and returns the answer's frame. `what` names the request in
  /// messages. Throws BrokerError, at `deadline` at the latest (later by as much as the broker throttles what is under
  /// way).
  Awaitable<std::vector<std::byte>> exchange(std::function<std::vector<std::byte>(std::int32_t)> encode,
                                             std::string what, Time deadline);

  /// An answer carried throttle_time_ms: later requests wait.
  void handle_throttle(std::int32_t throttle_time_ms);

  /// Ends the connection; calls under way fail with `reason`, or the one it had failed with before.
  void fail(const std::string& reason);

  [[nodiscard]] bool is_open() const { return reason_.empty(); }
  /// For how long the broker has owed an answer without giving any; 0: it owes none.
  [[nodiscard]] Duration silence() const { return pipeline_.size() > 0 ? now() - heard_at_ : Duration{}; }
  /// Why it is not.
  [[nodiscard]] const std::string& reason() const { return reason_; }
  [[nodiscard]] const ApiVersions& versions() const { return handshake_.versions(); }
  [[nodiscard]] const Endpoint& remote() const { return remote_; }
  [[nodiscard]] const std::string& broker() const { return broker_; }

 private:
  struct Call {
    std::string what;
    Duration timeout{};
    bool done = false;
    std::vector<std::byte> answer;
    std::string error;
  };

  Awaitable<> await_token();
  Awaitable<> connect(HostPort address);
  Awaitable<> begin_tls(const std::string& host, Time deadline);
  Awaitable<> shake_hands(Time deadline);
  Awaitable<> read();
  Awaitable<> write();
  void send(std::vector<std::byte> frame);
  void handle_frames();
  void handle_answer(std::span<const std::byte> frame);
  void watch_deadline();
  void watch_session();
  void renew_session();
  void handle_renewal(Handshake::Step step);
  BrokerError handshake_error(const std::string& reason, bool is_final = false) const;
  [[nodiscard]] bool has_tls_failed() const { return tls_ != nullptr && !tls_->reason().empty(); }
  [[nodiscard]] std::string explain_loss(const boost::system::error_code& error) const;

  std::shared_ptr<const ClientSettings> settings_;
  std::string broker_;
  asio::any_io_executor executor_;
  std::unique_ptr<Channel> channel_;
  TlsChannel* tls_ = nullptr;  // channel_, if it is one
  Endpoint remote_;
  Handshake handshake_;
  FrameReader frames_;
  Pipeline<std::shared_ptr<Call>> pipeline_;
  std::deque<std::vector<std::byte>> outgoing_;
  bool writing_ = false;
  bool answered_ = false;  // at least one request has been
  Time heard_at_{};        // the last answer, or when the oldest request began to be the oldest
  Alarm deadline_alarm_;
  // ending: what is under way is awaited; renewing: the SASL exchange is, and nothing else is under way
  enum class Session { valid, ending, renewing } session_ = Session::valid;
  Alarm session_alarm_;
  Alarm resume_alarm_;  // of a renewal that waits
  Signal changed_;      // a call is done, or the session renewed
  std::string reason_;
};

}  // namespace shunt::net
