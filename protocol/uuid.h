// A 128-bit id as Kafka uses it for topics, directories and clusters (KIP-516): 16 bytes on the wire, written by people
// and tools as 22 characters of URL-safe base64.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace shunt::protocol {

struct Uuid {
  std::array<std::byte, 16> bytes{};

  /// All zero: "no id", what a broker without topic ids answers.
  [[nodiscard]] bool is_zero() const { return *this == Uuid{}; }
  /// As Kafka's tools print it: "tXkWTmyzQ0q8ytPnBvxBpQ".
  [[nodiscard]] std::string to_string() const;
  /// Nothing unless `text` is 22 characters of URL-safe base64 for 16 bytes.
  static std::optional<Uuid> from_string(std::string_view text);

  auto operator<=>(const Uuid&) const = default;
};

}  // namespace shunt::protocol

template <>
struct std::hash<shunt::protocol::Uuid> {
  std::size_t operator()(const shunt::protocol::Uuid& uuid) const noexcept;
};
