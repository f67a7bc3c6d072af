#include "protocol/record.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "protocol/crc32c.h"
#include "protocol/record_fields.h"
#include "protocol/wire.h"

namespace shunt::protocol {

namespace {

constexpr std::size_t crc_offset = 17;
constexpr std::size_t attributes_offset = 21;
constexpr std::int8_t magic = 2;

/// Times are the producer's, and may be anything: what overflows wraps, as it does in Kafka.
std::int64_t wrapping_sum(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
std::int64_t wrapping_difference(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

std::size_t nullable_size(const std::optional<std::span<const std::byte>>& bytes) {
  return bytes ? varint_size(static_cast<std::int64_t>(bytes->size())) + bytes->size() : varint_size(-1);
}

void append_nullable(std::vector<std::byte>& out, const std::optional<std::span<const std::byte>>& bytes) {
  append_varint(out, bytes ? static_cast<std::int64_t>(bytes->size()) : -1);
  if (bytes) out.insert(out.end(), bytes->begin(), bytes->end());
}

}  // namespace

bool has_same_payload(const Record& a, const Record& b) {
  const auto is_equal = [](const auto& x, const auto& y) {
    return x.has_value() == y.has_value() && (!x || std::ranges::equal(*x, *y));
  };
  return is_equal(a.key, b.key) && is_equal(a.value, b.value);
}

RecordReader::RecordReader(const RecordBatchHeader& header, std::span<const std::byte> payload)
    : left_(payload),
      base_offset_(header.base_offset()),
      base_timestamp_ms_(header.base_timestamp_ms()),
      last_offset_delta_(header.last_offset_delta()),
      records_left_(header.record_count()) {
  if (header.is_log_append_time()) append_time_ms_ = header.max_timestamp_ms();
  if (!header.is_plausible()) {
    fail(fmt::format("{} records at offset {} with last offset delta {}", records_left_, base_offset_.value(),
                     last_offset_delta_));
  }
}

bool RecordReader::fail(std::string why) {
  why_ = std::move(why);
  return false;
}

bool RecordReader::next(Record& record) {
  if (!ok()) return false;
  if (records_left_ == 0) {
    return left_.empty() ? false : fail(fmt::format("{} bytes after the last record", left_.size()));
  }
  FieldCursor batch(left_);
  FieldCursor cursor(batch.bytes(batch.varint()));
  cursor.bytes(1);  // attributes: none is defined
  const std::int64_t timestamp_delta = cursor.varint();
  const std::int64_t offset_delta = cursor.varint();
  record.key = cursor.nullable_bytes();
  record.value = cursor.nullable_bytes();
  record.headers = cursor.left();
  const std::int64_t headers = cursor.varint();
  if (headers < 0) cursor.fail();
  for (std::int64_t i = 0; i < headers && cursor.ok(); ++i) {
    cursor.bytes(cursor.varint());
    cursor.nullable_bytes();
  }
  if (!batch.ok() || !cursor.ok() || !cursor.left().empty()) {
    return fail(fmt::format("a malformed record, {} before the last", records_left_ - 1));
  }
  if (offset_delta <= previous_delta_ || offset_delta > last_offset_delta_) {
    return fail(fmt::format("offset delta {} after {}, in a batch that ends at {}", offset_delta, previous_delta_,
                            last_offset_delta_));
  }
  previous_delta_ = offset_delta;
  record.offset = base_offset_ + offset_delta;
  record.timestamp_ms = append_time_ms_.value_or(wrapping_sum(base_timestamp_ms_, timestamp_delta));
  left_ = batch.left();
  --records_left_;
  return true;
}

std::string damage_of(std::span<const std::byte> batch) {
  if (batch.size() < record_batch_header_size) return fmt::format("{} bytes are no record batch", batch.size());
  const RecordBatchHeader header = RecordBatchHeader::of(batch);
  if (header.size() != static_cast<std::int64_t>(batch.size()))
    return fmt::format("a record batch of {} bytes says that it has {}", batch.size(), header.size());
  const std::uint32_t crc = crc32c(batch.subspan(attributes_offset));
  if (crc == header.crc()) return {};
  return fmt::format("the record batch is damaged: its CRC is {:08x} and should be {:08x}", crc, header.crc());
}

std::optional<std::vector<std::byte>> open_record_batch(std::span<const std::byte> batch, std::size_t most,
                                                        std::string& why) {
  why = damage_of(batch);
  if (!why.empty()) return std::nullopt;
  return decompress(RecordBatchHeader::of(batch).codec(), batch.subspan(record_batch_header_size), most, why);
}

void RecordBatchBuilder::append(const Record& record) {
  if (count_ == 0) base_timestamp_ms_ = max_timestamp_ms_ = record.timestamp_ms;
  max_timestamp_ms_ = std::max(max_timestamp_ms_, record.timestamp_ms);
  const std::int64_t timestamp_delta = wrapping_difference(record.timestamp_ms, base_timestamp_ms_);
  const std::size_t size = 1 + varint_size(timestamp_delta) + varint_size(count_) + nullable_size(record.key) +
                           nullable_size(record.value) + record.headers.size();
  append_varint(payload_, static_cast<std::int64_t>(size));
  payload_.push_back(std::byte{0});
  append_varint(payload_, timestamp_delta);
  append_varint(payload_, count_);
  append_nullable(payload_, record.key);
  append_nullable(payload_, record.value);
  payload_.insert(payload_.end(), record.headers.begin(), record.headers.end());
  ++count_;
}

std::vector<std::byte> RecordBatchBuilder::finish(const Stamp& stamp) const {
  const std::vector<std::byte> payload = compress(codec_, payload_);
  Writer writer;
  writer.integer<std::int64_t>(0);
  writer.integer(static_cast<std::int32_t>(record_batch_header_size - record_batch_overhead + payload.size()));
  writer.integer<std::int32_t>(-1);  // leader epoch: the broker's to set
  writer.integer(magic);
  writer.integer<std::uint32_t>(0);  // CRC, below
  writer.integer(static_cast<std::int16_t>(codec_));
  writer.integer(count_ - 1);
  writer.integer(base_timestamp_ms_);
  writer.integer(max_timestamp_ms_);
  writer.integer(stamp.producer_id.value());
  writer.integer(stamp.producer_epoch.value());
  writer.integer(stamp.base_sequence.value());
  writer.integer(count_);
  writer.bytes(payload);
  std::vector<std::byte> batch = writer.take();
  wire::store(batch.data() + crc_offset, crc32c(std::span(batch).subspan(attributes_offset)));
  return batch;
}

}  // namespace shunt::protocol
