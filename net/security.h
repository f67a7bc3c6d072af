// How the connections to a cluster are secured: what security.protocol says, and what it needs. Shared by all of them.
#pragma once

#include <memory>

#include "net/tls_source.h"
#include "sasl/credentials.h"

namespace shunt::net {

struct Security {
  std::shared_ptr<TlsSource> tls = {};                        // null: plain text
  std::shared_ptr<const sasl::Credentials> credentials = {};  // null: without SASL
};

}  // namespace shunt::net
