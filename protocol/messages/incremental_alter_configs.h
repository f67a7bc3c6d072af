// IncrementalAlterConfigs (44): changes single configurations and leaves the others (KIP-339).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/codec.h"

namespace shunt::protocol {

struct IncrementalAlterConfigsResponse;

struct IncrementalAlterConfigsRequest {
  using Response = IncrementalAlterConfigsResponse;
  static constexpr Api api{.key = 44, .name = "IncrementalAlterConfigs", .versions = {0, 1}, .flexible = 1};

  struct Config {
    std::string name;
    std::int8_t config_operation = 0;  // 0: set, 1: delete, 2: append, 3: subtract
    std::optional<std::string> value;  // null with delete

    static void fields(auto&& f, auto& m) {
      f("Name", m.name);
      f("ConfigOperation", m.config_operation);
      f("Value", m.value);
    }
    bool operator==(const Config&) const = default;
  };

  struct Resource {
    std::int8_t resource_type = 0;  // 2: topic, 4: broker, 8: broker logger, 32: group
    std::string resource_name;
    std::vector<Config> configs;

    static void fields(auto&& f, auto& m) {
      f("ResourceType", m.resource_type);
      f("ResourceName", m.resource_name);
      f("Configs", m.configs);
    }
    bool operator==(const Resource&) const = default;
  };

  std::vector<Resource> resources;
  bool validate_only = false;

  static void fields(auto&& f, auto& m) {
    f("Resources", m.resources);
    f("ValidateOnly", m.validate_only);
  }
  bool operator==(const IncrementalAlterConfigsRequest&) const = default;
};

struct IncrementalAlterConfigsResponse {
  static constexpr Api api = IncrementalAlterConfigsRequest::api;

  struct Resource {
    std::int16_t error_code = 0;
    std::optional<std::string> error_message;
    std::int8_t resource_type = 0;
    std::string resource_name;

    static void fields(auto&& f, auto& m) {
      f("ErrorCode", m.error_code);
      f("ErrorMessage", m.error_message);
      f("ResourceType", m.resource_type);
      f("ResourceName", m.resource_name);
    }
    bool operator==(const Resource&) const = default;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Resource> responses;

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms);
    f("Responses", m.responses);
  }
  bool operator==(const IncrementalAlterConfigsResponse&) const = default;
};

}  // namespace shunt::protocol
