// RecordBatch v2 (magic 2, KIP-98) seen as bytes: the 61 bytes of its header are read and rewritten in place, its
// payload is never looked at.
//
//   offset size field                      covered by the CRC
//        0    8 base offset                no
//        8    4 batch length (after this)  no
//       12    4 partition leader epoch     no
//       16    1 magic                      no
//       17    4 CRC32C of bytes 21..end    -
//       21    2 attributes                 yes
//       23    4 last offset delta          yes
//       27    8 base (first) timestamp     yes
//       35    8 max timestamp              yes
//       43    8 producer id                yes
//       51    2 producer epoch             yes
//       53    4 base sequence              yes
//       57    4 record count               yes
//       61      records                    yes
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "protocol/compression.h"
#include "protocol/ids.h"

namespace shunt::protocol {

inline constexpr std::size_t record_batch_header_size = 61;
inline constexpr std::size_t record_batch_overhead = 12;  // base offset and length: what `batch length` does not count

namespace batch_attributes {
inline constexpr std::uint16_t codec_mask = 0x07;  // 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd
inline constexpr std::uint16_t log_append_time = 0x08;
inline constexpr std::uint16_t transactional = 0x10;
inline constexpr std::uint16_t control = 0x20;
inline constexpr std::uint16_t delete_horizon = 0x40;  // KIP-534
}  // namespace batch_attributes

/// A view of a header; `bytes` must outlive it. Reads are of the wire's big-endian fields, unchecked beyond the size.
class RecordBatchHeader {
 public:
  explicit RecordBatchHeader(std::span<const std::byte, record_batch_header_size> bytes) : bytes_(bytes) {}
  /// Of the batch that `bytes` begin with; at least 61 of them.
  static RecordBatchHeader of(std::span<const std::byte> bytes) {
    return RecordBatchHeader(bytes.first<record_batch_header_size>());
  }

  [[nodiscard]] Offset base_offset() const;
  [[nodiscard]] std::int32_t batch_length() const;
  /// Bytes of the whole batch on the wire: batch_length() + 12.
  [[nodiscard]] std::int64_t size() const { return std::int64_t{batch_length()} + std::int64_t{record_batch_overhead}; }
  [[nodiscard]] LeaderEpoch partition_leader_epoch() const;
  [[nodiscard]] std::int8_t magic() const;
  [[nodiscard]] std::uint32_t crc() const;
  [[nodiscard]] std::uint16_t attributes() const;
  [[nodiscard]] std::int32_t last_offset_delta() const;
  [[nodiscard]] std::int64_t base_timestamp_ms() const;
  [[nodiscard]] std::int64_t max_timestamp_ms() const;
  [[nodiscard]] ProducerId producer_id() const;
  [[nodiscard]] ProducerEpoch producer_epoch() const;
  [[nodiscard]] Sequence base_sequence() const;
  [[nodiscard]] std::int32_t record_count() const;

  /// The offset after the batch's last.
  [[nodiscard]] Offset next_offset() const { return base_offset() + (std::int64_t{last_offset_delta()} + 1); }
  /// As the header says; it may be one that nobody knows.
  [[nodiscard]] Codec codec() const { return static_cast<Codec>(attributes() & batch_attributes::codec_mask); }
  [[nodiscard]] bool is_transactional() const { return (attributes() & batch_attributes::transactional) != 0; }
  [[nodiscard]] bool is_control() const { return (attributes() & batch_attributes::control) != 0; }
  [[nodiscard]] bool is_log_append_time() const { return (attributes() & batch_attributes::log_append_time) != 0; }
  /// Offsets and counts as a log can have them: none is negative, and next_offset() does not overflow.
  [[nodiscard]] bool is_plausible() const;
  /// Every offset of the batch's range holds a record (compaction has not thinned it).
  [[nodiscard]] bool is_dense() const { return std::int64_t{record_count()} == std::int64_t{last_offset_delta()} + 1; }

 private:
  std::span<const std::byte, record_batch_header_size> bytes_;
};

/// Who writes a batch to the target: an idempotent producer's identity and the sequence of the batch's first record.
struct Stamp {
  ProducerId producer_id;
  ProducerEpoch producer_epoch;
  Sequence base_sequence;
};

/// Of a producer that is not idempotent.
inline constexpr Stamp no_producer{
    .producer_id = ProducerId(-1), .producer_epoch = ProducerEpoch(-1), .base_sequence = Sequence(-1)};

/// Rewrites a whole batch's header for a Produce request: base offset 0 (brokers refuse any other, INVALID_RECORD),
/// attributes reduced to the codec (a transactional, control, timestamp type or delete horizon bit belongs to the
/// source's log), the producer fields of `stamp`; the CRC is mended by delta. `header` must be of a batch with magic 2
/// and a size of at least 61.
void stamp_record_batch(std::span<std::byte, record_batch_header_size> header, const Stamp& stamp);

}  // namespace shunt::protocol
