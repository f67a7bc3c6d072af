// How a simulation has ended, and what happened in it, in numbers.
#pragma once

#include <cstdint>
#include <string>

namespace shunt::sim {

struct Verdict {
  bool ok = false;
  std::string reason;  // the first rule that was broken
  std::uint64_t lives = 0;
  std::uint64_t requests = 0;
  std::uint64_t forwarded = 0;
  std::uint64_t rewritten = 0;
  std::uint64_t markers = 0;
  std::uint64_t padding = 0;
  std::uint64_t others = 0;
  std::uint64_t stored_maps = 0;
  std::uint64_t fences = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t fenced = 0;
  std::uint64_t answers_lost = 0;
  std::uint64_t executed_after_death = 0;
  std::uint64_t late_markers = 0;
  std::uint64_t interruptions = 0;
  std::uint64_t overtaken = 0;  // partitions that stopped
  std::uint64_t overfilled = 0;
  std::uint64_t truncated = 0;
  std::uint64_t replaced = 0;
  std::uint64_t topics_gone = 0;  // on either side

  Verdict& operator+=(const Verdict& other);
};

/// The numbers, for people.
std::string to_string(const Verdict& verdict);

}  // namespace shunt::sim
