// DescribeAcls (29): access control lists that match a filter.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/codec.h"

namespace shunt::protocol {

struct DescribeAclsResponse;

struct DescribeAclsRequest {
  using Response = DescribeAclsResponse;
  static constexpr Api api{.key = 29, .name = "DescribeAcls", .versions = {1, 3}, .flexible = 2};

  // 1: any, 2: topic, 3: group, 4: cluster, 5: transactional id, 6: delegation token, 7: user.
  std::int8_t resource_type_filter = 0;
  std::optional<std::string> resource_name_filter;  // null: any
  std::int8_t pattern_type_filter = 3;          // 1: any, 2: all that match the name, 3: literal, 4: prefixed (KIP-290)
  std::optional<std::string> principal_filter;  // "User:alice"; null: any
  std::optional<std::string> host_filter;       // null: any
  std::int8_t operation = 0;                    // 1: any, 2: all, 3: read, 4: write, 5: create, ...
  std::int8_t permission_type = 0;              // 1: any, 2: deny, 3: allow

  static void fields(auto&& f, auto& m) {
    f("ResourceTypeFilter", m.resource_type_filter);
    f("ResourceNameFilter", m.resource_name_filter);
    f("PatternTypeFilter", m.pattern_type_filter);
    f("PrincipalFilter", m.principal_filter);
    f("HostFilter", m.host_filter);
    f("Operation", m.operation);
    f("PermissionType", m.permission_type);
  }
  bool operator==(const DescribeAclsRequest&) const = default;
};

struct DescribeAclsResponse {
  static constexpr Api api = DescribeAclsRequest::api;

  struct Acl {
    std::string principal;
    std::string host;
    std::int8_t operation = 0;
    std::int8_t permission_type = 0;

    static void fields(auto&& f, auto& m) {
      f("Principal", m.principal);
      f("Host", m.host);
      f("Operation", m.operation);
      f("PermissionType", m.permission_type);
    }
    bool operator==(const Acl&) const = default;
  };

  struct Resource {
    std::int8_t resource_type = 0;
    std::string resource_name;
    std::int8_t pattern_type = 3;  // 3: literal, 4: prefixed
    std::vector<Acl> acls;

    static void fields(auto&& f, auto& m) {
      f("ResourceType", m.resource_type);
      f("ResourceName", m.resource_name);
      f("PatternType", m.pattern_type);
      f("Acls", m.acls);
    }
    bool operator==(const Resource&) const = default;
  };

  std::int32_t throttle_time_ms = 0;
  std::int16_t error_code = 0;
  std::optional<std::string> error_message;
  std::vector<Resource> resources;

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms);
    f("ErrorCode", m.error_code);
    f("ErrorMessage", m.error_message);
    f("Resources", m.resources);
  }
  bool operator==(const DescribeAclsResponse&) const = default;
};

}  // namespace shunt::protocol
