#include "net/api_versions.h"

#include <algorithm>

#include <fmt/format.h>

namespace shunt::net {

std::optional<ApiVersions> ApiVersions::from(const protocol::ApiVersionsResponse& response, std::string& why) {
  ApiVersions table;
  table.ranges_.reserve(response.api_keys.size());
  for (const auto& api : response.api_keys) {
    if (api.min_version < 0 || api.max_version < api.min_version) {
      why = fmt::format("api key {} is listed with versions {} to {}", api.api_key, api.min_version, api.max_version);
      return {};
    }
    table.ranges_.push_back({.key = api.api_key, .min = api.min_version, .max = api.max_version});
  }
  std::sort(table.ranges_.begin(), table.ranges_.end(), [](const Range& a, const Range& b) { return a.key < b.key; });
  const auto twice = std::adjacent_find(table.ranges_.begin(), table.ranges_.end(),
                                        [](const Range& a, const Range& b) { return a.key == b.key; });
  if (twice != table.ranges_.end()) {
    why = fmt::format("api key {} is listed twice", twice->key);
    return {};
  }
  return table;
}

std::optional<ApiVersions::Range> ApiVersions::find(std::int16_t key) const {
  const auto entry = std::lower_bound(ranges_.begin(), ranges_.end(), key,
                                      [](const Range& range, std::int16_t wanted) { return range.key < wanted; });
  if (entry == ranges_.end() || entry->key != key) return {};
  return *entry;
}

bool ApiVersions::supports(std::int16_t key, std::int16_t version) const {
  const auto range = find(key);
  return range && range->min <= version && version <= range->max;
}

std::optional<std::int16_t> pick_version(const ApiVersions& broker, const protocol::Api& api, std::string& why,
                                         std::optional<std::int16_t> at_most) {
  const std::int16_t ours_max = std::min(api.versions.max, at_most.value_or(api.versions.max));
  const auto theirs = broker.find(api.key);
  if (!theirs) {
    why = fmt::format("the broker does not offer {} (api key {}); shunt needs it in version {} to {}", api.name,
                      api.key, api.versions.min, ours_max);
    return {};
  }
  const std::int16_t highest = std::min(theirs->max, ours_max);
  if (highest < std::max(theirs->min, api.versions.min)) {
    why = fmt::format(
        "no common version of {} (api key {}): the broker speaks {} to {}, shunt {} to {}; the {} is too old", api.name,
        api.key, theirs->min, theirs->max, api.versions.min, ours_max,
        theirs->max < api.versions.min ? "broker" : "shunt");
    return {};
  }
  return highest;
}

}  // namespace shunt::net
