// SyncGroup (14): the leader hands out the assignment, every member gets its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/codec.h"

namespace shunt::protocol {

struct SyncGroupResponse;

struct SyncGroupRequest {
  using Response = SyncGroupResponse;
  static constexpr Api api{.key = 14, .name = "SyncGroup", .versions = {0, 5}, .flexible = 4};

  struct Assignment {
    std::string member_id;
    Bytes assignment;

    static void fields(auto&& f, auto& m) {
      f("MemberId", m.member_id);
      f("Assignment", m.assignment);
    }
    bool operator==(const Assignment&) const = default;
  };

  std::string group_id;
  std::int32_t generation_id = 0;
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  std::vector<Assignment> assignments;  // from the leader only

  static void fields(auto&& f, auto& m) {
    f("GroupId", m.group_id);
    f("GenerationId", m.generation_id);
    f("MemberId", m.member_id);
    f("GroupInstanceId", m.group_instance_id, since(3));
    f("ProtocolType", m.protocol_type, since(5).ignorable());
    f("ProtocolName", m.protocol_name, since(5).ignorable());
    f("Assignments", m.assignments);
  }
  bool operator==(const SyncGroupRequest&) const = default;
};

struct SyncGroupResponse {
  static constexpr Api api = SyncGroupRequest::api;

  std::int32_t throttle_time_ms = 0;
  std::int16_t error_code = 0;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  Bytes assignment;

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms, since(1).ignorable());
    f("ErrorCode", m.error_code);
    f("ProtocolType", m.protocol_type, since(5).ignorable());
    f("ProtocolName", m.protocol_name, since(5).ignorable());
    f("Assignment", m.assignment);
  }
  bool operator==(const SyncGroupResponse&) const = default;
};

}  // namespace shunt::protocol
