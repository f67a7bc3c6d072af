#include "protocol/request.h"

#include <limits>

#include <fmt/format.h>

namespace shunt::protocol {

std::int32_t response_correlation_id(std::span<const std::byte> frame) {
  return frame.size() < sizeof(std::int32_t) ? -1 : wire::load<std::int32_t>(frame.data());
}

namespace codec {

namespace {

// KIP-482: a header's tagged fields are skipped, none is defined that concerns a client.
void skip_tags(Reader& in) {
  const std::uint32_t count = in.unsigned_varint();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    in.unsigned_varint();
    in.bytes(in.unsigned_varint());
  }
}

}  // namespace

void begin_request(Writer& out, const Api& api, std::int16_t version, std::int32_t correlation_id,
                   std::string_view client_id) {
  if (client_id.size() > static_cast<std::size_t>(std::numeric_limits<std::int16_t>::max())) {
    throw EncodeError(fmt::format("a client id of {} bytes does not fit a request header", client_id.size()));
  }
  // Most requests fit, and growing would leave copies behind, of a SaslAuthenticate request's password too.
  constexpr std::size_t usual_size = 1024;
  out.reserve(usual_size);
  out.integer(std::int32_t{0});  // the size, filled in by end_request()
  out.integer(api.key);
  out.integer(version);
  out.integer(correlation_id);
  out.integer(static_cast<std::int16_t>(client_id.size()));
  out.bytes(std::as_bytes(std::span(client_id)));
  if (api.request_header(version) == 2) out.unsigned_varint(0);
}

std::vector<std::byte> end_request(Writer& out) {
  constexpr std::size_t prefix = sizeof(std::int32_t);
  if (out.size() - prefix > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    throw EncodeError(fmt::format("a request of {} bytes does not fit a frame", out.size()));
  }
  out.patch_int32(0, static_cast<std::int32_t>(out.size() - prefix));
  return out.take();
}

std::optional<std::span<const std::byte>> response_body(std::span<const std::byte> frame, const Api& api,
                                                        std::int16_t version, std::string* why) {
  Reader in(frame);
  in.integer<std::int32_t>();  // the correlation id: response_correlation_id() has matched it to a request
  if (api.response_header(version) == 1) skip_tags(in);
  if (!in.ok()) {
    if (why != nullptr) *why = fmt::format("{}Response v{}: header: {}", api.name, version, in.why());
    return std::nullopt;
  }
  return frame.subspan(in.offset());
}

}  // namespace codec

}  // namespace shunt::protocol
