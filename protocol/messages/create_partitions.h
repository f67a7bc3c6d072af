// CreatePartitions (37): adds partitions to topics (KIP-195).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/codec.h"
#include "protocol/ids.h"

namespace shunt::protocol {

struct CreatePartitionsResponse;

struct CreatePartitionsRequest {
  using Response = CreatePartitionsResponse;
  static constexpr Api api{.key = 37, .name = "CreatePartitions", .versions = {0, 3}, .flexible = 2};

  struct Assignment {
    std::vector<BrokerId> broker_ids;

    static void fields(auto&& f, auto& m) { f("BrokerIds", m.broker_ids); }
    bool operator==(const Assignment&) const = default;
  };

  struct Topic {
    std::string name;
    std::int32_t count = 0;                              // in all, not more
    std::optional<std::vector<Assignment>> assignments;  // null: the broker chooses

    static void fields(auto&& f, auto& m) {
      f("Name", m.name);
      f("Count", m.count);
      f("Assignments", m.assignments);
    }
    bool operator==(const Topic&) const = default;
  };

  std::vector<Topic> topics;
  std::int32_t timeout_ms = 0;
  bool validate_only = false;

  static void fields(auto&& f, auto& m) {
    f("Topics", m.topics);
    f("TimeoutMs", m.timeout_ms);
    f("ValidateOnly", m.validate_only);
  }
  bool operator==(const CreatePartitionsRequest&) const = default;
};

struct CreatePartitionsResponse {
  static constexpr Api api = CreatePartitionsRequest::api;

  struct Result {
    std::string name;
    std::int16_t error_code = 0;
    std::optional<std::string> error_message;

    static void fields(auto&& f, auto& m) {
      f("Name", m.name);
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
  bool operator==(const CreatePartitionsResponse&) const = default;
};

}  // namespace shunt::protocol
