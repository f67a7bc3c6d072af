// Who shunt is to a cluster, and how it proves it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sasl/jaas.h"
#include "sasl/mechanism.h"
#include "sasl/secret.h"

namespace shunt::sasl {

/// RFC 7677: a server that asks for fewer iterations makes stolen verifiers cheap to break.
inline constexpr std::uint32_t least_scram_iterations = 4096;
/// Kafka's brokers store no more (ScramMechanism); each costs two hashes of this machine's time before the server has
/// proved anything.
inline constexpr std::uint32_t default_most_scram_iterations = 16384;
/// Cyrus SASL computes no more.
inline constexpr std::uint32_t largest_scram_iterations = 65536;

struct Credentials {
  Mechanism mechanism = Mechanism::plain;
  std::string user;
  Secret password;
  std::uint32_t most_scram_iterations = default_most_scram_iterations;
};

/// What a login module says for a mechanism. Nothing: refused, and `why` says what is missing.
std::optional<Credentials> make_credentials(Mechanism mechanism, const LoginModule& module, std::string& why);

}  // namespace shunt::sasl
