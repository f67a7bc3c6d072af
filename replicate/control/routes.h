// Finds the two brokers that a flow runs between, with addresses under which they were reached. Made for one round of
// assignments: a broker's address is looked up once.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "replicate/condition.h"
#include "replicate/control/cluster.h"
#include "replicate/data/flow.h"

namespace shunt::replicate {

struct FoundRoute {
  std::optional<Route> route;
  // No route: what is known of one of the clusters does not lead to a broker. It is to be asked again.
  std::string reason;
  Condition condition{};  // of one of the clusters: its leader, rights, unreachable, or authentication

  [[nodiscard]] bool is_source_stale() const {
    return condition == Condition::source_leader || condition == Condition::source_unauthorized ||
           condition == Condition::source_unreachable || condition == Condition::source_authentication;
  }
};

class Routes {
 public:
  /// The clusters must outlive it.
  Routes(Cluster& source, Cluster& target)
      : source_{.cluster = source,
                .without_leader = Condition::source_leader,
                .unauthorized = Condition::source_unauthorized,
                .unreachable = Condition::source_unreachable,
                .refused = Condition::source_authentication,
                .reached = {}},
        target_{.cluster = target,
                .without_leader = Condition::target_leader,
                .unauthorized = Condition::target_unauthorized,
                .unreachable = Condition::target_unreachable,
                .refused = Condition::target_authentication,
                .reached = {}} {}

  /// From what the clusters said last; connects to brokers. Throws nothing of theirs.
  net::Awaitable<FoundRoute> find(const FlowSpec& flow);

 private:
  struct Side {
    Cluster& cluster;
    Condition without_leader;
    Condition unauthorized;
    Condition unreachable;
    Condition refused;
    std::map<protocol::BrokerId, Cluster::BrokerPlace> reached;
  };
  static net::Awaitable<std::optional<Route::Side>> find(Side& side, TopicPartition partition, FoundRoute& found);

  Side source_;
  Side target_;
};

}  // namespace shunt::replicate
