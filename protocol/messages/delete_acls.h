// DeleteAcls (31): removes the access control lists that match filters.
// Numbers of types, patterns, operations and permissions are those of DescribeAcls.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/codec.h"

namespace shunt::protocol {

struct DeleteAclsResponse;

struct DeleteAclsRequest {
  using Response = DeleteAclsResponse;
  static constexpr Api api{.key = 31, .name = "DeleteAcls", .versions = {1, 3}, .flexible = 2};

  struct Filter {
    std::int8_t resource_type_filter = 0;
    std::optional<std::string> resource_name_filter;  // null: any
    std::int8_t pattern_type_filter = 3;
    std::optional<std::string> principal_filter;  // null: any
    std::optional<std::string> host_filter;       // null: any
    std::int8_t operation = 0;
    std::int8_t permission_type = 0;

    static void fields(auto&& f, auto& m) {
      f("ResourceTypeFilter", m.resource_type_filter);
      f("ResourceNameFilter", m.resource_name_filter);
      f("PatternTypeFilter", m.pattern_type_filter);
      f("PrincipalFilter", m.principal_filter);
      f("HostFilter", m.host_filter);
      f("Operation", m.operation);
      f("PermissionType", m.permission_type);
    }
    bool operator==(const Filter&) const = default;
  };

  std::vector<Filter> filters;

  static void fields(auto&& f, auto& m) { f("Filters", m.filters); }
  bool operator==(const DeleteAclsRequest&) const = default;
};

struct DeleteAclsResponse {
  static constexpr Api api = DeleteAclsRequest::api;

  struct Acl {
    std::int16_t error_code = 0;
    std::optional<std::string> error_message;
    std::int8_t resource_type = 0;
    std::string resource_name;
    std::int8_t pattern_type = 3;
    std::string principal;
    std::string host;
    std::int8_t operation = 0;
    std::int8_t permission_type = 0;

    static void fields(auto&& f, auto& m) {
      f("ErrorCode", m.error_code);
      f("ErrorMessage", m.error_message);
      f("ResourceType", m.resource_type);
      f("ResourceName", m.resource_name);
      f("PatternType", m.pattern_type);
      f("Principal", m.principal);
      f("Host", m.host);
      f("Operation", m.operation);
      f("PermissionType", m.permission_type);
    }
    bool operator==(const Acl&) const = default;
  };

  struct FilterResult {
    std::int16_t error_code = 0;
    std::optional<std::string> error_message;
    std::vector<Acl> matching_acls;

    static void fields(auto&& f, auto& m) {
      f("ErrorCode", m.error_code);
      f("ErrorMessage", m.error_message);
      f("MatchingAcls", m.matching_acls);
    }
    bool operator==(const FilterResult&) const = default;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<FilterResult> filter_results;

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms);
    f("FilterResults", m.filter_results);
  }
  bool operator==(const DeleteAclsResponse&) const = default;
};

}  // namespace shunt::protocol
