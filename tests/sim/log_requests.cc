// What brokers are asked about logs, Fetch aside.
#include <algorithm>

#include "protocol/error.h"
#include "protocol/messages/delete_records.h"
#include "protocol/messages/describe_producers.h"
#include "protocol/messages/list_offsets.h"
#include "protocol/messages/offset_for_leader_epoch.h"
#include "protocol/messages/produce.h"
#include "protocol/messages/write_txn_markers.h"
#include "tests/sim/fake_cluster.h"
#include "tests/sim/records.h"

namespace shunt::sim {

using namespace protocol;  // NOLINT(google-build-using-namespace): a broker speaks of nothing else

namespace {

constexpr std::int16_t request_timed_out = 7;
constexpr std::int16_t not_enough_replicas = 19;
constexpr std::int16_t kafka_storage_error = 56;
constexpr std::int16_t out_of_order_sequence_number = 45;

constexpr std::int16_t last_fetch_by_name = 12;
constexpr std::int16_t last_produce_by_name = 12;

constexpr std::int64_t latest = -1;
constexpr std::int64_t earliest = -2;
constexpr std::int64_t understated_offsets = 10;

/// The first record of that time or a later one; -1: there is none.
std::int64_t first_at(const PartitionLog& log, std::int64_t time_ms) {
  for (const StoredBatch& batch : log.batches()) {
    BatchShape shape;
    for (const SimRecord& record : decode_batch(batch.bytes, shape)) {
      if (record.offset >= log.start() && record.timestamp_ms >= time_ms) return record.offset;
    }
  }
  return -1;
}

}  // namespace

void FakeCluster::serve_logs() {
  serve<ProduceRequest>(&FakeCluster::handle_produce);
  serve<WriteTxnMarkersRequest>(&FakeCluster::handle_markers);
  serve<DeleteRecordsRequest>(&FakeCluster::handle_delete);
  serve<ListOffsetsRequest>(&FakeCluster::handle_list_offsets);
  serve<OffsetForLeaderEpochRequest>(&FakeCluster::handle_epoch_ends);
  serve<DescribeProducersRequest>(&FakeCluster::handle_producers);
  apis_[FetchRequest::api.key] = {.api = FetchRequest::api,
                                  .execute = [this](const Call& call, auto body) { handle_fetch(call, body); }};
}

void FakeCluster::limit_to_names() {
  apis_.at(FetchRequest::api.key).api.versions.max = last_fetch_by_name;
  apis_.at(ProduceRequest::api.key).api.versions.max = last_produce_by_name;
}

ProduceResponse FakeCluster::handle_produce(const Call& call, const ProduceRequest& request) {
  ProduceResponse response;
  for (const auto& topic : request.topic_data) {
    auto& answered = response.responses.emplace_back();
    answered.name = topic.name;
    answered.topic_id = topic.topic_id;
    const std::string name = topic.topic_id.is_zero() ? topic.name : name_of(topic.topic_id);
    for (const auto& partition : topic.partition_data) {
      auto& entry = answered.partition_responses.emplace_back();
      entry.index = partition.index;
      entry.error_code = name.empty() ? errors::unknown_topic_id : check_leader(call.broker(), name, partition.index);
      if (entry.error_code == 0 && world_.chance(faults.retriable_error)) {
        entry.error_code = world_.chance(0.5) ? not_enough_replicas : kafka_storage_error;
      }
      if (entry.error_code != 0) continue;
      const auto outcome = find(name, partition.index)->produce(partition.records.value());
      entry.error_code = outcome.error;
      entry.base_offset = Offset(outcome.base);
      // The tell-tale of a duplicate; a batch that was appended has none where times are the producers'.
      entry.log_append_time_ms = outcome.is_duplicate ? world_.unix_ms() : -1;
      counters.duplicates += outcome.is_duplicate ? 1 : 0;
      counters.appended += outcome.error == 0 && !outcome.is_duplicate ? 1 : 0;
      counters.out_of_order += outcome.error == out_of_order_sequence_number ? 1 : 0;
      if (outcome.error == 0 && world_.chance(faults.timed_out_after_append)) entry.error_code = request_timed_out;
    }
    // Answers come in any order, not that of the request.
    if (world_.chance(0.5)) std::ranges::reverse(answered.partition_responses);
  }
  wake_fetches();
  return response;
}

WriteTxnMarkersResponse FakeCluster::handle_markers(const Call& call, const WriteTxnMarkersRequest& request) {
  WriteTxnMarkersResponse response;
  for (const auto& marker : request.markers) {
    const auto same =
        std::ranges::find(response.markers, marker.producer_id, &WriteTxnMarkersResponse::Marker::producer_id);
    const bool is_merged = same != response.markers.end();
    auto& answered = is_merged ? *same : response.markers.emplace_back();
    answered.producer_id = marker.producer_id;
    for (const auto& topic : marker.topics) {
      for (const PartitionIndex partition : topic.partition_indexes) {
        std::int16_t error = check_leader(call.broker(), topic.name, partition);
        if (!lets_write_markers) error = errors::cluster_authorization_failed;
        if (error == 0) {
          // Told before: who hears of the marker wants to know.
          if (call.is_late && on_late_marker) on_late_marker({topic.name, partition.value()});
          const auto outcome = find(topic.name, partition)
                                   ->write_marker(marker.producer_id.value(), marker.producer_epoch.value(),
                                                  marker.coordinator_epoch, marker.transaction_result);
          error = outcome.error;
          counters.markers += error == 0 ? 1 : 0;
          counters.late_markers += error == 0 && call.is_late ? 1 : 0;
          counters.fenced += error != 0 ? 1 : 0;
        }
        if (is_merged) {
          std::int16_t& first = answered.topics.front().partitions.front().error_code;
          first = first == 0 ? error : first;
        } else {
          answered.topics.push_back(
              {.name = topic.name, .partitions = {{.partition_index = partition, .error_code = error}}});
        }
      }
    }
  }
  wake_fetches();
  return response;
}

DeleteRecordsResponse FakeCluster::handle_delete(const Call& call, const DeleteRecordsRequest& request) {
  DeleteRecordsResponse response;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    for (const auto& partition : topic.partitions) {
      auto& entry = answered.partitions.emplace_back();
      entry.partition_index = partition.partition_index;
      entry.low_watermark = Offset(-1);
      entry.error_code = check_leader(call.broker(), topic.name, partition.partition_index);
      if (entry.error_code != 0) continue;
      PartitionLog& log = *find(topic.name, partition.partition_index);
      if (!lets_delete_records) {
        entry.error_code = errors::policy_violation;
      } else if (partition.offset > Offset(log.end())) {
        entry.error_code = errors::offset_out_of_range;
      } else {
        log.delete_before(partition.offset.value());
        entry.low_watermark = Offset(log.start());
      }
    }
  }
  return response;
}

ListOffsetsResponse FakeCluster::handle_list_offsets(const Call& call, const ListOffsetsRequest& request) {
  ListOffsetsResponse response;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    for (const auto& partition : topic.partitions) {
      auto& entry = answered.partitions.emplace_back();
      entry.partition_index = partition.partition_index;
      entry.error_code =
          check_leader(call.broker(), topic.name, partition.partition_index, partition.current_leader_epoch.value());
      if (entry.error_code != 0) continue;
      const PartitionLog& log = *find(topic.name, partition.partition_index);
      if (partition.timestamp == earliest) entry.offset = Offset(log.start());
      if (partition.timestamp == latest) {
        const bool is_committed_only = request.isolation_level == 1 && !misstates_stable_ends;
        const std::int64_t end = is_committed_only ? log.last_stable_offset() : log.end();
        entry.offset = Offset(understates_ends ? std::max(log.start(), end - understated_offsets) : end);
      }
      if (partition.timestamp >= 0) entry.offset = Offset(first_at(log, partition.timestamp));
    }
  }
  return response;
}

OffsetForLeaderEpochResponse FakeCluster::handle_epoch_ends(const Call& call,
                                                            const OffsetForLeaderEpochRequest& request) {
  OffsetForLeaderEpochResponse response;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.topic = topic.topic;
    for (const auto& partition : topic.partitions) {
      auto& entry = answered.partitions.emplace_back();
      entry.partition = partition.partition;
      entry.error_code =
          check_leader(call.broker(), topic.topic, partition.partition, partition.current_leader_epoch.value());
      if (entry.error_code != 0) continue;
      const PartitionLog& log = *find(topic.topic, partition.partition);
      const auto [epoch, end] = log.epoch_end(partition.leader_epoch.value());
      entry.leader_epoch = misstates_epoch_ends ? partition.leader_epoch : LeaderEpoch(epoch);
      entry.end_offset = Offset(misstates_epoch_ends ? log.end() : end);
    }
  }
  return response;
}

DescribeProducersResponse FakeCluster::handle_producers(const Call& call, const DescribeProducersRequest& request) {
  DescribeProducersResponse response;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    for (const PartitionIndex partition : topic.partition_indexes) {
      auto& entry = answered.partitions.emplace_back();
      entry.partition_index = partition;
      entry.error_code = check_leader(call.broker(), topic.name, partition);
      if (entry.error_code != 0) continue;
      for (const auto& [id, state] : find(topic.name, partition)->producers()) {
        auto& producer = entry.active_producers.emplace_back();
        producer.producer_id = ProducerId(id);
        producer.producer_epoch = state.epoch;
        producer.last_sequence = state.last_sequence;
        producer.coordinator_epoch = state.coordinator_epoch;
        producer.current_txn_start_offset = Offset(state.open_since);
      }
    }
  }
  return response;
}

}  // namespace shunt::sim
