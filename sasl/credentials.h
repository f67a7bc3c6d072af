// Who shunt is to a cluster, and how it proves it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "sasl/current_token.h"
#include "sasl/jaas.h"
#include "sasl/mechanism.h"
#include "sasl/oauth_bearer.h"
#include "sasl/secret.h"

namespace shunt::sasl {

class SlowStart;

/// RFC 7677: a server that asks for fewer iterations makes stolen verifiers cheap to break.
inline constexpr std::uint32_t least_scram_iterations = 4096;
/// Kafka's brokers store no more (ScramMechanism); each costs two hashes of this machine's time before the server has
/// proved anything.
inline constexpr std::uint32_t default_most_scram_iterations = 16384;
/// Cyrus SASL computes no more.
inline constexpr std::uint32_t largest_scram_iterations = 65536;

struct Credentials {
  Mechanism mechanism = Mechanism::plain;
  std::string user;  // OAUTHBEARER: empty, the token names it
  Secret password;
  std::uint32_t most_scram_iterations = default_most_scram_iterations;
  std::shared_ptr<const CurrentToken> token = {};  // OAUTHBEARER, never null there
  Extensions extensions = {};                      // OAUTHBEARER
  std::weak_ptr<SlowStart> slow_start = {};        // GSSAPI: sasl/slow_start.h. Not its owner: it holds credentials

  /// `PLAIN as user "alice"`, for messages.
  [[nodiscard]] std::string describe() const;
};

/// What a login module says for PLAIN or SCRAM. Nothing: refused, and `why` says what is missing.
std::optional<Credentials> make_credentials(Mechanism mechanism, const LoginModule& module, std::string& why);

/// For OAUTHBEARER, with whatever token there is when it is wanted. `extension_prefix`: of the options that are extensions.
std::optional<Credentials> make_token_credentials(const LoginModule& module, std::string_view extension_prefix,
                                                  std::shared_ptr<const CurrentToken> token, std::string& why);

}  // namespace shunt::sasl
