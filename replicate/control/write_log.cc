#include "replicate/control/write_log.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "protocol/messages/produce.h"
#include "protocol/messages/write_txn_markers.h"
#include "protocol/produce_frame.h"

namespace shunt::replicate {

namespace {

constexpr std::int16_t write_markers_version = 1;  // before transactions of KIP-890
constexpr std::int16_t all_in_sync = -1;

// The broker gives up after the request's own time-out and says so: only its silence counts.
constexpr auto silence = std::chrono::seconds(10);

}  // namespace

net::Awaitable<ProduceAnswer> write_log(Cluster& cluster, TopicPartition partition, std::vector<std::byte> batch,
                                        std::int32_t timeout_ms, protocol::Uuid topic_id) {
  const Topic::Partition* known = cluster.find_led(partition);
  if (known == nullptr) throw ClusterError(cluster.why_not_led(partition).reason);
  const protocol::BrokerId leader = known->leader;
  protocol::ProduceRequest request;
  request.acks = all_in_sync;
  request.timeout_ms = timeout_ms;
  auto& topic = request.topic_data.emplace_back();
  topic.name = partition.topic;
  topic.topic_id = topic_id;
  topic.partition_data.push_back({.index = partition.partition, .records = protocol::Records(std::move(batch))});
  const net::CallOptions options{
      .at_most_version = topic_id.is_zero() ? protocol::produce_by_name : protocol::produce_by_id,
      .timeout = std::chrono::milliseconds(timeout_ms) + silence};
  const protocol::ProduceResponse response = co_await cluster.write_to_broker(leader, std::move(request), options);
  if (response.responses.size() != 1 || response.responses.front().partition_responses.size() != 1) {
    throw ClusterError(cluster.alias() + " answered a Produce request for other partitions");
  }
  const auto& answered = response.responses.front().partition_responses.front();
  ProduceAnswer answer;
  answer.error_code = answered.error_code;
  answer.base_offset = answered.base_offset.value();
  answer.log_append_time_ms = answered.log_append_time_ms;
  answer.error_message = answered.error_message.value_or("");
  if (!answered.record_errors.empty()) {
    answer.record_index = answered.record_errors.front().batch_index;
    answer.record_message = answered.record_errors.front().batch_index_error_message.value_or("");
  }
  co_return answer;
}

net::Awaitable<std::int16_t> write_markers(Cluster& cluster, TopicPartition partition, Marker marker,
                                           std::int64_t count) {
  const Topic::Partition* known = cluster.find_led(partition);
  if (known == nullptr) throw ClusterError(cluster.why_not_led(partition).reason);
  const protocol::BrokerId leader = known->leader;
  protocol::WriteTxnMarkersRequest::Marker one;
  one.producer_id = marker.producer_id;
  one.producer_epoch = marker.producer_epoch;
  one.transaction_result = true;
  one.coordinator_epoch = marker.coordinator_epoch;
  one.topics.push_back({.name = partition.topic, .partition_indexes = {partition.partition}});
  protocol::WriteTxnMarkersRequest request;
  request.markers.assign(static_cast<std::size_t>(count), one);
  const net::CallOptions options{.at_most_version = write_markers_version, .timeout = {}};
  const protocol::WriteTxnMarkersResponse response =
      co_await cluster.write_to_broker(leader, std::move(request), options);
  // Whatever their number, they are one producer's.
  if (response.markers.size() != 1 || response.markers.front().topics.size() != 1 ||
      response.markers.front().topics.front().partitions.size() != 1) {
    throw ClusterError(cluster.alias() + " answered a WriteTxnMarkers request for other partitions");
  }
  co_return response.markers.front().topics.front().partitions.front().error_code;
}

}  // namespace shunt::replicate
