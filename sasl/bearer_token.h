// A token that stands for its user: a JWT (RFC 7519), as Kafka's brokers take them with OAUTHBEARER. Its claims say whose
// it is and until when it is good. They are read and not verified: that is the broker's part, who knows the issuer's keys.
//
//   base64url(header) . base64url({"sub": "mirror", "iat": 1700000000, "exp": 1700003600, ...}) . base64url(signature)
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sasl/secret.h"

namespace shunt::sasl {

/// Brokers take messages of half a MiB before a client is known (sasl.server.max.receive.size).
inline constexpr std::size_t bearer_token_limit_bytes = std::size_t{256} * 1024;

struct BearerToken {
  Secret text;
  std::string user;  // printable
  std::optional<std::int64_t> issued_ms;
  std::int64_t expires_ms = 0;  // both since 1970
};

/// Blanks around `text` are dropped. `subject_claim`: whose value is the user (sasl.oauthbearer.sub.claim.name). Nothing: it
/// is no token that a broker could take, and `why` says what it lacks, quoting nothing of it.
std::optional<BearerToken> parse_bearer_token(std::string_view text, std::string_view subject_claim, std::string& why);

}  // namespace shunt::sasl
