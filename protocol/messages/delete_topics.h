// DeleteTopics (20). By name up to version 5, by name or topic id from 6 on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/codec.h"

namespace shunt::protocol {

struct DeleteTopicsResponse;

struct DeleteTopicsRequest {
  using Response = DeleteTopicsResponse;
  static constexpr Api api{.key = 20, .name = "DeleteTopics", .versions = {1, 6}, .flexible = 4};

  struct Topic {
    std::optional<std::string> name;  // null: by topic id
    Uuid topic_id;

    static void fields(auto&& f, auto& m) {
      f("Name", m.name);
      f("TopicId", m.topic_id);
    }
    bool operator==(const Topic&) const = default;
  };

  std::vector<Topic> topics;
  std::vector<std::string> topic_names;
  std::int32_t timeout_ms = 0;

  static void fields(auto&& f, auto& m) {
    f("Topics", m.topics, since(6));
    f("TopicNames", m.topic_names, until(5).ignorable());
    f("TimeoutMs", m.timeout_ms);
  }
  bool operator==(const DeleteTopicsRequest&) const = default;
};

struct DeleteTopicsResponse {
  static constexpr Api api = DeleteTopicsRequest::api;

  struct Topic {
    std::optional<std::string> name;  // null: asked by an id that the broker does not know
    Uuid topic_id;
    std::int16_t error_code = 0;
    std::optional<std::string> error_message;

    static void fields(auto&& f, auto& m) {
      f("Name", m.name, nullable_since(6));
      f("TopicId", m.topic_id, since(6).ignorable());
      f("ErrorCode", m.error_code);
      f("ErrorMessage", m.error_message, since(5).ignorable());
    }
    bool operator==(const Topic&) const = default;
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> responses;

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms);
    f("Responses", m.responses);
  }
  bool operator==(const DeleteTopicsResponse&) const = default;
};

}  // namespace shunt::protocol
