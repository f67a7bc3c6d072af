#include "replicate/admin/heartbeats.h"

#include <span>
#include <utility>
#include <vector>

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
  if (!is_found_) co_await topic_.create();
  // Until it is known that this one went well.
  is_found_ = false;
  const Heartbeat heartbeat{.source = settings_.source, .target = settings_.target, .timestamp_ms = net::unix_ms()};
  const std::vector<std::byte> key = heartbeat.key();
  const std::vector<std::byte> value = heartbeat.value();
  protocol::RecordBatchBuilder records(protocol::Codec::none);
  records.append({.offset = protocol::Offset(0),
                  .timestamp_ms = heartbeat.timestamp_ms,
                  .key = std::span<const std::byte>(key),
                  .value = std::span<const std::byte>(value),
                  .headers = protocol::no_headers});
  co_await topic_.append(protocol::PartitionIndex(0), records);
  is_found_ = true;
}

}  // namespace shunt::replicate
