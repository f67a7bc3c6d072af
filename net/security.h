// How the connections to a cluster are secured: what security.protocol says, and what it needs. Shared by all of them.
#pragma once

#include <memory>

#include "net/credentials_source.h"
#include "net/tls_source.h"

namespace shunt::net {

class TokenLogin;

/// Shared by all connections of a cluster; it owns the threads that get what they show to brokers.
struct Security {
  std::shared_ptr<TlsSource> tls = {};                  // null: plain text
  std::shared_ptr<CredentialsSource> credentials = {};  // null: without SASL
  std::shared_ptr<TokenLogin> login = {};          // OAUTHBEARER: what gets its tokens; the first connection starts it
  std::shared_ptr<sasl::SlowStart> kerberos = {};  // GSSAPI: what begins its exchanges
};

}  // namespace shunt::net
