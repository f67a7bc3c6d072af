// As whom brokers know this process.
#pragma once

#include <optional>
#include <string>

#include "net/security.h"

namespace shunt::replicate {

/// "User:mirror"; nothing where the settings do not tell, as with certificates and tokens. Brokers may have rules of their
/// own for names.
inline std::optional<std::string> own_principal(const net::Security& security) {
  const std::string user = security.credentials ? security.credentials->current()->user : std::string();
  if (!user.empty()) return "User:" + user;
  if (security.credentials || security.tls) return std::nullopt;
  return "User:ANONYMOUS";
}

}  // namespace shunt::replicate
