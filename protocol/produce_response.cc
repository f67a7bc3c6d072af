#include "protocol/produce_response.h"

namespace shunt::protocol {

namespace {
constexpr std::size_t smallest_topic = 2 + 4;
constexpr std::size_t smallest_partition = 4 + 2 + 8 + 8 + 8 + 4 + 2;
constexpr std::size_t smallest_record_error = 4 + 2;
}  // namespace

ProduceResponseReader::ProduceResponseReader(std::span<const std::byte> body) : reader_(body) {
  topics_left_ = count(smallest_topic);
}

std::string_view ProduceResponseReader::text(bool nullable) {
  const auto size = reader_.integer<std::int16_t>();
  if (size < (nullable ? -1 : 0)) reader_.fail("a string of negative size");
  if (size <= 0) return {};
  const std::span<const std::byte> bytes = reader_.bytes(static_cast<std::size_t>(size));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::int32_t ProduceResponseReader::count(std::size_t smallest_item) {
  const auto items = reader_.integer<std::int32_t>();
  if (items < -1 || (items > 0 && static_cast<std::size_t>(items) > reader_.left() / smallest_item)) {
    reader_.fail("more items than bytes");
    return 0;
  }
  return items;
}

bool ProduceResponseReader::finish() {
  if (!finished_ && reader_.ok()) {
    throttle_ms_ = reader_.integer<std::int32_t>();
    if (reader_.left() > 0) reader_.fail("bytes after the end");
  }
  finished_ = true;
  return false;
}

bool ProduceResponseReader::next() {
  while (partitions_left_ <= 0) {
    if (topics_left_ <= 0 || !reader_.ok()) return finish();
    --topics_left_;
    topic_ = text(false);
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
  for (std::int32_t errors = count(smallest_record_error); errors > 0; --errors) {
    const auto index = reader_.integer<std::int32_t>();
    const std::string_view message = text(true);
    if (record_index_ >= 0) continue;
    record_index_ = index;
    record_message_ = message;
  }
  error_message_ = text(true);
  if (!reader_.ok()) return finish();
  return true;
}

}  // namespace shunt::protocol
