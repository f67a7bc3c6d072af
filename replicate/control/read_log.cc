#include "replicate/control/read_log.h"

#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "protocol/error.h"
#include "protocol/message_set.h"
#include "protocol/messages/fetch.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::MessageSetEntry;
using protocol::Offset;
using protocol::record_batch_header_size;
using protocol::RecordBatchHeader;

namespace errors = protocol::errors;

namespace {

constexpr std::int16_t last_version_by_name = 12;
constexpr std::int8_t current_magic = 2;
constexpr std::size_t at_magic = 16;  // in every format

constexpr Offset largest_offset{std::int64_t{1} << 62};  // no log gets there

/// The size of the batch of format 2 that `records` begin with; empty: not all of it is there.
std::optional<std::size_t> whole_batch_size(std::span<const std::byte> records) {
  if (records.size() < record_batch_header_size) return std::nullopt;
  const std::int64_t size = RecordBatchHeader::of(records).size();
  if (size < static_cast<std::int64_t>(record_batch_header_size) || size > static_cast<std::int64_t>(records.size()))
    return std::nullopt;
  return static_cast<std::size_t>(size);
}

/// Uncompressed messages are a batch together: one by one they would be rewritten one by one.
void append_old_entry(std::vector<LogBatch>& batches, const MessageSetEntry& entry, bool follows_uncompressed) {
  if (follows_uncompressed && !entry.is_wrapper()) {
    LogBatch& last = batches.back();
    last.bytes = {last.bytes.data(), last.bytes.size() + entry.bytes().size()};
    last.next_offset = entry.offset() + 1;
  } else {
    batches.push_back({.bytes = entry.bytes(), .kind = BatchKind::old_format, .next_offset = entry.offset() + 1});
  }
}

/// What is whole of `records`, in order. Throws std::runtime_error for headers that no log can have.
std::vector<LogBatch> whole_batches(std::span<const std::byte> records, AbortedTransactions aborted,
                                    const LoopGuard& loop_guard) {
  std::vector<LogBatch> batches;
  bool is_uncompressed = false;  // what the last batch is, in an old format
  while (records.size() > at_magic) {
    const auto magic = static_cast<std::int8_t>(records[at_magic]);
    std::size_t size = 0;
    if (magic == current_magic) {
      const auto whole = whole_batch_size(records);
      if (!whole) break;
      const RecordBatchHeader header = RecordBatchHeader::of(records);
      if (!header.is_plausible()) {
        throw std::runtime_error(fmt::format("a batch at offset {} with {} records and last offset delta {}",
                                             header.base_offset().value(), header.record_count(),
                                             header.last_offset_delta()));
      }
      size = *whole;
      const bool is_aborted = aborted.covers(header);
      batches.push_back({.bytes = records.first(size),
                         .kind = kind_of(header, is_aborted || loop_guard.meets(header)),
                         .next_offset = header.next_offset()});
      is_uncompressed = false;
    } else {
      std::string why;
      const auto entry = MessageSetEntry::of(records, why);
      if (!entry || magic < 0 || magic > protocol::newest_message_set_magic) break;
      if (entry->offset() < Offset(0) || entry->offset() > largest_offset)
        throw std::runtime_error(fmt::format("a message at offset {}", entry->offset().value()));
      size = entry->bytes().size();
      append_old_entry(batches, *entry, is_uncompressed);
      is_uncompressed = !entry->is_wrapper();
    }
    records = records.subspan(size);
  }
  return batches;
}

}  // namespace

Awaitable<LogStretch> read_log(Cluster& cluster, TopicPartition partition, Offset offset, std::int32_t bytes,
                               Isolation isolation, std::int32_t max_wait_ms, SourceLog of, LoopGuard loop_guard) {
  const Topic::Partition* known = cluster.find_led(partition);
  LogStretch stretch;
  if (known == nullptr) {
    stretch.error_code = cluster.why_not_led(partition).error_code;
    co_return stretch;
  }
  const protocol::Uuid id = cluster.find_topic(partition.topic)->id;
  if (!of.topic_id.is_zero() && id != of.topic_id) {
    stretch.error_code = errors::unknown_topic_or_partition;
    co_return stretch;
  }
  if (of.leader_epoch >= protocol::LeaderEpoch(0) && known->leader_epoch != of.leader_epoch) {
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
  topic.topic_id = id;
  auto& asked = topic.partitions.emplace_back();
  asked.partition = partition.partition;
  asked.current_leader_epoch = known->leader_epoch;
  asked.fetch_offset = offset;
  asked.partition_max_bytes = bytes;
  net::CallOptions options;
  if (id.is_zero()) options.at_most_version = last_version_by_name;
  auto response = co_await cluster.call_broker(leader, std::move(request), options);
  if (response.responses.size() != 1 || response.responses.front().partitions.size() != 1) {
    stretch.error_code = response.error_code;
    // Over quota the answer is empty, and the connection is throttled (KIP-219). That is not the end of the log.
    if (response.error_code == 0 && response.throttle_time_ms > 0)
      stretch.error_code = errors::throttling_quota_exceeded;
    if (stretch.error_code != 0) co_return stretch;
    throw ClusterError(fmt::format("{} answered a fetch of {} with nothing", cluster.alias(), partition.to_string()));
  }
  auto& answered = response.responses.front().partitions.front();
  stretch.error_code = answered.error_code;
  if (stretch.error_code == errors::unknown_topic_id) stretch.error_code = errors::unknown_topic_or_partition;
  stretch.log_start = answered.log_start_offset;
  stretch.high_watermark = answered.high_watermark;
  stretch.last_stable_offset = answered.last_stable_offset;
  if (answered.records) stretch.records = std::move(*answered.records);
  AbortedTransactions aborted;
  if (answered.aborted_transactions) aborted.start(*answered.aborted_transactions);
  try {
    stretch.batches = whole_batches(stretch.records, std::move(aborted), loop_guard);
  } catch (const std::runtime_error& error) {
    throw ClusterError(fmt::format("{} sent {} of {}", cluster.alias(), error.what(), partition.to_string()));
  }
  co_return stretch;
}

}  // namespace shunt::replicate
