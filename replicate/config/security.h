// security.protocol and what belongs to it, as Kafka users write it: how a client's connections are secured.
#pragma once

#include <memory>

#include "replicate/config/reader.h"
#include "sasl/credentials.h"

namespace shunt::replicate {

/// Null: security.protocol asks for no SASL. What is wrong with the keys is in the reader's diagnostics.
std::shared_ptr<const sasl::Credentials> read_credentials(Reader& reader);

}  // namespace shunt::replicate
