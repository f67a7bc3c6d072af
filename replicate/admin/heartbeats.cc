#include "replicate/admin/heartbeats.h"

#include <utility>

#include "net/machine.h"
#include "replicate/heartbeat.h"

namespace shunt::replicate {

Heartbeats::Heartbeats(Cluster& target, const HeartbeatsSettings& settings)
    : settings_(settings),
      topic_(target, {.name = heartbeats_topic,
                      .holds = "heartbeats",
                      .replication_factor = settings.replication_factor,
                      .produce_timeout_ms = settings.produce_timeout_ms}) {}

net::Awaitable<> Heartbeats::perform() {
  co_await topic_.ensure();
  const Heartbeat heartbeat{.source = settings_.source, .target = settings_.target, .timestamp_ms = net::unix_ms()};
  protocol::RecordBatchBuilder records(protocol::Codec::none);
  records.append(heartbeat.timestamp_ms, heartbeat.key(), heartbeat.value());
  co_await topic_.append(protocol::PartitionIndex(0), records);
}

}  // namespace shunt::replicate
