// What a SCRAM client must see to (RFC 5802, 5.1 and 7) and Cyrus SASL 2.1.28 does not: it compares the first half of the
// nonce only, computes any number of iterations however small, and gives no reason for an `e=`.
//
//   client first   n,a=alice,n=alice,r=CLIENTNONCE
//   server first   r=CLIENTNONCESERVERNONCE,s=SALT,i=ITERATIONS          before the password is used on it
//   client final   c=biws,r=...,p=PROOF
//   server final   v=SIGNATURE   or   e=REASON
//
// Pure: looks at messages and passes none on. The signature itself is Cyrus SASL's to verify.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace shunt::sasl {

/// What a server may say in one message; Cyrus SASL's own limit is 2048.
inline constexpr std::size_t scram_message_limit_bytes = 2048;

class ScramChecks {
 public:
  explicit ScramChecks(std::uint32_t most_iterations) : most_iterations_(most_iterations) {}

  /// What our side has said first: its nonce is remembered.
  void handle_client_first(std::string_view message);

  /// Why the server's message must not be answered; empty: it may be handed on.
  [[nodiscard]] std::string check_server_first(std::string_view message) const;
  [[nodiscard]] static std::string check_server_final(std::string_view message);

 private:
  std::uint32_t most_iterations_;
  std::string nonce_;
};

}  // namespace shunt::sasl
