// Record batches of a source's log, as brokers and their cleaner write them: with gaps, with append times, transactional,
// emptied. (protocol/record.h builds only what may be produced.) And what a checker keeps of a record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocol/compression.h"
#include "protocol/record_batch.h"

namespace shunt::sim {

struct SimRecord {
  std::int64_t offset = 0;
  std::int64_t timestamp_ms = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::string headers{'\0'};  // as stored: their number first
};

/// The headers of a record that has one.
std::string one_header();

struct BatchShape {
  std::int64_t base = 0;
  std::int64_t next = 0;  // the offset behind the batch; records may be missing anywhere
  protocol::Codec codec = protocol::Codec::none;
  std::uint16_t flags = 0;  // protocol::batch_attributes, without the codec
  std::int64_t append_time_ms = -1;
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = -1;
  std::int32_t base_sequence = -1;
};

std::vector<std::byte> encode_batch(const BatchShape& shape, std::span<const SimRecord> records);

/// A transaction marker: 78 bytes.
std::vector<std::byte> encode_marker(std::int64_t base, std::int64_t producer_id, std::int16_t producer_epoch,
                                     bool is_commit, std::int32_t coordinator_epoch);

/// What makes a record the same on both sides, but for its offset.
struct RecordPrint {
  std::int64_t offset = 0;
  std::int64_t timestamp_ms = 0;
  std::uint64_t digest = 0;  // of timestamp, key, value and headers
  bool is_padding = false;
};

/// Of every record in a whole batch. Throws std::runtime_error when it is damaged.
std::vector<RecordPrint> prints_of(std::span<const std::byte> batch);

/// The batch without the records at offsets for which `keeps` is false, as the cleaner leaves it.
template <class Keeps>
std::vector<std::byte> thinned(std::span<const std::byte> batch, Keeps keeps);

// ---- Implementation ------------------------------------------------------------------------------------------------

std::vector<SimRecord> decode_batch(std::span<const std::byte> batch, BatchShape& shape);

template <class Keeps>
std::vector<std::byte> thinned(std::span<const std::byte> batch, Keeps keeps) {
  BatchShape shape;
  std::vector<SimRecord> records = decode_batch(batch, shape);
  std::erase_if(records, [&](const SimRecord& record) { return !keeps(record.offset); });
  return encode_batch(shape, records);
}

}  // namespace shunt::sim
