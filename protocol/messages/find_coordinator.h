// FindCoordinator (10): the broker in charge of a group or a transactional id. One key up to version 3, many from 4
// on (KIP-699).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/codec.h"
#include "protocol/ids.h"

namespace shunt::protocol {

struct FindCoordinatorResponse;

struct FindCoordinatorRequest {
  using Response = FindCoordinatorResponse;
  static constexpr Api api{.key = 10, .name = "FindCoordinator", .versions = {0, 6}, .flexible = 3};

  std::string key;
  std::int8_t key_type = 0;                   // 0: group, 1: transactional id, 2: share group partition
  std::vector<std::string> coordinator_keys;  // many at a time (KIP-699)

  static void fields(auto&& f, auto& m) {
    f("Key", m.key, until(3));
    f("KeyType", m.key_type, since(1));
    f("CoordinatorKeys", m.coordinator_keys, since(4));
  }
  bool operator==(const FindCoordinatorRequest&) const = default;
};

struct FindCoordinatorResponse {
  static constexpr Api api = FindCoordinatorRequest::api;

  struct Coordinator {
    std::string key;
    BrokerId node_id;  // -1 on errors
    std::string host;
    std::int32_t port = 0;
    std::int16_t error_code = 0;
    std::optional<std::string> error_message;

    static void fields(auto&& f, auto& m) {
      f("Key", m.key);
      f("NodeId", m.node_id);
      f("Host", m.host);
      f("Port", m.port);
      f("ErrorCode", m.error_code);
      f("ErrorMessage", m.error_message);
    }
    bool operator==(const Coordinator&) const = default;
  };

  std::int32_t throttle_time_ms = 0;
  std::int16_t error_code = 0;
  std::optional<std::string> error_message;
  BrokerId node_id;  // -1 on errors
  std::string host;
  std::int32_t port = 0;
  std::vector<Coordinator> coordinators;

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms, since(1).ignorable());
    f("ErrorCode", m.error_code, until(3));
    f("ErrorMessage", m.error_message, since(1).until(3).ignorable());
    f("NodeId", m.node_id, until(3));
    f("Host", m.host, until(3));
    f("Port", m.port, until(3));
    f("Coordinators", m.coordinators, since(4));
  }
  bool operator==(const FindCoordinatorResponse&) const = default;
};

}  // namespace shunt::protocol
