// Any bytes as the records of a batch, in any codec: nothing beyond the limit is decompressed, no more records come out
// than the header says, and what is read and built again reads the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "protocol/crc32c.h"
#include "protocol/record.h"
#include "protocol/wire.h"

namespace {

using namespace shunt::protocol;  // NOLINT(google-build-using-namespace)

constexpr std::size_t most = 256 * 1024;
constexpr Stamp stamp{.producer_id = ProducerId(1), .producer_epoch = ProducerEpoch(0), .base_sequence = Sequence(0)};

void require(bool holds) {
  if (!holds) std::abort();
}

RecordBatchHeader header_of(std::span<const std::byte> batch) {
  return RecordBatchHeader::of(batch);
}

bool is_same(const Record& a, const Record& b) {
  const auto same = [](const auto& x, const auto& y) {
    return x.has_value() == y.has_value() && (!x || std::equal(x->begin(), x->end(), y->begin(), y->end()));
  };
  return a.timestamp_ms == b.timestamp_ms && same(a.key, b.key) && same(a.value, b.value) &&
         std::equal(a.headers.begin(), a.headers.end(), b.headers.begin(), b.headers.end());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < record_batch_header_size) return 0;
  const auto bytes = std::as_bytes(std::span(data, size));
  std::vector<std::byte> batch(bytes.begin(), bytes.end());
  wire::store(batch.data() + 8, static_cast<std::int32_t>(batch.size() - record_batch_overhead));
  wire::store(batch.data() + 17, crc32c(std::span(batch).subspan(21)));  // or nothing else would ever be looked at
  std::string why;
  const auto payload = open_record_batch(batch, most, why);
  require(payload.has_value() == why.empty());
  if (!payload) return 0;
  require(payload->size() <= most);

  const RecordBatchHeader header = header_of(batch);
  RecordReader reader(header, *payload);
  RecordBatchBuilder builder(header.codec());
  std::vector<Record> records;
  for (Record record; reader.next(record);) {
    records.push_back(record);
    builder.append(record);
  }
  require(static_cast<std::int64_t>(records.size()) <= std::max(header.record_count(), 0));
  if (!reader.ok() || records.empty()) return 0;

  const std::vector<std::byte> built = builder.finish(stamp);
  const auto built_payload = open_record_batch(built, 2 * most, why);
  require(built_payload.has_value());
  RecordReader again(header_of(built), *built_payload);
  Record record;
  for (const Record& expected : records) require(again.next(record) && is_same(record, expected));
  require(!again.next(record) && again.ok());
  return 0;
}
