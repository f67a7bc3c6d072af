// SASL as Kafka carries it (KIP-43, KIP-152): SaslHandshake 1 names the mechanism, then every message of the exchange
// (sasl/authenticator.h) travels in a SaslAuthenticate request and its answer. Frames in, frames out; no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "net/machine.h"
#include "protocol/messages/sasl_authenticate.h"
#include "sasl/authenticator.h"
#include "sasl/slow_start.h"

namespace shunt::net {

/// What an answer may take in memory that comes before the handshake is complete.
inline constexpr std::size_t handshake_memory_bytes = std::size_t{4} * 1024 * 1024;

class SaslExchange {
 public:
  enum class Step {
    send,
    wait,  // what is to be sent is being made elsewhere: resume(), now and then
    done,
    failed,
  };

  /// `host`: the broker's name. `authenticate_version`: of SaslAuthenticate, as the broker speaks it. `client_id` must
  /// outlive it.
  SaslExchange(std::shared_ptr<const sasl::Credentials> credentials, std::string host, const std::string& client_id,
               std::int16_t authenticate_version);

  /// The first request.
  std::vector<std::byte> start(std::int32_t correlation_id);

  /// `frame`: the answer to the request sent last. `correlation_id`: of the next one.
  Step handle_frame(std::span<const std::byte> frame, std::int32_t correlation_id);

  /// After Step::wait, with the same `correlation_id`.
  Step resume(std::int32_t correlation_id);

  /// After Step::send. Secret: whoever sends it wipes it.
  std::vector<std::byte> take_output() { return std::move(output_); }
  /// After Step::failed: names mechanism and user, never the password.
  [[nodiscard]] const std::string& reason() const { return reason_; }

  /// Whom it shows to the broker, for messages.
  [[nodiscard]] std::string describe() const { return credentials_->describe(); }

  /// After Step::done. How long the broker serves this session (KIP-368); nothing: for ever.
  [[nodiscard]] std::optional<Duration> session_lifetime() const { return session_lifetime_; }

 private:
  Step handle_mechanisms(std::span<const std::byte> frame, std::int32_t correlation_id);
  Step handle_message(std::span<const std::byte> frame, std::int32_t correlation_id);
  Step authenticate(std::int32_t correlation_id);
  Step handle(sasl::Authenticator::Step step, std::int32_t correlation_id);
  Step refuse(const protocol::SaslAuthenticateResponse& response);
  Step fail(const std::string& reason);

  const std::shared_ptr<const sasl::Credentials> credentials_;
  const std::string host_;
  const std::string& client_id_;
  const std::int16_t authenticate_version_;
  std::unique_ptr<sasl::Authenticator> authenticator_;    // from the agreement on the mechanism on
  std::shared_ptr<sasl::StartedExchange> being_started_;  // Step::wait
  bool mechanism_agreed_ = false;
  std::vector<std::byte> output_;
  std::string reason_;
  std::optional<Duration> session_lifetime_;
};

}  // namespace shunt::net
