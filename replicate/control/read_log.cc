#include "replicate/control/read_log.h"

#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "protocol/error.h"
#include "protocol/messages/fetch.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;
using protocol::record_batch_header_size;
using protocol::RecordBatchHeader;

namespace errors = protocol::errors;

namespace {

constexpr std::int16_t last_version_with_topic_names = 11;  // and the last non-flexible one
constexpr std::int8_t current_magic = 2;

/// The size of the batch that `records` begin with; empty: not all of it is there, or it is of another format.
std::optional<std::size_t> whole_batch_size(std::span<const std::byte> records) {
  if (records.size() < record_batch_header_size) return std::nullopt;
  const RecordBatchHeader header = RecordBatchHeader::of(records);
  const std::int64_t size = header.size();
  if (header.magic() != current_magic || size < static_cast<std::int64_t>(record_batch_header_size) ||
      size > static_cast<std::int64_t>(records.size())) {
    return std::nullopt;
  }
  return static_cast<std::size_t>(size);
}

}  // namespace

Awaitable<LogStretch> read_log(Cluster& cluster, TopicPartition partition, Offset offset, std::int32_t bytes,
                               Isolation isolation, std::int32_t max_wait_ms) {
  const Topic::Partition* known = cluster.find_led(partition);
  LogStretch stretch;
  if (known == nullptr) {
    stretch.error_code = errors::not_leader_or_follower;
    co_return stretch;
  }
  const protocol::BrokerId leader = known->leader;
  protocol::FetchRequest request;
  request.max_wait_ms = max_wait_ms;
  request.min_bytes = 1;
  request.max_bytes = bytes;
  request.isolation_level = static_cast<std::int8_t>(isolation);
  auto& topic = request.topics.emplace_back();
  topic.topic = partition.topic;
  auto& asked = topic.partitions.emplace_back();
  asked.partition = partition.partition;
  asked.current_leader_epoch = known->leader_epoch;
  asked.fetch_offset = offset;
  asked.partition_max_bytes = bytes;
  const net::CallOptions options{.at_most_version = last_version_with_topic_names, .timeout = {}};
  auto response = co_await cluster.call_broker(leader, std::move(request), options);
  if (response.responses.size() != 1 || response.responses.front().partitions.size() != 1) {
    // Over quota the answer is empty, and the connection is throttled (KIP-219). That is not the end of the log.
    stretch.error_code = response.error_code != 0 ? response.error_code : errors::throttling_quota_exceeded;
    co_return stretch;
  }
  auto& answered = response.responses.front().partitions.front();
  stretch.error_code = answered.error_code;
  stretch.log_start = answered.log_start_offset;
  stretch.high_watermark = answered.high_watermark;
  stretch.last_stable_offset = answered.last_stable_offset;
  if (answered.records) stretch.records = std::move(*answered.records);
  AbortedTransactions aborted;
  if (answered.aborted_transactions) aborted.start(*answered.aborted_transactions);
  std::span<const std::byte> left = stretch.records;
  while (const auto size = whole_batch_size(left)) {
    const RecordBatchHeader header = RecordBatchHeader::of(left);
    if (!header.is_plausible()) {
      throw ClusterError(fmt::format("{} sent a batch of {} at offset {} with {} records and last offset delta {}",
                                     cluster.alias(), partition.to_string(), header.base_offset().value(),
                                     header.record_count(), header.last_offset_delta()));
    }
    stretch.batches.push_back({.bytes = left.first(*size), .kind = kind_of(header, aborted.covers(header))});
    left = left.subspan(*size);
  }
  co_return stretch;
}

}  // namespace shunt::replicate
