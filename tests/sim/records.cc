#include "tests/sim/records.h"

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string_view>

#include "protocol/crc32c.h"
#include "protocol/record.h"
#include "protocol/wire.h"

namespace shunt::sim {

using protocol::Codec;
using protocol::record_batch_header_size;
using protocol::RecordBatchHeader;
namespace attributes = protocol::batch_attributes;

namespace {

constexpr std::size_t crc_offset = 17;
constexpr std::size_t attributes_offset = 21;
constexpr std::size_t most_bytes = 16 << 20;
constexpr std::string_view header_key = "h";
constexpr std::string_view padding_key = "shunt.padding";

void varint(std::vector<std::byte>& out, std::int64_t value) {
  auto raw = static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
  for (; raw >= 0x80; raw >>= 7) out.push_back(static_cast<std::byte>(raw | 0x80));
  out.push_back(static_cast<std::byte>(raw));
}

void text(std::vector<std::byte>& out, const std::optional<std::string>& value) {
  varint(out, value ? static_cast<std::int64_t>(value->size()) : -1);
  if (!value) return;
  const auto bytes = std::as_bytes(std::span(*value));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

std::string_view view(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<std::byte> seal(const BatchShape& shape, std::int64_t base_time, std::int64_t max_time, std::int32_t count,
                            std::span<const std::byte> payload) {
  const std::vector<std::byte> packed = protocol::compress(shape.codec, payload);
  protocol::Writer out;
  out.integer(shape.base);
  out.integer(static_cast<std::int32_t>(record_batch_header_size - protocol::record_batch_overhead + packed.size()));
  out.integer(std::int32_t{0});  // leader epoch
  out.integer(std::int8_t{2});
  out.integer(std::uint32_t{0});  // CRC, below
  out.integer(static_cast<std::int16_t>(shape.flags | static_cast<std::uint16_t>(shape.codec)));
  out.integer(static_cast<std::int32_t>(shape.next - shape.base - 1));
  out.integer(base_time);
  out.integer((shape.flags & attributes::log_append_time) != 0 ? shape.append_time_ms : max_time);
  out.integer(shape.producer_id);
  out.integer(shape.producer_epoch);
  out.integer(shape.base_sequence);
  out.integer(count);
  out.bytes(packed);
  std::vector<std::byte> batch = out.take();
  protocol::wire::store(batch.data() + crc_offset, protocol::crc32c(std::span(batch).subspan(attributes_offset)));
  return batch;
}

}  // namespace

std::string one_header() {
  std::vector<std::byte> headers;
  varint(headers, 1);
  text(headers, std::string(header_key));
  text(headers, std::nullopt);
  return std::string(view(headers));
}

std::vector<std::byte> encode_batch(const BatchShape& shape, std::span<const SimRecord> records) {
  const std::int64_t base_time = records.empty() ? -1 : records.front().timestamp_ms;
  std::int64_t max_time = base_time;
  std::vector<std::byte> payload;
  for (const SimRecord& record : records) {
    max_time = std::max(max_time, record.timestamp_ms);
    std::vector<std::byte> body{std::byte{0}};
    varint(body, record.timestamp_ms - base_time);
    varint(body, record.offset - shape.base);
    text(body, record.key);
    text(body, record.value);
    const auto headers = std::as_bytes(std::span(record.headers));
    body.insert(body.end(), headers.begin(), headers.end());
    varint(payload, static_cast<std::int64_t>(body.size()));
    payload.insert(payload.end(), body.begin(), body.end());
  }
  return seal(shape, base_time, max_time, static_cast<std::int32_t>(records.size()), payload);
}

std::vector<std::byte> encode_marker(std::int64_t base, std::int64_t producer_id, std::int16_t producer_epoch,
                                     bool is_commit, std::int32_t coordinator_epoch) {
  protocol::Writer key;
  key.integer(std::int16_t{0});
  key.integer(static_cast<std::int16_t>(is_commit ? 1 : 0));
  protocol::Writer value;
  value.integer(std::int16_t{0});
  value.integer(coordinator_epoch);
  SimRecord record;
  record.offset = base;
  record.key = view(key.written());
  record.value = view(value.written());
  const BatchShape shape{.base = base,
                         .next = base + 1,
                         .flags = attributes::transactional | attributes::control,
                         .producer_id = producer_id,
                         .producer_epoch = producer_epoch};
  return encode_batch(shape, std::span(&record, 1));
}

std::vector<RecordPrint> prints_of(std::span<const std::byte> batch) {
  std::string why;
  const auto payload = protocol::open_record_batch(batch, most_bytes, why);
  if (!payload) throw std::runtime_error(why);
  std::vector<RecordPrint> prints;
  protocol::RecordReader reader(RecordBatchHeader::of(batch), *payload);
  for (protocol::Record record; reader.next(record);) {
    std::uint64_t digest = static_cast<std::uint64_t>(record.timestamp_ms) * 0x9e3779b97f4a7c15U;
    const auto mix = [&](const std::optional<std::span<const std::byte>>& part) {
      digest = (digest ^ (part ? std::hash<std::string_view>{}(view(*part)) : 1)) * 0xff51afd7ed558ccdU;
    };
    mix(record.key);
    mix(record.value);
    mix(record.headers);
    const bool is_padding = record.key && !record.value && view(*record.key) == padding_key;
    prints.push_back({.offset = record.offset.value(),
                      .timestamp_ms = record.timestamp_ms,
                      .digest = digest,
                      .is_padding = is_padding});
  }
  if (!reader.ok()) throw std::runtime_error(reader.why());
  return prints;
}

std::vector<SimRecord> decode_batch(std::span<const std::byte> batch, BatchShape& shape) {
  const RecordBatchHeader header = RecordBatchHeader::of(batch);
  shape = {.base = header.base_offset().value(),
           .next = header.next_offset().value(),
           .codec = static_cast<Codec>(header.attributes() & attributes::codec_mask),
           .flags = static_cast<std::uint16_t>(header.attributes() & ~attributes::codec_mask),
           .append_time_ms = header.max_timestamp_ms(),
           .producer_id = header.producer_id().value(),
           .producer_epoch = header.producer_epoch().value(),
           .base_sequence = header.base_sequence().value()};
  std::string why;
  const auto payload = protocol::open_record_batch(batch, most_bytes, why);
  if (!payload) throw std::runtime_error(why);
  std::vector<SimRecord> records;
  protocol::RecordReader reader(header, *payload);
  for (protocol::Record record; reader.next(record);) {
    SimRecord& copy = records.emplace_back();
    copy.offset = record.offset.value();
    copy.timestamp_ms = record.timestamp_ms;
    if (record.key) copy.key = view(*record.key);
    if (record.value) copy.value = view(*record.value);
    copy.headers = view(record.headers);
  }
  return records;
}

}  // namespace shunt::sim
