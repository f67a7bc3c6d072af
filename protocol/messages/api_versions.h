// ApiVersions (18): which apis and versions a broker speaks (KIP-35). The first request on every connection.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocol/codec.h"

namespace shunt::protocol {

struct ApiVersionsResponse;

struct ApiVersionsRequest {
  using Response = ApiVersionsResponse;
  static constexpr Api api{.key = 18, .name = "ApiVersions", .versions = {0, 4}, .flexible = 3};

  std::string client_software_name;     // letters, digits, '-' and '.', or the broker answers INVALID_REQUEST (KIP-511)
  std::string client_software_version;  // likewise

  static void fields(auto&& f, auto& m) {
    f("ClientSoftwareName", m.client_software_name, since(3).ignorable());
    f("ClientSoftwareVersion", m.client_software_version, since(3).ignorable());
  }
  bool operator==(const ApiVersionsRequest&) const = default;
};

struct ApiVersionsResponse {
  static constexpr Api api = ApiVersionsRequest::api;

  struct ApiVersion {
    std::int16_t api_key = 0;
    std::int16_t min_version = 0;
    std::int16_t max_version = 0;

    static void fields(auto&& f, auto& m) {
      f("ApiKey", m.api_key);
      f("MinVersion", m.min_version);
      f("MaxVersion", m.max_version);
    }
    bool operator==(const ApiVersion&) const = default;
  };

  struct SupportedFeature {
    std::string name;
    std::int16_t min_version = 0;  // features with 0 are left out before version 4 (KAFKA-17011)
    std::int16_t max_version = 0;

    static void fields(auto&& f, auto& m) {
      f("Name", m.name);
      f("MinVersion", m.min_version);
      f("MaxVersion", m.max_version);
    }
    bool operator==(const SupportedFeature&) const = default;
  };

  struct FinalizedFeature {
    std::string name;
    std::int16_t max_version_level = 0;
    std::int16_t min_version_level = 0;

    static void fields(auto&& f, auto& m) {
      f("Name", m.name);
      f("MaxVersionLevel", m.max_version_level);
      f("MinVersionLevel", m.min_version_level);
    }
    bool operator==(const FinalizedFeature&) const = default;
  };

  std::int16_t error_code = 0;
  std::vector<ApiVersion> api_keys;
  std::int32_t throttle_time_ms = 0;
  std::vector<SupportedFeature> supported_features;
  std::optional<std::int64_t> finalized_features_epoch;  // absent: unknown
  std::vector<FinalizedFeature> finalized_features;      // of the whole cluster; empty while the epoch is unknown
  std::optional<bool> zk_migration_ready;

  static void fields(auto&& f, auto& m) {
    f("ErrorCode", m.error_code);
    f("ApiKeys", m.api_keys);
    f("ThrottleTimeMs", m.throttle_time_ms, since(1).ignorable());
    f("SupportedFeatures", m.supported_features, since(3).ignorable().tag(0));
    f("FinalizedFeaturesEpoch", m.finalized_features_epoch, since(3).ignorable().tag(1));
    f("FinalizedFeatures", m.finalized_features, since(3).ignorable().tag(2));
    f("ZkMigrationReady", m.zk_migration_ready, since(3).ignorable().tag(3));
  }
  bool operator==(const ApiVersionsResponse&) const = default;

  /// UNSUPPORTED_VERSION (35) comes in the shape of version 0, whatever was asked: the broker cannot know the asker's
  /// shape.
  static std::int16_t answered_version(std::span<const std::byte> body, std::int16_t asked) {
    constexpr std::int16_t unsupported_version = 35;
    return Reader(body).integer<std::int16_t>() == unsupported_version ? std::int16_t{0} : asked;
  }
};

}  // namespace shunt::protocol
