#include "replicate/config/reversed_flow.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace shunt::replicate {

namespace {

constexpr std::string_view enabled = "enabled";
constexpr std::string_view of_source = "source.cluster.";
constexpr std::string_view of_target = "target.cluster.";

std::string reversed_key(std::string_view key) {
  if (key.starts_with(of_source)) return fmt::format("{}{}", of_target, key.substr(of_source.size()));
  if (key.starts_with(of_target)) return fmt::format("{}{}", of_source, key.substr(of_target.size()));
  return std::string(key);
}

void set(Properties& properties, const std::string& key, std::string_view value) {
  Entry& entry = properties[key];
  entry.key = key;
  entry.value = sasl::Secret(value);
}

}  // namespace

void reverse_flow(Properties& properties, const std::string& source, const std::string& target) {
  const std::string forward = fmt::format("{}->{}.", source, target);
  const std::string backward = fmt::format("{}->{}.", target, source);
  std::vector<Entry> copies;
  bool has_own = false;
  for (const auto& [key, entry] : properties) {
    if (key.starts_with(backward) && key != backward + std::string(enabled)) has_own = true;
    if (!key.starts_with(forward)) continue;
    Entry copy = entry;
    copy.key = backward + reversed_key(std::string_view(key).substr(forward.size()));
    copies.push_back(std::move(copy));
  }
  if (!has_own) {
    for (Entry& copy : copies) {
      const std::string key = copy.key;
      properties[key] = std::move(copy);
    }
  }
  set(properties, forward + std::string(enabled), "false");
  set(properties, backward + std::string(enabled), "true");
}

}  // namespace shunt::replicate
