// Messages to bytes and back, from one list of fields a message states about itself (protocol/messages/*.h):
//
//   struct Topic {
//     std::optional<std::string> name;
//     std::vector<PartitionIndex> partitions;
//     static void fields(auto&& f, auto& m) {        // m is const for encode, not for decode
//       f("Name", m.name, nullable_since(12));       // the name of Kafka's own definition
//       f("Partitions", m.partitions, since(1));
//     }
//     bool operator==(const Topic&) const = default;
//   };
//
// C++ type and wire type: bool, std::int8_t to std::int64_t and the ids of ids.h are what they are; std::string is a
// string; Bytes and Records are bytes; Uuid is a uuid; std::vector<T> is an array; a type with fields() is a struct;
// std::optional<T> is a nullable T, or, with .tag(n), a tagged T that is left out unless held. A member's initialiser
// is the field's default: Kafka's own, with one exception: what can be null starts as null.
//
// decode() gives a whole, valid message or none. It never reads past `body`, and takes no memory ahead of the bytes
// that fill it. encode() throws EncodeError for a message that cannot be said in the version asked for: a programming
// error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "protocol/api.h"
#include "protocol/decoder.h"
#include "protocol/encoder.h"
#include "protocol/field_types.h"
#include "protocol/fields.h"
#include "protocol/records.h"
#include "protocol/uuid.h"
#include "protocol/wire.h"

namespace shunt::protocol {

/// "FetchRequest", "FetchResponse".
template <class M>
std::string message_name() {
  return std::string(M::api.name) + (requires { typename M::Response; } ? "Request" : "Response");
}

/// Appends the body of `message`. Throws EncodeError when `version` is none of ours, when a field is set that the
/// version does not have (and that is not ignorable), or when a value does not fit its wire type.
template <class M>
void encode_into(Writer& out, const M& message, std::int16_t version) {
  if (!M::api.versions.contains(version)) {
    throw EncodeError(fmt::format("{} is spoken in versions {} to {}, not {}", message_name<M>(), M::api.versions.min,
                                  M::api.versions.max, version));
  }
  codec::Encoder(out, message_name<M>, version, M::api.is_flexible(version)).write_struct(message);
}

template <class M>
std::vector<std::byte> encode(const M& message, std::int16_t version) {
  Writer out;
  encode_into(out, message, version);
  return out.take();
}

/// The message, or nothing when `body` is not exactly one message of this version; then `*why` says what is wrong and
/// where: "MetadataResponse v12: Topics[3].Name: 7 bytes wanted, 2 left (byte 120)". `memory`: what the message may take.
template <class M>
std::optional<M> decode(std::span<const std::byte> body, std::int16_t version, std::string* why = nullptr,
                        std::size_t memory = std::numeric_limits<std::size_t>::max()) {
  Reader in(body);
  std::optional<M> message(std::in_place);
  if (!M::api.versions.contains(version)) {
    in.fail(fmt::format("only versions {} to {} are spoken", M::api.versions.min, M::api.versions.max));
  } else {
    codec::Decoder(in, version, M::api.is_flexible(version), memory).read_struct(*message);
    if (in.left() > 0) in.fail(fmt::format("{} bytes too many", in.left()));
  }
  if (!in.ok()) {
    if (why != nullptr) *why = fmt::format("{} v{}: {}", message_name<M>(), version, in.why());
    message.reset();
  }
  return message;
}

}  // namespace shunt::protocol
