// STRING as MirrorMaker 2's own records have it (Kafka's Struct encoding): INT16 length in bytes, then UTF-8.
#pragma once

#include <string>
#include <string_view>

#include "protocol/wire.h"

namespace shunt::replicate {

/// At most 32,767 bytes: names of topics, groups and clusters are far below.
void put_string(protocol::Writer& writer, std::string_view text);
/// Empty, and the reader has failed, where none is.
std::string take_string(protocol::Reader& reader);

}  // namespace shunt::replicate
