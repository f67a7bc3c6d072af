#include "replicate/control/routes.h"

#include <utility>

#include "protocol/error.h"

namespace shunt::replicate {

using net::Awaitable;

Awaitable<FoundRoute> Routes::find(const FlowSpec& flow) {
  FoundRoute found;
  // Named, not temporaries: g++ 12 destroys a braced temporary in a co_await expression twice.
  const TopicPartition source_partition{flow.source_topic, flow.partition};
  const TopicPartition target_partition{flow.target_topic, flow.partition};
  const auto source = co_await find(source_, source_partition, found);
  if (!source) co_return found;
  const auto target = co_await find(target_, target_partition, found);
  if (!target) co_return found;
  found.route = Route{.source = *source, .target = *target};
  co_return found;
}

Awaitable<std::optional<Route::Side>> Routes::find(Side& side, TopicPartition partition, FoundRoute& found) {
  const Topic::Partition* known = side.cluster.find_led(partition);
  if (known == nullptr) {
    Cluster::NoLeader missing = side.cluster.why_not_led(partition);
    found.condition = protocol::is_authorization_failure(missing.error_code) ? side.unauthorized : side.without_leader;
    found.reason = std::move(missing.reason);
    co_return std::nullopt;
  }
  const Topic::Partition leader = *known;  // the pointer does not outlive a refresh
  auto place = side.reached.find(leader.leader);
  if (place == side.reached.end()) {
    try {
      const Cluster::BrokerPlace reached = co_await side.cluster.find_place(leader.leader);
      place = side.reached.emplace(leader.leader, reached).first;
    } catch (const net::BrokerError& error) {
      found.condition = error.is_refusal() ? side.refused : side.unreachable;
      found.reason = error.what();
      co_return std::nullopt;
    } catch (const std::exception& error) {
      found.condition = side.unreachable;
      found.reason = error.what();
      co_return std::nullopt;
    }
  }
  co_return Route::Side{.broker = leader.leader,
                        .endpoint = place->second.endpoint,
                        .host = place->second.host,
                        .leader_epoch = leader.leader_epoch};
}

}  // namespace shunt::replicate
