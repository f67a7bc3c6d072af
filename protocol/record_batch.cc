#include "protocol/record_batch.h"

#include <algorithm>
#include <array>

#include "protocol/crc32c.h"
#include "protocol/wire.h"

namespace shunt::protocol {

namespace {

constexpr std::size_t at_base_offset = 0;
constexpr std::size_t at_length = 8;
constexpr std::size_t at_leader_epoch = 12;
constexpr std::size_t at_magic = 16;
constexpr std::size_t at_crc = 17;
constexpr std::size_t at_attributes = 21;
constexpr std::size_t at_last_offset_delta = 23;
constexpr std::size_t at_base_timestamp = 27;
constexpr std::size_t at_max_timestamp = 35;
constexpr std::size_t at_producer_id = 43;
constexpr std::size_t at_producer_epoch = 51;
constexpr std::size_t at_base_sequence = 53;
constexpr std::size_t at_record_count = 57;
static_assert(at_record_count + sizeof(std::int32_t) == record_batch_header_size);

// What a stamp may change of the bytes the CRC covers.
constexpr std::size_t stamped_begin = at_attributes;
constexpr std::size_t stamped_end = at_record_count;

}  // namespace

Offset RecordBatchHeader::base_offset() const {
  return Offset(wire::load<std::int64_t>(&bytes_[at_base_offset]));
}
std::int32_t RecordBatchHeader::batch_length() const {
  return wire::load<std::int32_t>(&bytes_[at_length]);
}
LeaderEpoch RecordBatchHeader::partition_leader_epoch() const {
  return LeaderEpoch(wire::load<std::int32_t>(&bytes_[at_leader_epoch]));
}
std::int8_t RecordBatchHeader::magic() const {
  return wire::load<std::int8_t>(&bytes_[at_magic]);
}
std::uint32_t RecordBatchHeader::crc() const {
  return wire::load<std::uint32_t>(&bytes_[at_crc]);
}
std::uint16_t RecordBatchHeader::attributes() const {
  return static_cast<std::uint16_t>(wire::load<std::int16_t>(&bytes_[at_attributes]));
}
std::int32_t RecordBatchHeader::last_offset_delta() const {
  return wire::load<std::int32_t>(&bytes_[at_last_offset_delta]);
}
std::int64_t RecordBatchHeader::base_timestamp_ms() const {
  return wire::load<std::int64_t>(&bytes_[at_base_timestamp]);
}
std::int64_t RecordBatchHeader::max_timestamp_ms() const {
  return wire::load<std::int64_t>(&bytes_[at_max_timestamp]);
}
ProducerId RecordBatchHeader::producer_id() const {
  return ProducerId(wire::load<std::int64_t>(&bytes_[at_producer_id]));
}
ProducerEpoch RecordBatchHeader::producer_epoch() const {
  return ProducerEpoch(wire::load<std::int16_t>(&bytes_[at_producer_epoch]));
}
Sequence RecordBatchHeader::base_sequence() const {
  return Sequence(wire::load<std::int32_t>(&bytes_[at_base_sequence]));
}
std::int32_t RecordBatchHeader::record_count() const {
  return wire::load<std::int32_t>(&bytes_[at_record_count]);
}

bool RecordBatchHeader::is_plausible() const {
  constexpr Offset largest{std::int64_t{1} << 62};  // no log gets there
  return base_offset() >= Offset(0) && base_offset() <= largest && last_offset_delta() >= 0 && record_count() >= 0;
}

void stamp_record_batch(std::span<std::byte, record_batch_header_size> header, const Stamp& stamp) {
  const RecordBatchHeader view(header);
  const std::uint32_t crc = view.crc();
  const auto size = static_cast<std::uint64_t>(view.size());
  const auto codec = static_cast<std::int16_t>(view.attributes() & batch_attributes::codec_mask);

  const std::span<std::byte> stamped = header.subspan(stamped_begin, stamped_end - stamped_begin);
  std::array<std::byte, stamped_end - stamped_begin> before;
  std::copy(stamped.begin(), stamped.end(), before.begin());

  wire::store(&header[at_base_offset], std::int64_t{0});
  wire::store(&header[at_attributes], codec);
  wire::store(&header[at_producer_id], stamp.producer_id.value());
  wire::store(&header[at_producer_epoch], stamp.producer_epoch.value());
  wire::store(&header[at_base_sequence], stamp.base_sequence.value());
  wire::store(&header[at_crc], crc32c_replace(crc, before, stamped, size - stamped_end));
}

}  // namespace shunt::protocol
