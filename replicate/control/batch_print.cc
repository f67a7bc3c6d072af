#include "replicate/control/batch_print.h"

#include <algorithm>

#include <fmt/format.h>
#include <xxhash.h>

#include "protocol/messages/fetch.h"
#include "protocol/record_batch.h"
#include "replicate/control/ask_leaders.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::BrokerId;
using protocol::FetchRequest;
using protocol::Offset;
using protocol::record_batch_header_size;
using protocol::RecordBatchHeader;

namespace {

constexpr std::int16_t last_version_with_topic_names = 11;  // and the last non-flexible one
constexpr std::int8_t current_magic = 2;
constexpr std::size_t magic_position = 16;

constexpr std::size_t partitions_per_request = 64;
constexpr std::size_t most_requests = 4;
constexpr std::int32_t response_bytes = 512 * 1024;
constexpr std::int32_t partition_bytes = 32 * 1024;

/// A whole batch of the current format may be there, but its end is not.
bool is_cut_off(std::span<const std::byte> records) {
  if (records.size() > magic_position && static_cast<std::int8_t>(records[magic_position]) != current_magic)
    return false;
  if (records.size() < record_batch_header_size) return true;
  return RecordBatchHeader(records.first<record_batch_header_size>()).size() >
         static_cast<std::int64_t>(records.size());
}

}  // namespace

std::optional<BatchPrint> BatchPrint::of(std::span<const std::byte> records, std::string& why) {
  if (records.size() > magic_position && static_cast<std::int8_t>(records[magic_position]) != current_magic) {
    why = fmt::format("it is in the old message format {}", static_cast<int>(records[magic_position]));
    return {};
  }
  if (is_cut_off(records)) {
    why = "it is cut off";
    return {};
  }
  const RecordBatchHeader header(records.first<record_batch_header_size>());
  if (header.size() < static_cast<std::int64_t>(record_batch_header_size) || header.last_offset_delta() < 0 ||
      header.record_count() < 0) {
    why = fmt::format("its header is malformed (size {}, last offset delta {}, {} records)", header.size(),
                      header.last_offset_delta(), header.record_count());
    return {};
  }
  const std::span<const std::byte> payload =
      records.first(static_cast<std::size_t>(header.size())).subspan(record_batch_header_size);
  const XXH128_hash_t digest = XXH3_128bits(payload.data(), payload.size());
  BatchPrint print;
  print.base_offset = header.base_offset();
  print.last_offset_delta = header.last_offset_delta();
  print.record_count = header.record_count();
  print.size = header.size();
  print.codec = header.attributes() & protocol::batch_attributes::codec_mask;
  print.is_control = header.is_control();
  print.is_log_append_time = header.is_log_append_time();
  print.base_timestamp_ms = header.base_timestamp_ms();
  print.producer_id = header.producer_id();
  print.payload_digest[0] = digest.low64;
  print.payload_digest[1] = digest.high64;
  return print;
}

std::string difference(const BatchPrint& source, const BatchPrint& target) {
  const auto range = [](const BatchPrint& batch) {
    return fmt::format("{} to {}", batch.base_offset.value(), batch.next_offset().value() - 1);
  };
  const bool is_piece =
      !source.is_dense() && target.base_offset >= source.base_offset && target.next_offset() <= source.next_offset();
  if (!is_piece && (source.base_offset != target.base_offset || source.last_offset_delta != target.last_offset_delta)) {
    return fmt::format("a batch of offsets {} on the source, of {} on the target", range(source), range(target));
  }
  if (source.is_control != target.is_control) {
    return fmt::format("a transaction marker at offset {} on the {}, data on the other", source.base_offset.value(),
                       source.is_control ? "source" : "target");
  }
  if (source.is_control || source.is_log_append_time || !source.is_dense() || !target.is_dense()) return {};
  if (source.codec != target.codec) {
    return source.base_timestamp_ms == target.base_timestamp_ms
               ? std::string()
               : fmt::format("batches of other timestamps at offset {} ({} and {})", source.base_offset.value(),
                             source.base_timestamp_ms, target.base_timestamp_ms);
  }
  if (source.size != target.size) {
    return fmt::format("batches of {} and {} bytes at offset {}", source.size, target.size, source.base_offset.value());
  }
  if (!std::equal(std::begin(source.payload_digest), std::end(source.payload_digest),
                  std::begin(target.payload_digest))) {
    return fmt::format("batches of other content at offset {}", source.base_offset.value());
  }
  return {};
}

Awaitable<Answers<BatchPrint>> batches_at(Cluster& cluster, std::map<TopicPartition, Offset> offsets,
                                          LeaderSettings settings) {
  std::vector<TopicPartition> partitions;
  partitions.reserve(offsets.size());
  for (const auto& [partition, offset] : offsets) partitions.push_back(partition);
  settings.concurrency = std::min(settings.concurrency, most_requests);

  // The broker gives a batch larger than the limits only to the first partition that has data: the others are asked
  // again, as long as that brings anything.
  const auto ask = [&](BrokerId broker, const std::vector<Routed>& routed,
                       AnswerSheet<BatchPrint>& sheet) -> Awaitable<> {
    std::vector<const Routed*> open;
    open.reserve(routed.size());
    for (const Routed& one : routed) open.push_back(&one);
    while (!open.empty()) {
      FetchRequest request;
      request.max_bytes = response_bytes;
      for (const Routed* one : open) {
        auto& topic =
            topic_entry(request.topics, one->partition.topic, [](auto& entry) -> auto& { return entry.topic; });
        auto& partition = topic.partitions.emplace_back();
        partition.partition = one->partition.partition;
        partition.current_leader_epoch = one->leader_epoch;
        partition.fetch_offset = offsets.at(one->partition);
        partition.partition_max_bytes = partition_bytes;
      }
      const net::CallOptions options{.at_most_version = last_version_with_topic_names,
                                     .timeout = settings.call_timeout};
      const auto response = co_await cluster.call_broker(broker, std::move(request), options);
      std::set<TopicPartition> answered;
      for (const auto& topic : response.responses) {
        for (const auto& partition : topic.partitions) {
          if (partition.error_code != 0) {
            sheet.refuse(topic.topic, partition.partition_index, partition.error_code);
          } else if (!partition.records || is_cut_off(*partition.records)) {
            sheet.postpone(topic.topic, partition.partition_index,
                           "its last batch cannot be read yet (the high watermark is behind the log's end)");
            continue;
          } else {
            std::string why;
            const auto print = BatchPrint::of(partition.records->bytes(), why);
            if (print) {
              sheet.answer(topic.topic, partition.partition_index, *print);
            } else {
              sheet.reject(topic.topic, partition.partition_index, "its batch cannot be compared: " + why);
            }
          }
          answered.insert({topic.topic, partition.partition_index});
        }
      }
      if (std::erase_if(open, [&](const Routed* one) { return answered.contains(one->partition); }) == 0) co_return;
    }
  };
  co_return co_await ask_leaders<BatchPrint>(cluster, std::move(partitions), partitions_per_request, settings, ask);
}

}  // namespace shunt::replicate
