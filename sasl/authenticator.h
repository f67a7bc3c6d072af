// One SASL exchange from the client's side, as a step function: bytes of the server in, bytes for the server out. Knows
// nothing of how they travel (net/handshake.h carries them in SaslAuthenticate requests).
//
//   start() -> send            then for every message of the server:  handle_challenge() -> send | done | failed
//
// `done` means that both sides are satisfied: with SCRAM only after the server has proved that it knows the password.
// Nothing is sent to a server whose message fails a check. With OAUTHBEARER it says the token that is current when it starts.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sasl/credentials.h"
#include "sasl/cyrus.h"
#include "sasl/scram_checks.h"

namespace shunt::sasl {

class Authenticator {
 public:
  enum class Step { send, done, failed };

  /// `credentials` must outlive it. `kerberos`: for GSSAPI, whose start() may wait for others (sasl/slow_start.h).
  explicit Authenticator(const Credentials& credentials, CyrusClient::Kerberos kerberos = {});

  Step start();
  /// In place of start(): it cannot be begun, for this reason.
  Step fail(std::string reason);
  Step handle_challenge(std::span<const std::byte> challenge);

  /// After Step::send. Secret: whoever takes it wipes it.
  [[nodiscard]] std::vector<std::byte> take_output() { return client_ ? client_->take_output() : std::move(output_); }
  /// After Step::failed. Never holds a secret.
  [[nodiscard]] const std::string& reason() const { return reason_; }

  /// What a server means that refuses us, and what to do; `message` is what it says, if anything.
  [[nodiscard]] std::string explain_refusal(const std::string& message) const;

 private:
  enum class Awaiting { server_first, server_final, refusal, nothing };

  Step start_cyrus();
  Step handle_gssapi(std::span<const std::byte> challenge);
  Step start_bearer();
  Step handle_bearer(std::string_view challenge);

  const Credentials& credentials_;
  ScramChecks checks_;
  CyrusClient::Kerberos kerberos_;            // until start()
  std::unique_ptr<CyrusClient> client_;       // PLAIN, SCRAM, GSSAPI
  std::shared_ptr<const BearerToken> token_;  // OAUTHBEARER: what was said
  std::string status_;                        // OAUTHBEARER: why it was refused
  std::vector<std::byte> output_;             // OAUTHBEARER
  bool has_ended_ = false;                    // GSSAPI: what follows is the server's verdict
  Awaiting awaiting_ = Awaiting::nothing;
  std::string reason_;
};

}  // namespace shunt::sasl
