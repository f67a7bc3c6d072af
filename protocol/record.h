// The records inside a batch of format 2 (KIP-98), for the slow paths alone: the data path never opens a payload.
//
//   length varint | attributes int8 | timestamp delta varlong | offset delta varint
//   | key size varint (-1: null), key | value size varint (-1: null), value
//   | headers varint { key size varint, key | value size varint (-1: null), value }
//
// All varints are zigzag encoded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocol/compression.h"
#include "protocol/ids.h"
#include "protocol/record_batch.h"

namespace shunt::protocol {

/// One record; the spans point into the payload it was read from.
struct Record {
  Offset offset;
  std::int64_t timestamp_ms = -1;
  std::optional<std::span<const std::byte>> key;
  std::optional<std::span<const std::byte>> value;
  std::span<const std::byte> headers;  // as on the wire: the count and every header, well-formed
};

/// Key and value.
bool has_same_payload(const Record& a, const Record& b);

inline constexpr std::byte no_headers[] = {std::byte{0}};

/// Reads the records of one batch in order. A poisoned reader: after the first thing that cannot be, next() is false
/// and why() says what it was.
class RecordReader {
 public:
  /// `payload`: what follows the header, decompressed; must outlive the records.
  RecordReader(const RecordBatchHeader& header, std::span<const std::byte> payload);

  /// False: there is no further record, or the batch is malformed.
  bool next(Record& record);
  [[nodiscard]] bool ok() const { return why_.empty(); }
  [[nodiscard]] const std::string& why() const { return why_; }

 private:
  bool fail(std::string why);

  std::span<const std::byte> left_;
  Offset base_offset_;
  std::int64_t base_timestamp_ms_;
  std::optional<std::int64_t> append_time_ms_;  // LogAppendTime: every record's timestamp
  std::int32_t last_offset_delta_;
  std::int64_t previous_delta_ = -1;
  std::int32_t records_left_;
  std::string why_;
};

/// What is wrong with the bytes of a whole batch (61 header bytes included): its size or its CRC; empty: nothing.
std::string damage_of(std::span<const std::byte> batch);

/// The payload of a whole batch (its 61 header bytes included), decompressed. Empty, with the reason in `why`, when it is
/// damaged (its CRC is checked first), in an unknown codec, or larger than `most` bytes.
std::optional<std::vector<std::byte>> open_record_batch(std::span<const std::byte> batch, std::size_t most,
                                                        std::string& why);

/// Builds a dense batch of format 2 with CreateTime, as a Produce request carries it: its base offset is 0, its records
/// are numbered from 0 in the order of append().
class RecordBatchBuilder {
 public:
  explicit RecordBatchBuilder(Codec codec) : codec_(codec) {}

  void append(const Record& record);
  /// One that has a key and a value.
  void append(std::int64_t timestamp_ms, std::span<const std::byte> key, std::span<const std::byte> value,
              std::span<const std::byte> headers = no_headers) {
    append({.offset = Offset(0), .timestamp_ms = timestamp_ms, .key = key, .value = value, .headers = headers});
  }
  [[nodiscard]] std::int32_t record_count() const { return count_; }
  [[nodiscard]] std::vector<std::byte> finish(const Stamp& stamp) const;

 private:
  Codec codec_;
  std::int32_t count_ = 0;
  std::int64_t base_timestamp_ms_ = -1;
  std::int64_t max_timestamp_ms_ = -1;
  std::vector<std::byte> payload_;
};

}  // namespace shunt::protocol
