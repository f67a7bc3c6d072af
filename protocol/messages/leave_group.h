// LeaveGroup (13): leaves a classic group. One member up to version 2, many from 3 on (KIP-345).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/codec.h"

namespace shunt::protocol {

struct LeaveGroupResponse;

struct LeaveGroupRequest {
  using Response = LeaveGroupResponse;
  static constexpr Api api{.key = 13, .name = "LeaveGroup", .versions = {0, 5}, .flexible = 4};

  struct Member {
    std::string member_id;
    std::optional<std::string> group_instance_id;
    std::optional<std::string> reason;

    static void fields(auto&& f, auto& m) {
      f("MemberId", m.member_id);
      f("GroupInstanceId", m.group_instance_id);
      f("Reason", m.reason, since(5).ignorable());
    }
    bool operator==(const Member&) const = default;
  };

  std::string group_id;
  std::string member_id;
  std::vector<Member> members;  // many at a time (KIP-345)

  static void fields(auto&& f, auto& m) {
    f("GroupId", m.group_id);
    f("MemberId", m.member_id, until(2));
    f("Members", m.members, since(3));
  }
  bool operator==(const LeaveGroupRequest&) const = default;
};

struct LeaveGroupResponse {
  static constexpr Api api = LeaveGroupRequest::api;

  struct Member {
    std::string member_id;
    std::optional<std::string> group_instance_id;
    std::int16_t error_code = 0;

    static void fields(auto&& f, auto& m) {
      f("MemberId", m.member_id);
      f("GroupInstanceId", m.group_instance_id);
      f("ErrorCode", m.error_code);
    }
    bool operator==(const Member&) const = default;
  };

  std::int32_t throttle_time_ms = 0;
  std::int16_t error_code = 0;
  std::vector<Member> members;

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms, since(1).ignorable());
    f("ErrorCode", m.error_code);
    f("Members", m.members, since(3));
  }
  bool operator==(const LeaveGroupResponse&) const = default;
};

}  // namespace shunt::protocol
