// Any bytes as a record batch, with any stamp: the CRC stays right where it was right and wrong where it was wrong, the
// difference between the one it holds and the one it should hold is the same before and after, and nothing but the
// stamped fields changes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "protocol/crc32c.h"
#include "protocol/record_batch.h"
#include "protocol/wire.h"

namespace {

using namespace shunt::protocol;  // NOLINT(google-build-using-namespace)

std::uint32_t crc_error(std::span<const std::byte> batch) {
  const RecordBatchHeader header = RecordBatchHeader::of(batch);
  return header.crc() ^ crc32c(batch.subspan(21));
}

bool is_stamped(std::size_t at) {
  return at < 8 || (at >= 17 && at < 23) || (at >= 43 && at < 57);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t stamp_size = 14;
  if (size < stamp_size + record_batch_header_size) return 0;
  const auto bytes = std::as_bytes(std::span(data, size));
  const Stamp stamp{.producer_id = ProducerId(wire::load<std::int64_t>(bytes.data())),
                    .producer_epoch = ProducerEpoch(wire::load<std::int16_t>(bytes.data() + 8)),
                    .base_sequence = Sequence(wire::load<std::int32_t>(bytes.data() + 10))};

  std::vector<std::byte> batch(bytes.begin() + stamp_size, bytes.end());
  wire::store(&batch[8], static_cast<std::int32_t>(batch.size() - record_batch_overhead));  // what FetchStream assures
  const std::vector<std::byte> before = batch;
  const std::uint32_t error = crc_error(batch);

  const auto header_bytes = std::span(batch).first<record_batch_header_size>();
  stamp_record_batch(header_bytes, stamp);
  if (crc_error(batch) != error) std::abort();
  for (std::size_t at = 0; at < batch.size(); ++at) {
    if (!is_stamped(at) && batch[at] != before[at]) std::abort();
  }

  const RecordBatchHeader old = RecordBatchHeader::of(before);
  const RecordBatchHeader header(header_bytes);
  if (header.base_offset() != Offset(0) || header.producer_id() != stamp.producer_id ||
      header.producer_epoch() != stamp.producer_epoch || header.base_sequence() != stamp.base_sequence ||
      header.attributes() != (old.attributes() & batch_attributes::codec_mask)) {
    std::abort();
  }

  const auto covered = std::span<const std::byte>(before);
  const std::size_t cut = std::to_integer<std::size_t>(bytes[0]) * covered.size() / 256;
  const std::uint32_t whole = crc32c(covered);
  if (whole != crc32c_portable(covered)) std::abort();
  if (whole != crc32c_combine(crc32c(covered.first(cut)), crc32c(covered.subspan(cut)), covered.size() - cut)) {
    std::abort();
  }
  return 0;
}
