// Heartbeat (12): keeps a member of a classic group alive; REBALANCE_IN_PROGRESS tells it to join again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "protocol/codec.h"

namespace shunt::protocol {

struct HeartbeatResponse;

struct HeartbeatRequest {
  using Response = HeartbeatResponse;
  static constexpr Api api{.key = 12, .name = "Heartbeat", .versions = {0, 4}, .flexible = 4};

  std::string group_id;
  std::int32_t generation_id = 0;
  std::string member_id;
  std::optional<std::string> group_instance_id;

  static void fields(auto&& f, auto& m) {
    f("GroupId", m.group_id);
    f("GenerationId", m.generation_id);
    f("MemberId", m.member_id);
    f("GroupInstanceId", m.group_instance_id, since(3));
  }
  bool operator==(const HeartbeatRequest&) const = default;
};

struct HeartbeatResponse {
  static constexpr Api api = HeartbeatRequest::api;

  std::int32_t throttle_time_ms = 0;
  std::int16_t error_code = 0;

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms, since(1).ignorable());
    f("ErrorCode", m.error_code);
  }
  bool operator==(const HeartbeatResponse&) const = default;
};

}  // namespace shunt::protocol
