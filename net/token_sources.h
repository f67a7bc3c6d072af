// Where tokens come from. A source is asked whenever a new one is needed; it may block, and belongs to the thread of a
// TokenLogin.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "net/http_post.h"
#include "sasl/jaas.h"
#include "sasl/secret.h"
#include "sasl/token_response.h"

namespace shunt::net {

/// Ends soon after `stopping` has become true. The reason of a failure says where it was looked for.
using TokenSource = std::function<sasl::FetchedToken(const std::atomic<bool>& stopping)>;

/// The content of a file, read anew each time.
TokenSource token_from_file(std::string path);

/// Always the same.
TokenSource fixed_token(sasl::Secret token);

/// sasl/unsecured_token.h
TokenSource unsecured_token(sasl::LoginModule module);

/// The grant `client_credentials` of a token endpoint (RFC 6749, 4.4; KIP-768).
struct ClientCredentials {
  HttpUrl endpoint;
  std::string id;
  sasl::Secret secret;
  std::string scope;         // empty: the endpoint's default
  bool url_encoded = false;  // id, secret and scope are encoded for URLs before they are used (KIP-1025)
  TlsSettings tls;
  std::chrono::milliseconds connect_timeout{};
  std::chrono::milliseconds read_timeout{};
};
TokenSource token_from_endpoint(ClientCredentials credentials);

}  // namespace shunt::net
