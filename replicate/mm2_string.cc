#include "replicate/mm2_string.h"

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace shunt::replicate {

void put_string(protocol::Writer& writer, std::string_view text) {
  assert(text.size() <= std::numeric_limits<std::int16_t>::max());
  writer.integer(static_cast<std::int16_t>(text.size()));
  writer.bytes(std::as_bytes(std::span(text)));
}

std::string take_string(protocol::Reader& reader) {
  const auto size = reader.integer<std::int16_t>();
  if (size < 0) reader.fail("negative length");
  const auto bytes = reader.bytes(reader.ok() ? static_cast<std::size_t>(size) : 0);
  std::string text;
  for (const std::byte one : bytes) text.push_back(static_cast<char>(one));
  return text;
}

}  // namespace shunt::replicate
