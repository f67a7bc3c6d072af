// What every pair of messages states about itself, and what a field of a message can be: the vocabulary of
// protocol/messages/*.h. How fields become bytes is in codec.h.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

namespace shunt::protocol {

/// Versions of an api, both ends included.
struct Versions {
  std::int16_t min = 0;
  std::int16_t max = 0;
  [[nodiscard]] constexpr bool contains(std::int16_t version) const { return min <= version && version <= max; }
};

/// For `Api::flexible`: no version has compact lengths and tagged fields (KIP-482).
inline constexpr std::int16_t never_flexible = std::numeric_limits<std::int16_t>::max();

struct Api {
  std::int16_t key;
  std::string_view name;  // as Kafka's definitions call it, without Request or Response
  Versions versions;      // what we speak: all that brokers 2.8 to 4.3 have in common with the definitions of 4.3
  std::int16_t flexible;  // the first version with compact lengths and tagged fields

  [[nodiscard]] constexpr bool is_flexible(std::int16_t version) const { return version >= flexible; }
  /// Header versions: Request 1 or 2 (with tagged fields), Response 0 or 1 (with tagged fields).
  [[nodiscard]] constexpr std::int16_t request_header(std::int16_t version) const {
    return is_flexible(version) ? 2 : 1;
  }
  [[nodiscard]] constexpr std::int16_t response_header(std::int16_t version) const {
    // The answer to ApiVersions has no tags in its header: the asker does not know yet what the broker can do
    // (KIP-511).
    return is_flexible(version) && key != 18 ? 1 : 0;
  }
};

}  // namespace shunt::protocol
