// The mechanism OAUTHBEARER (RFC 7628, KIP-255) from the client's side:
//
//   client first    n,,^Aauth=Bearer TOKEN^A traceId=123^A ^A          what follows the token: extensions (KIP-342)
//   server          (empty)                                            taken
//                   {"status":"invalid_token", ...}                    refused
//   client          ^A                                                 ... which must be said before the server says so
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sasl/bearer_token.h"
#include "sasl/secret.h"

namespace shunt::sasl {

using Extensions = std::map<std::string, Secret, std::less<>>;

/// What is wrong with an extension, by RFC 7628, 3.1; empty: nothing. Does not quote the value.
std::string check_extension(std::string_view name, const Secret& value);

/// Secret: whoever sends it wipes it.
std::vector<std::byte> oauth_client_first(const BearerToken& token, const Extensions& extensions);
std::vector<std::byte> oauth_client_gives_up();

/// The `status` of a server's refusal, printable; empty: the message is none.
std::string oauth_refusal_status(std::string_view message);

}  // namespace shunt::sasl
