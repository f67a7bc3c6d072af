// The size prefix of Kafka's frames: four bytes, big-endian, counting what follows them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace shunt::net {

inline constexpr std::size_t size_prefix_bytes = 4;

[[nodiscard]] inline std::int32_t read_int32(std::span<const std::byte, 4> bytes) {
  std::uint32_t value = 0;
  for (const std::byte byte : bytes) value = (value << 8) | std::to_integer<std::uint32_t>(byte);
  return static_cast<std::int32_t>(value);
}

}  // namespace shunt::net
