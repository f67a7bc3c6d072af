// What one broker speaks: the version ranges of its ApiVersions answer (KIP-35), and the choice of a version for a
// request. Ranges differ between the brokers of one cluster while it is upgraded, so every connection has its own
// table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/api.h"
#include "protocol/messages/api_versions.h"

namespace shunt::net {

class ApiVersions {
 public:
  struct Range {
    std::int16_t key = 0;
    std::int16_t min = 0;
    std::int16_t max = 0;
  };

  ApiVersions() = default;

  /// Empty when the table cannot be: a range upside down, or an api listed twice; `why` says so.
  static std::optional<ApiVersions> from(const protocol::ApiVersionsResponse& response, std::string& why);

  [[nodiscard]] std::optional<Range> find(std::int16_t key) const;
  [[nodiscard]] bool supports(std::int16_t key, std::int16_t version) const;
  [[nodiscard]] std::size_t size() const { return ranges_.size(); }

 private:
  std::vector<Range> ranges_;  // by key
};

/// The highest version both sides speak, at most `at_most`. Empty when there is none; `why` then names the api, both
/// ranges and which side is the older one.
std::optional<std::int16_t> pick_version(const ApiVersions& broker, const protocol::Api& api, std::string& why,
                                         std::optional<std::int16_t> at_most = {});

}  // namespace shunt::net
