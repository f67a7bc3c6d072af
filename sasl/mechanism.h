// The SASL mechanisms that shunt speaks, by the names that brokers list (sasl.enabled.mechanisms).
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace shunt::sasl {

enum class Mechanism {
  plain,          // RFC 4616: the password itself, readable by whoever sees the connection
  scram_sha_256,  // RFC 5802, RFC 7677
  scram_sha_512,
  oauth_bearer,  // RFC 7628: a token that somebody else has made out
  gssapi,        // RFC 4752: a Kerberos ticket
};

inline constexpr std::array every_mechanism{Mechanism::plain, Mechanism::scram_sha_256, Mechanism::scram_sha_512,
                                            Mechanism::oauth_bearer, Mechanism::gssapi};

constexpr const char* to_string(Mechanism mechanism) {
  switch (mechanism) {
    case Mechanism::plain:
      return "PLAIN";
    case Mechanism::scram_sha_256:
      return "SCRAM-SHA-256";
    case Mechanism::scram_sha_512:
      return "SCRAM-SHA-512";
    case Mechanism::oauth_bearer:
      return "OAUTHBEARER";
    case Mechanism::gssapi:
      return "GSSAPI";
  }
  return "?";
}

constexpr bool is_scram(Mechanism mechanism) {
  return mechanism == Mechanism::scram_sha_256 || mechanism == Mechanism::scram_sha_512;
}

/// As Kafka writes them, in capitals; nothing: another one.
constexpr std::optional<Mechanism> find_mechanism(std::string_view name) {
  for (const Mechanism mechanism : every_mechanism) {
    if (name == to_string(mechanism)) return mechanism;
  }
  return std::nullopt;
}

}  // namespace shunt::sasl
