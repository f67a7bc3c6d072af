#include "protocol/produce_response.h"

#include <algorithm>
#include <cassert>

#include "protocol/produce_frame.h"

namespace shunt::protocol {

namespace {
// In either version.
constexpr std::size_t smallest_topic = 2 + 4;
constexpr std::size_t smallest_partition = 4 + 2 + 8 + 8 + 8 + 1 + 1 + 1;
constexpr std::size_t smallest_record_error = 4 + 2;
}  // namespace

ProduceResponseReader::ProduceResponseReader(std::int16_t version, std::span<const std::byte> body)
    : reader_(body), is_by_id_(version == produce_by_id) {
  assert(version == produce_by_name || version == produce_by_id);
  pass_tags();  // of the header
  topics_left_ = count(smallest_topic);
}

/// A null is an empty one.
std::string_view ProduceResponseReader::text(bool nullable) {
  std::int64_t size = 0;
  if (is_by_id_) {
    size = std::int64_t{reader_.unsigned_varint()} - 1;
  } else {
    size = reader_.integer<std::int16_t>();
  }
  if (size < (nullable ? -1 : 0)) reader_.fail("a string of negative size");
  if (size <= 0) return {};
  const std::span<const std::byte> bytes = reader_.bytes(static_cast<std::size_t>(size));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A null is none.
std::uint32_t ProduceResponseReader::count(std::size_t smallest_item) {
  const std::int64_t items =
      is_by_id_ ? std::int64_t{reader_.unsigned_varint()} - 1 : std::int64_t{reader_.integer<std::int32_t>()};
  if (items < -1 || (items > 0 && static_cast<std::size_t>(items) > reader_.left() / smallest_item)) {
    reader_.fail("more items than bytes");
    return 0;
  }
  return static_cast<std::uint32_t>(std::max(items, std::int64_t{0}));
}

void ProduceResponseReader::pass_tags() {
  if (!is_by_id_) return;
  for (std::uint32_t tags = reader_.unsigned_varint(); tags > 0 && reader_.ok(); --tags) {
    reader_.unsigned_varint();  // its number
    const std::uint32_t size = reader_.unsigned_varint();
    reader_.bytes(size);
  }
}

bool ProduceResponseReader::finish() {
  if (!finished_ && reader_.ok()) {
    throttle_ms_ = reader_.integer<std::int32_t>();
    pass_tags();
    if (reader_.left() > 0) reader_.fail("bytes after the end");
  }
  finished_ = true;
  return false;
}

bool ProduceResponseReader::next() {
  while (partitions_left_ == 0) {
    if (is_in_topic_) pass_tags();
    is_in_topic_ = topics_left_ > 0;
    if (topics_left_ == 0 || !reader_.ok()) return finish();
    --topics_left_;
    if (is_by_id_) {
      const std::span<const std::byte> id = reader_.bytes(topic_id_.bytes.size());
      std::ranges::copy(id, topic_id_.bytes.begin());
    } else {
      topic_ = text(false);
    }
    partitions_left_ = count(smallest_partition);
  }
  --partitions_left_;
  partition_ = PartitionIndex(reader_.integer<std::int32_t>());
  error_code_ = reader_.integer<std::int16_t>();
  base_offset_ = reader_.integer<std::int64_t>();
  log_append_time_ms_ = reader_.integer<std::int64_t>();
  log_start_offset_ = reader_.integer<std::int64_t>();
  record_index_ = -1;
  record_message_ = {};
  for (std::uint32_t errors = count(smallest_record_error); errors > 0; --errors) {
    const auto index = reader_.integer<std::int32_t>();
    const std::string_view message = text(true);
    pass_tags();
    if (record_index_ >= 0) continue;
    record_index_ = index;
    record_message_ = message;
  }
  error_message_ = text(true);
  pass_tags();
  if (!reader_.ok()) return finish();
  return true;
}

}  // namespace shunt::protocol
