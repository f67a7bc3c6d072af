// DescribeCluster (60): the brokers of a cluster and its id, without topics (KIP-700).
//
// Versions: 1 controllers as endpoints; 2 fenced brokers.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "protocol/codec.h"
#include "protocol/ids.h"

namespace shunt::protocol {

struct DescribeClusterResponse;

struct DescribeClusterRequest {
  using Response = DescribeClusterResponse;
  static constexpr Api api{.key = 60, .name = "DescribeCluster", .versions = {0, 2}, .flexible = 0};

  bool include_cluster_authorized_operations = false;
  std::int8_t endpoint_type = 1;        // 1: brokers, 2: controllers (KIP-919)
  bool include_fenced_brokers = false;  // KIP-1073

  static void fields(auto&& f, auto& m) {
    f("IncludeClusterAuthorizedOperations", m.include_cluster_authorized_operations);
    f("EndpointType", m.endpoint_type, since(1));
    f("IncludeFencedBrokers", m.include_fenced_brokers, since(2));
  }
  bool operator==(const DescribeClusterRequest&) const = default;
};

struct DescribeClusterResponse {
  static constexpr Api api = DescribeClusterRequest::api;

  struct Broker {
    BrokerId broker_id;
    std::string host;
    std::int32_t port = 0;
    std::optional<std::string> rack;
    bool is_fenced = false;

    static void fields(auto&& f, auto& m) {
      f("BrokerId", m.broker_id);
      f("Host", m.host);
      f("Port", m.port);
      f("Rack", m.rack);
      f("IsFenced", m.is_fenced, since(2));
    }
    bool operator==(const Broker&) const = default;
  };

  std::int32_t throttle_time_ms = 0;
  std::int16_t error_code = 0;
  std::optional<std::string> error_message;
  std::int8_t endpoint_type = 1;  // 1: brokers, 2: controllers
  std::string cluster_id;
  BrokerId controller_id{-1};  // from a broker: any live broker; from a controller: the leader of the quorum
  std::vector<Broker> brokers;
  // Bit field by AclOperation number; the default: not asked for.
  std::int32_t cluster_authorized_operations = std::numeric_limits<std::int32_t>::min();

  static void fields(auto&& f, auto& m) {
    f("ThrottleTimeMs", m.throttle_time_ms);
    f("ErrorCode", m.error_code);
    f("ErrorMessage", m.error_message);
    f("EndpointType", m.endpoint_type, since(1));
    f("ClusterId", m.cluster_id);
    f("ControllerId", m.controller_id);
    f("Brokers", m.brokers);
    f("ClusterAuthorizedOperations", m.cluster_authorized_operations);
  }
  bool operator==(const DescribeClusterResponse&) const = default;
};

}  // namespace shunt::protocol
