// DescribeGroups (15): state and members of classic groups, from their coordinator.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "protocol/codec.h"

namespace shunt::protocol {

struct DescribeGroupsResponse;

struct DescribeGroupsRequest {
  using Response = DescribeGroupsResponse;
  static constexpr Api api{.key = 15, .name = "DescribeGroups", .versions = {0, 6}, .flexible = 5};

  std::vector<std::string> groups;
  bool include_authorized_operations = false;

  static void fields(auto&& f, auto& m) {
    f("Groups", m.groups);
    f("IncludeAuthorizedOperations", m.include_authorized_operations, since(3));
  }
  bool operator==(const DescribeGroupsRequest&) const = default;
};

struct DescribeGroupsResponse {
  static constexpr Api api = DescribeGroupsRequest::api;

  struct Member {
    std::string member_id;
    std::optional<std::string> group_instance_id;
    std::string client_id;
    std::string client_host;
    Bytes member_metadata;  // empty unless the group is stable
    Bytes member_assignment;

    static void fields(auto&& f, auto& m) {
      f("MemberId", m.member_id);
      f("GroupInstanceId", m.group_instance_id, since(4).ignorable());
      f("ClientId", m.client_id);
      f("ClientHost", m.client_host);
      f("MemberMetadata", m.member_metadata);
      f("MemberAssignment", m.member_assignment);
    }
    bool operator==(const Member&) const = default;
  };

  struct Group {
    std::int16_t error_code = 0;
    std::optional<std::string> error_message;
    std::string group_id;
    std::string group_state;  // "Dead" with no error: there is no such group (before version 6)
    std::string protocol_type;
    std::string protocol_data;  // the assignor; empty unless the group is stable
    std::vector<Member> members;
    // Bit field by AclOperation number; the default: not asked for.
    std::int32_t authorized_operations = std::numeric_limits<std::int32_t>::min();

    static void fields(auto&& f, auto& m) {
      f("ErrorCode", m.error_code);
      f("ErrorMessage", m.error_message, since(6));
      f("GroupId", m.group_id);
      f("GroupState", m.group_state);
      f("ProtocolType", m.protocol_type);
      f("ProtocolData", m.protocol_data);
      f("Members", m.members);
      f("AuthorizedOperations", m.authorized_operations, since(3));
    }
    bool operator==(const Group&) const = default;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Group> groups;

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms, since(1).ignorable());
    f("Groups", m.groups);
  }
  bool operator==(const DescribeGroupsResponse&) const = default;
};

}  // namespace shunt::protocol
