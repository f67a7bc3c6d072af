#include "replicate/control/connect_offsets.h"

#include <functional>
#include <utility>

#include <fmt/format.h>

#include "replicate/connect_offset.h"
#include "replicate/control/log_cursor.h"
#include "replicate/control/own_topic.h"
#include "replicate/own_header.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::PartitionIndex;

namespace {

Awaitable<ConnectOffsets> read(Cluster& target, const ConnectOffsetsSettings& settings) {
  ConnectOffsets offsets;
  OwnTopic topic(target, {.name = settings.topic, .holds = "MirrorMaker 2's positions"});
  const bool is_there = co_await topic.find();
  if (!is_there) co_return offsets;
  const std::function<void(const protocol::Record&)> visit = [&](const protocol::Record& record) {
    if (!record.key) return;
    const auto position = ConnectOffset::parse(*record.key, record.value);
    if (!position || position->connector != settings.connector || position->cluster != settings.source) return;
    const TopicPartition partition{position->topic, position->partition};
    if (position->next && !is_own(record)) {
      offsets[partition] = *position->next;
    } else {
      offsets.erase(partition);
    }
  };
  const auto partitions = static_cast<std::int32_t>(target.find_topic(settings.topic)->partitions.size());
  for (std::int32_t index = 0; index < partitions; ++index) co_await topic.read(PartitionIndex(index), visit);
  co_return offsets;
}

}  // namespace

Awaitable<ConnectOffsets> read_connect_offsets(Cluster& target, ConnectOffsetsSettings settings) {
  try {
    co_return co_await read(target, settings);
  } catch (const net::BrokerError& error) {
    throw ClusterError(fmt::format("positions of MirrorMaker 2 cannot be read: {}", error.what()));
  } catch (const LogError& error) {
    throw ClusterError(fmt::format("positions of MirrorMaker 2 cannot be read: {}", error.what()), error.is_damaged());
  }
}

}  // namespace shunt::replicate
