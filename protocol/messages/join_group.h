// JoinGroup (11): enters a group of the classic protocol and learns who leads it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/codec.h"

namespace shunt::protocol {

struct JoinGroupResponse;

struct JoinGroupRequest {
  using Response = JoinGroupResponse;
  static constexpr Api api{.key = 11, .name = "JoinGroup", .versions = {0, 9}, .flexible = 6};

  struct Protocol {
    std::string name;
    Bytes metadata;

    static void fields(auto&& f, auto& m) {
      f("Name", m.name);
      f("Metadata", m.metadata);
    }
    bool operator==(const Protocol&) const = default;
  };

  std::string group_id;
  std::int32_t session_timeout_ms = 0;
  std::int32_t rebalance_timeout_ms = -1;        // version 0 has the session timeout for both
  std::string member_id;                         // empty at first; MEMBER_ID_REQUIRED then gives one (KIP-394)
  std::optional<std::string> group_instance_id;  // static membership (KIP-345)
  std::string protocol_type;
  std::vector<Protocol> protocols;    // most wanted first
  std::optional<std::string> reason;  // KIP-800

  static void fields(auto&& f, auto& m) {
    f("GroupId", m.group_id);
    f("SessionTimeoutMs", m.session_timeout_ms);
    f("RebalanceTimeoutMs", m.rebalance_timeout_ms, since(1).ignorable());
    f("MemberId", m.member_id);
    f("GroupInstanceId", m.group_instance_id, since(5));
    f("ProtocolType", m.protocol_type);
    f("Protocols", m.protocols);
    f("Reason", m.reason, since(8).ignorable());
  }
  bool operator==(const JoinGroupRequest&) const = default;
};

struct JoinGroupResponse {
  static constexpr Api api = JoinGroupRequest::api;

  struct Member {
    std::string member_id;
    std::optional<std::string> group_instance_id;
    Bytes metadata;

    static void fields(auto&& f, auto& m) {
      f("MemberId", m.member_id);
      f("GroupInstanceId", m.group_instance_id, since(5).ignorable());
      f("Metadata", m.metadata);
    }
    bool operator==(const Member&) const = default;
  };

  std::int32_t throttle_time_ms = 0;
  std::int16_t error_code = 0;
  std::int32_t generation_id = -1;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  std::string leader;
  bool skip_assignment = false;  // the leader has come back: nobody is to be assigned anew (KIP-814)
  std::string member_id;
  std::vector<Member> members;  // for the leader only

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms, since(2).ignorable());
    f("ErrorCode", m.error_code);
    f("GenerationId", m.generation_id);
    f("ProtocolType", m.protocol_type, since(7).ignorable());
    f("ProtocolName", m.protocol_name, nullable_since(7));
    f("Leader", m.leader);
    f("SkipAssignment", m.skip_assignment, since(9));
    f("MemberId", m.member_id);
    f("Members", m.members);
  }
  bool operator==(const JoinGroupResponse&) const = default;
};

}  // namespace shunt::protocol
