// What a token endpoint answers (RFC 6749, 5): a token, or why there is none. Pure.
#pragma once

#include <string>
#include <string_view>

#include "sasl/secret.h"

namespace shunt::sasl {

/// One attempt to get a token.
struct FetchedToken {
  Secret text;
  std::string why;        // without a token: the reason, without a secret
  bool is_final = false;  // the next attempt would end the same way
};

/// `status`: of HTTP. Never quotes the body of an answer that holds a token.
FetchedToken parse_token_response(long status, std::string_view body);

}  // namespace shunt::sasl
