// One SASL exchange from the client's side, as a step function: bytes of the server in, bytes for the server out. Knows
// nothing of how they travel (net/handshake.h carries them in SaslAuthenticate requests).
//
//   start() -> send            then for every message of the server:  handle_challenge() -> send | done | failed
//
// `done` means that both sides are satisfied: with SCRAM only after the server has proved that it knows the password.
// Nothing is sent to a server whose message fails a check.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sasl/credentials.h"
#include "sasl/cyrus.h"
#include "sasl/scram_checks.h"

namespace shunt::sasl {

class Authenticator {
 public:
  enum class Step { send, done, failed };

  /// `credentials` must outlive it.
  explicit Authenticator(const Credentials& credentials);

  Step start();
  Step handle_challenge(std::span<const std::byte> challenge);

  /// After Step::send. Secret: whoever takes it wipes it.
  [[nodiscard]] std::vector<std::byte> take_output() { return client_->take_output(); }
  /// After Step::failed. Never holds a secret.
  [[nodiscard]] const std::string& reason() const { return reason_; }

 private:
  enum class Awaiting { server_first, server_final, nothing };

  Step fail(std::string reason);

  const Credentials& credentials_;
  ScramChecks checks_;
  std::unique_ptr<CyrusClient> client_;
  Awaiting awaiting_ = Awaiting::nothing;
  std::string reason_;
};

}  // namespace shunt::sasl
