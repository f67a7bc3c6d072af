// Any bytes as any message in any version: the first byte chooses the message, the second the version, the third
// whether the rest is a whole response frame or a body. What is taken for a message can be shown, and comes back from
// its own encoding.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "protocol/dump.h"
#include "protocol/messages/all.h"
#include "protocol/request.h"

namespace shunt::protocol {
namespace {

template <class M>
void try_message(std::uint8_t version_byte, bool as_frame, std::span<const std::byte> bytes) {
  constexpr Versions versions = M::api.versions;
  auto version = static_cast<std::int16_t>(versions.min + version_byte % (versions.max - versions.min + 1));
  std::string why;
  const auto message = as_frame ? decode_response<M>(bytes, version, &why) : decode<M>(bytes, version, &why);
  if (message.has_value() != why.empty()) std::abort();
  if (!message) return;
  if constexpr (requires { M::answered_version(bytes, version); }) {
    if (as_frame) version = M::answered_version(bytes.subspan(sizeof(std::int32_t)), version);
  }
  if (dump(*message, version).empty()) std::abort();
  if (decode<M>(encode(*message, version), version) != message) std::abort();
}

}  // namespace
}  // namespace shunt::protocol

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace shunt::protocol;  // NOLINT(google-build-using-namespace)
  if (size < 3) return 0;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(3);
  constexpr std::size_t messages = 2 * std::tuple_size_v<AllRequests>;
  std::size_t index = 0;
  for_each_message([&]<class M>() {
    if (index++ == data[0] % messages) try_message<M>(data[1], (data[2] & 1) != 0, bytes);
  });
  return 0;
}
