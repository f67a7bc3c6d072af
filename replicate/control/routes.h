// Finds the two brokers that a flow runs between, with addresses under which they were reached. Made for one round of
// assignments: a broker's address is looked up once.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "replicate/control/cluster.h"
#include "replicate/data/flow.h"

namespace shunt::replicate {

struct FoundRoute {
  std::optional<Route> route;
  // No route:
  std::string reason;
  bool is_source_stale = false;  // what is known of that cluster does not lead to a broker: ask it again
  bool is_target_stale = false;
};

class Routes {
 public:
  /// The clusters must outlive it.
  Routes(Cluster& source, Cluster& target) : source_{source, {}}, target_{target, {}} {}

  /// From what the clusters said last; connects to brokers. Throws nothing of theirs.
  net::Awaitable<FoundRoute> find(const FlowSpec& flow);

 private:
  struct Side {
    Cluster& cluster;
    std::map<protocol::BrokerId, net::Endpoint> reached;
  };
  static net::Awaitable<std::optional<Route::Side>> find(Side& side, TopicPartition partition, std::string& why);

  Side source_;
  Side target_;
};

}  // namespace shunt::replicate
