// Tokens that nobody has signed, of Kafka's OAuthBearerLoginModule (KIP-255): for brokers of tests and developers, which take
// anybody's word. The options of the JAAS line say what stands in them:
//
//   unsecuredLoginStringClaim_NAME, unsecuredLoginNumberClaim_NAME
//   unsecuredLoginListClaim_NAME        its first character separates the items: ",a,b"
//   unsecuredLoginPrincipalClaimName    (sub), unsecuredLoginScopeClaimName (scope), unsecuredLoginLifetimeSeconds (3600)
//   unsecuredLoginExtension_NAME        no claims: what is said beside the token
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "sasl/jaas.h"
#include "sasl/secret.h"

namespace shunt::sasl {

inline constexpr std::string_view unsecured_extension_prefix = "unsecuredLoginExtension_";

/// The claim that names the user.
std::string unsecured_subject_claim(const LoginModule& module);

/// Good from `now_ms` on. Nothing: the options describe no token, and `why` says what they lack.
std::optional<Secret> make_unsecured_token(const LoginModule& module, std::int64_t now_ms, std::string& why);

}  // namespace shunt::sasl
