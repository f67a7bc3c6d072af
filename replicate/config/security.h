// security.protocol and what belongs to it, as Kafka users write it: how a client's connections are secured.
#pragma once

#include "net/security.h"
#include "replicate/config/reader.h"
#include "replicate/config/token_login.h"

namespace shunt::replicate {

/// What is wrong with the keys, or with the files they name, is in the reader's diagnostics. Clients that log in the same way
/// share their tokens: `logins` is common to all of a configuration.
net::Security read_security(Reader& reader, TokenLogins& logins);

}  // namespace shunt::replicate
