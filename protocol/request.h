// Whole frames: size prefix, header and body of a request; header and body of a response.
//
//   request    size int32 | api key int16 | version int16 | correlation id int32 | client id string [ tags ] | body
//   response   size int32 | correlation id int32 [ tags ] | body
//
// Tags only where the api's version is flexible. The client id keeps its 16 bit length in every version (KIP-482), and
// the answer to ApiVersions has no tags in its header in any (KIP-511). Answers come without api and version: who asked
// knows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/api.h"
#include "protocol/codec.h"
#include "protocol/wire.h"

namespace shunt::protocol {

/// Throws EncodeError as encode() does, and for a client id of more than 32767 bytes or a frame of more than 2 GiB.
template <class Request>
std::vector<std::byte> encode_request(const Request& request, std::int16_t version, std::int32_t correlation_id,
                                      std::string_view client_id);

/// `frame`: the bytes after the size. -1 when there are fewer than four; Kafka clients never choose negative ids.
std::int32_t response_correlation_id(std::span<const std::byte> frame);

/// `frame`: the bytes after the size. Nothing when it is not exactly one response of this version; `*why` says why.
///
/// A broker that does not know the version of an ApiVersions request answers in the shape of version 0, with error 35
/// UNSUPPORTED_VERSION: such an answer is decoded as what it is, whatever `version` says. `memory`: as in decode().
template <class Response>
std::optional<Response> decode_response(std::span<const std::byte> frame, std::int16_t version,
                                        std::string* why = nullptr,
                                        std::size_t memory = std::numeric_limits<std::size_t>::max());

// ---- Implementation -------------------------------------------------------------------------------------------------

namespace codec {

void begin_request(Writer& out, const Api& api, std::int16_t version, std::int32_t correlation_id,
                   std::string_view client_id);
std::vector<std::byte> end_request(Writer& out);

/// The body of a response, after its header; nothing (and `*why`) when the header is broken.
std::optional<std::span<const std::byte>> response_body(std::span<const std::byte> frame, const Api& api,
                                                        std::int16_t version, std::string* why);

}  // namespace codec

template <class Request>
std::vector<std::byte> encode_request(const Request& request, std::int16_t version, std::int32_t correlation_id,
                                      std::string_view client_id) {
  Writer out;
  codec::begin_request(out, Request::api, version, correlation_id, client_id);
  encode_into(out, request, version);
  return codec::end_request(out);
}

template <class Response>
std::optional<Response> decode_response(std::span<const std::byte> frame, std::int16_t version, std::string* why,
                                        std::size_t memory) {
  const auto body = codec::response_body(frame, Response::api, version, why);
  if (!body) return std::nullopt;
  if constexpr (requires { Response::answered_version(*body, version); }) {
    version = Response::answered_version(*body, version);
  }
  return decode<Response>(*body, version, why, memory);
}

}  // namespace shunt::protocol
