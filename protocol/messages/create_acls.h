// CreateAcls (30): adds access control lists.
// Numbers of types, patterns, operations and permissions are those of DescribeAcls.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/codec.h"

namespace shunt::protocol {

struct CreateAclsResponse;

struct CreateAclsRequest {
  using Response = CreateAclsResponse;
  static constexpr Api api{.key = 30, .name = "CreateAcls", .versions = {1, 3}, .flexible = 2};

  struct Acl {
    std::int8_t resource_type = 0;
    std::string resource_name;
    std::int8_t resource_pattern_type = 3;  // 3: literal, 4: prefixed
    std::string principal;
    std::string host;  // "*": any
    std::int8_t operation = 0;
    std::int8_t permission_type = 0;  // 2: deny, 3: allow

    static void fields(auto&& f, auto& m) {
      f("ResourceType", m.resource_type);
      f("ResourceName", m.resource_name);
      f("ResourcePatternType", m.resource_pattern_type);
      f("Principal", m.principal);
      f("Host", m.host);
      f("Operation", m.operation);
      f("PermissionType", m.permission_type);
    }
    bool operator==(const Acl&) const = default;
  };

  std::vector<Acl> creations;

  static void fields(auto&& f, auto& m) { f("Creations", m.creations); }
  bool operator==(const CreateAclsRequest&) const = default;
};

struct CreateAclsResponse {
  static constexpr Api api = CreateAclsRequest::api;

  struct Result {
    std::int16_t error_code = 0;
    std::optional<std::string> error_message;

    static void fields(auto&& f, auto& m) {
      f("ErrorCode", m.error_code);
      f("ErrorMessage", m.error_message);
    }
    bool operator==(const Result&) const = default;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Result> results;

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms);
    f("Results", m.results);
  }
  bool operator==(const CreateAclsResponse&) const = default;
};

}  // namespace shunt::protocol
