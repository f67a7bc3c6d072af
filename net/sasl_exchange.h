// SASL as Kafka carries it (KIP-43, KIP-152): SaslHandshake 1 names the mechanism, then every message of the exchange
// (sasl/authenticator.h) travels in a SaslAuthenticate request and its answer. Frames in, frames out; no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "net/machine.h"
#include "protocol/messages/sasl_authenticate.h"
#include "sasl/authenticator.h"

namespace shunt::net {

class SaslExchange {
 public:
  enum class Step { send, done, failed };

  /// `authenticate_version`: of SaslAuthenticate, as the broker speaks it. Both others must outlive it.
  SaslExchange(const sasl::Credentials& credentials, const std::string& client_id, std::int16_t authenticate_version);

  /// The first request.
  std::vector<std::byte> start(std::int32_t correlation_id);

  /// `frame`: the answer to the request sent last. `correlation_id`: of the next one.
  Step handle_frame(std::span<const std::byte> frame, std::int32_t correlation_id);

  /// After Step::send. Secret: whoever sends it wipes it.
  std::vector<std::byte> take_output() { return std::move(output_); }
  /// After Step::failed: names mechanism and user, never the password.
  [[nodiscard]] const std::string& reason() const { return reason_; }

  /// After Step::done. How long the broker serves this session (KIP-368); nothing: for ever.
  [[nodiscard]] std::optional<Duration> session_lifetime() const { return session_lifetime_; }

 private:
  Step handle_mechanisms(std::span<const std::byte> frame, std::int32_t correlation_id);
  Step handle_message(std::span<const std::byte> frame, std::int32_t correlation_id);
  Step handle(sasl::Authenticator::Step step, std::int32_t correlation_id);
  Step refuse(const protocol::SaslAuthenticateResponse& response);
  Step fail(const std::string& reason);

  const sasl::Credentials& credentials_;
  const std::string& client_id_;
  const std::int16_t authenticate_version_;
  sasl::Authenticator authenticator_;
  bool mechanism_agreed_ = false;
  std::vector<std::byte> output_;
  std::string reason_;
  std::optional<Duration> session_lifetime_;
};

}  // namespace shunt::net
