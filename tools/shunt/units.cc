#include "tools/shunt/units.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

namespace shunt::tools {

namespace {

/// Below 999.995 two decimals do not round up to a thousand.
constexpr double next_unit_from = 999.995;

}  // namespace

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
  return text;
}

std::string count_text(std::uint64_t number) {
  constexpr std::uint64_t giga = 1'000'000'000;
  if (number < giga) return grouped(number);
  constexpr std::array<const char*, 4> units{"G", "T", "P", "E"};
  double value = static_cast<double>(number) / static_cast<double>(giga);
  std::size_t unit = 0;
  while (value >= next_unit_from && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.2f} {}", value, units[unit]);
}

std::string bytes_text(double bytes) {
  constexpr std::array<const char*, 7> units{"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < next_unit_from) return fmt::format("{:.0f} B", std::min(bytes, 999.0));
  std::size_t unit = 0;
  while (bytes >= next_unit_from && unit + 1 < units.size()) {
    bytes /= 1000;
    ++unit;
  }
  return fmt::format("{:.2f} {}", bytes, units[unit]);
}

std::string duration_text(double seconds) {
  constexpr double longest = 1e12;  // 30,000 years: no text is wider, no conversion overflows
  const auto whole = static_cast<std::uint64_t>(std::llround(std::min(seconds, longest)));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", grouped(whole / 3600), whole / 60 % 60);
}

}  // namespace shunt::tools
