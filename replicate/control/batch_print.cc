#include "replicate/control/batch_print.h"

#include <algorithm>

#include <fmt/format.h>
#include <xxhash.h>

#include "protocol/message_set.h"
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
constexpr std::size_t most_entry_bytes = 256 * 1024 * 1024;  // decompressed

constexpr std::size_t partitions_per_request = 64;
constexpr std::size_t most_requests = 4;
constexpr std::int32_t response_bytes = 512 * 1024;
constexpr std::int32_t partition_bytes = 32 * 1024;

std::int8_t magic_of(std::span<const std::byte> records) {
  return records.size() > magic_position ? static_cast<std::int8_t>(records[magic_position]) : current_magic;
}

/// A whole batch of the current format may be there, but its end is not.
bool is_cut_off(std::span<const std::byte> records) {
  if (magic_of(records) != current_magic) return false;
  if (records.size() < record_batch_header_size) return true;
  return RecordBatchHeader::of(records).size() > static_cast<std::int64_t>(records.size());
}

/// Of a message of an old format. Where its first record is, only its content tells.
std::optional<BatchPrint> print_old_entry(std::span<const std::byte> records, std::string& why) {
  const auto entry = protocol::MessageSetEntry::of(records, why);
  if (!entry) return std::nullopt;
  protocol::MessageSetReader reader(entry->bytes(), most_entry_bytes);
  BatchPrint print;
  for (protocol::Record record; reader.next(record);) {
    if (print.record_count++ == 0) {
      print.base_offset = record.offset;
      print.base_timestamp_ms = record.timestamp_ms;
    }
  }
  if (!reader.ok()) {
    why = reader.why();
    return std::nullopt;
  }
  print.last_offset_delta = static_cast<std::int32_t>(entry->offset() - print.base_offset);
  print.size = static_cast<std::int64_t>(entry->bytes().size());
  print.codec = entry->codec();
  print.is_old_format = true;
  return print;
}

}  // namespace

std::optional<BatchPrint> BatchPrint::of(std::span<const std::byte> records, std::string& why) {
  const std::int8_t magic = magic_of(records);
  if (magic >= 0 && magic < current_magic) return print_old_entry(records, why);
  if (magic != current_magic) {
    why = fmt::format("it is in the unknown message format {}", magic);
    return {};
  }
  if (is_cut_off(records)) {
    why = "it is cut off";
    return {};
  }
  const RecordBatchHeader header = RecordBatchHeader::of(records);
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
  print.codec = header.codec();
  print.is_control = header.is_control();
  print.is_log_append_time = header.is_log_append_time();
  print.base_timestamp_ms = header.base_timestamp_ms();
  print.producer_id = header.producer_id();
  print.payload_digest[0] = digest.low64;
  print.payload_digest[1] = digest.high64;
  return print;
}

bool is_copy(const BatchPrint& source, const BatchPrint& target) {
  return source.base_offset == target.base_offset && source.last_offset_delta == target.last_offset_delta &&
         source.record_count == target.record_count && source.size == target.size && source.codec == target.codec &&
         source.is_control == target.is_control && source.base_timestamp_ms == target.base_timestamp_ms &&
         !source.is_log_append_time && !source.is_old_format && !target.is_old_format &&
         std::equal(std::begin(source.payload_digest), std::end(source.payload_digest),
                    std::begin(target.payload_digest));
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
