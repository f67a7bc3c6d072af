// ListGroups (16): the groups that one broker coordinates.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/codec.h"

namespace shunt::protocol {

struct ListGroupsResponse;

struct ListGroupsRequest {
  using Response = ListGroupsResponse;
  static constexpr Api api{.key = 16, .name = "ListGroups", .versions = {0, 5}, .flexible = 3};

  std::vector<std::string> states_filter;  // empty: all (KIP-518)
  std::vector<std::string> types_filter;   // empty: all (KIP-848)

  static void fields(auto&& f, auto& m) {
    f("StatesFilter", m.states_filter, since(4));
    f("TypesFilter", m.types_filter, since(5));
  }
  bool operator==(const ListGroupsRequest&) const = default;
};

struct ListGroupsResponse {
  static constexpr Api api = ListGroupsRequest::api;

  struct Group {
    std::string group_id;
    std::string protocol_type;  // "consumer", "connect", ...; empty: offsets only
    std::string group_state;
    std::string group_type;  // "classic", "consumer", "share", "streams"

    static void fields(auto&& f, auto& m) {
      f("GroupId", m.group_id);
      f("ProtocolType", m.protocol_type);
      f("GroupState", m.group_state, since(4).ignorable());
      f("GroupType", m.group_type, since(5).ignorable());
    }
    bool operator==(const Group&) const = default;
  };

  std::int32_t throttle_time_ms = 0;
  std::int16_t error_code = 0;
  std::vector<Group> groups;

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms, since(1).ignorable());
    f("ErrorCode", m.error_code);
    f("Groups", m.groups);
  }
  bool operator==(const ListGroupsResponse&) const = default;
};

}  // namespace shunt::protocol
