#include "replicate/control/padding.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "protocol/record.h"

namespace shunt::replicate {

using protocol::Codec;
using protocol::record_batch_header_size;
using protocol::RecordBatchHeader;

namespace {

constexpr std::string_view padding_key = "shunt.padding";

// A record of padding, decompressed, takes fewer bytes.
constexpr std::size_t most_record_bytes = 64;

}  // namespace

std::vector<std::byte> padding_batch(std::int32_t records, std::int64_t timestamp_ms, const protocol::Stamp& stamp) {
  protocol::Record record;
  record.timestamp_ms = timestamp_ms;
  record.key = std::as_bytes(std::span(padding_key));
  record.headers = protocol::no_headers;
  protocol::RecordBatchBuilder builder(Codec::zstd);
  for (std::int32_t i = 0; i < records; ++i) builder.append(record);
  return builder.finish(stamp);
}

bool is_padding(std::span<const std::byte> batch) {
  if (batch.size() < record_batch_header_size) return false;
  const RecordBatchHeader header = RecordBatchHeader::of(batch);
  if (header.is_control() || header.record_count() <= 0) return false;
  std::string why;
  const auto payload =
      protocol::open_record_batch(batch, static_cast<std::size_t>(header.record_count()) * most_record_bytes, why);
  if (!payload) return false;
  const auto key = std::as_bytes(std::span(padding_key));
  protocol::RecordReader reader(header, *payload);
  for (protocol::Record record; reader.next(record);) {
    if (!record.key || record.value || !std::ranges::equal(*record.key, key)) return false;
  }
  return reader.ok();
}

}  // namespace shunt::replicate
