// security.protocol and what belongs to it, as Kafka users write it: how a client's connections are secured.
#pragma once

#include "net/security.h"
#include "replicate/config/reader.h"

namespace shunt::replicate {

/// What is wrong with the keys, or with the files they name, is in the reader's diagnostics.
net::Security read_security(Reader& reader);

}  // namespace shunt::replicate
