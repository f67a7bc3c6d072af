// A record of MirrorMaker 2's heartbeats topic, byte for byte as its Heartbeat class writes it:
//
//   key     source alias STRING | target alias STRING
//   value   version INT16 = 0 | timestamp INT64, milliseconds since 1970
//
// A flow writes them into its target; mirrored from there they tell further clusters where data comes from, over how many
// hops, and how fresh it is (RemoteClusterUtils).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace shunt::replicate {

inline constexpr char heartbeats_topic[] = "heartbeats";

struct Heartbeat {
  std::string source;  // aliases
  std::string target;
  std::int64_t timestamp_ms = 0;

  [[nodiscard]] std::vector<std::byte> key() const;
  [[nodiscard]] std::vector<std::byte> value() const;
};

}  // namespace shunt::replicate
