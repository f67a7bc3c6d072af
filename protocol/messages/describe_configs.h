// DescribeConfigs (32): configurations of topics and brokers, and where each value comes from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/codec.h"

namespace shunt::protocol {

struct DescribeConfigsResponse;

struct DescribeConfigsRequest {
  using Response = DescribeConfigsResponse;
  static constexpr Api api{.key = 32, .name = "DescribeConfigs", .versions = {1, 4}, .flexible = 4};

  struct Resource {
    std::int8_t resource_type = 0;  // 2: topic, 4: broker, 8: broker logger
    std::string resource_name;
    std::optional<std::vector<std::string>> configuration_keys;  // null: all

    static void fields(auto&& f, auto& m) {
      f("ResourceType", m.resource_type);
      f("ResourceName", m.resource_name);
      f("ConfigurationKeys", m.configuration_keys);
    }
    bool operator==(const Resource&) const = default;
  };

  std::vector<Resource> resources;
  bool include_synonyms = false;
  bool include_documentation = false;

  static void fields(auto&& f, auto& m) {
    f("Resources", m.resources);
    f("IncludeSynonyms", m.include_synonyms);
    f("IncludeDocumentation", m.include_documentation, since(3));
  }
  bool operator==(const DescribeConfigsRequest&) const = default;
};

struct DescribeConfigsResponse {
  static constexpr Api api = DescribeConfigsRequest::api;

  struct Synonym {
    std::string name;
    std::optional<std::string> value;  // null also when sensitive
    std::int8_t source = 0;            // as config_source

    static void fields(auto&& f, auto& m) {
      f("Name", m.name);
      f("Value", m.value);
      f("Source", m.source);
    }
    bool operator==(const Synonym&) const = default;
  };

  struct Config {
    std::string name;
    std::optional<std::string> value;  // null also when sensitive
    bool read_only = false;
    // 1: set on the topic, 2: broker, 3: all brokers, 4: server.properties, 5: default, 6: logger.
    std::int8_t config_source = -1;
    bool is_sensitive = false;
    std::vector<Synonym> synonyms;  // where the value comes from, strongest first
    // 1 boolean, 2 string, 3 int, 4 short, 5 long, 6 double, 7 list, 8 class, 9 password.
    std::int8_t config_type = 0;
    std::optional<std::string> documentation;

    static void fields(auto&& f, auto& m) {
      f("Name", m.name);
      f("Value", m.value);
      f("ReadOnly", m.read_only);
      f("ConfigSource", m.config_source);
      f("IsSensitive", m.is_sensitive);
      f("Synonyms", m.synonyms);
      f("ConfigType", m.config_type, since(3).ignorable());
      f("Documentation", m.documentation, since(3).ignorable());
    }
    bool operator==(const Config&) const = default;
  };

  struct Result {
    std::int16_t error_code = 0;
    std::optional<std::string> error_message;
    std::int8_t resource_type = 0;
    std::string resource_name;
    std::vector<Config> configs;

    static void fields(auto&& f, auto& m) {
      f("ErrorCode", m.error_code);
      f("ErrorMessage", m.error_message);
      f("ResourceType", m.resource_type);
      f("ResourceName", m.resource_name);
      f("Configs", m.configs);
    }
    bool operator==(const Result&) const = default;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Result> results;

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms);
    f("Results", m.results);
  }
  bool operator==(const DescribeConfigsResponse&) const = default;
};

}  // namespace shunt::protocol
