#include "protocol/record.h"

#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/crc32c.h"
#include "protocol/wire.h"

namespace shunt::protocol {
namespace {

using ::testing::HasSubstr;
using Bytes = std::vector<std::byte>;

constexpr std::size_t most = 1 << 20;
constexpr Stamp stamp{.producer_id = ProducerId(77), .producer_epoch = ProducerEpoch(0), .base_sequence = Sequence(5)};

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// One header with a value, one without.
constexpr std::string_view two_headers(
    "\x04\x02"
    "a"
    "\x04"
    "xy"
    "\x02"
    "b"
    "\x01",
    9);
constexpr std::string_view no_headers("\0", 1);

Bytes build(Codec codec) {
  RecordBatchBuilder builder(codec);
  builder.append({.offset = Offset(0),
                  .timestamp_ms = 1'700'000'000'000,
                  .key = bytes_of("k"),
                  .value = bytes_of("value"),
                  .headers = bytes_of(two_headers)});
  builder.append({.offset = Offset(0),
                  .timestamp_ms = 1'699'999'999'000,
                  .key = std::nullopt,
                  .value = bytes_of(""),
                  .headers = bytes_of(no_headers)});
  builder.append({.offset = Offset(0),
                  .timestamp_ms = 1'700'000'123'456,
                  .key = bytes_of(""),
                  .value = std::nullopt,
                  .headers = bytes_of(no_headers)});
  return builder.finish(stamp);
}

RecordBatchHeader header_of(const Bytes& batch) {
  return RecordBatchHeader(
      std::span<const std::byte, record_batch_header_size>(batch.data(), record_batch_header_size));
}

class RecordTest : public testing::TestWithParam<Codec> {};

TEST_P(RecordTest, ReadsWhatItBuilds) {
  Bytes batch = build(GetParam());
  wire::store(batch.data(), std::int64_t{1000});  // the broker's offset
  const RecordBatchHeader header = header_of(batch);
  EXPECT_EQ(header.size(), static_cast<std::int64_t>(batch.size()));
  EXPECT_EQ(header.record_count(), 3);
  EXPECT_TRUE(header.is_dense());
  EXPECT_EQ(header.base_timestamp_ms(), 1'700'000'000'000);
  EXPECT_EQ(header.max_timestamp_ms(), 1'700'000'123'456);
  EXPECT_EQ(header.producer_id(), stamp.producer_id);
  EXPECT_EQ(header.base_sequence(), stamp.base_sequence);
  EXPECT_EQ(header.attributes(), static_cast<std::uint16_t>(GetParam()));

  std::string why;
  const auto payload = open_record_batch(batch, most, why);
  ASSERT_TRUE(payload) << why;
  RecordReader reader(header, *payload);
  Record record;
  ASSERT_TRUE(reader.next(record));
  EXPECT_EQ(record.offset, Offset(1000));
  EXPECT_EQ(record.timestamp_ms, 1'700'000'000'000);
  EXPECT_EQ(record.headers.size(), two_headers.size());
  ASSERT_TRUE(reader.next(record));
  EXPECT_EQ(record.offset, Offset(1001));
  EXPECT_EQ(record.timestamp_ms, 1'699'999'999'000);
  EXPECT_FALSE(record.key);
  ASSERT_TRUE(record.value);
  EXPECT_TRUE(record.value->empty());
  ASSERT_TRUE(reader.next(record));
  ASSERT_TRUE(record.key);
  EXPECT_TRUE(record.key->empty());
  EXPECT_FALSE(record.value);
  EXPECT_FALSE(reader.next(record));
  EXPECT_TRUE(reader.ok()) << reader.why();
}

INSTANTIATE_TEST_SUITE_P(Codecs, RecordTest,
                         testing::Values(Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd));

TEST(Record, TakesTheAppendTimeOfABatchThatHasOne) {
  Bytes batch = build(Codec::none);
  wire::store(batch.data() + 21, static_cast<std::int16_t>(batch_attributes::log_append_time));
  RecordReader reader(header_of(batch), std::span(batch).subspan(record_batch_header_size));
  for (Record record; reader.next(record);) EXPECT_EQ(record.timestamp_ms, 1'700'000'123'456);
  EXPECT_TRUE(reader.ok()) << reader.why();
}

TEST(Record, RefusesADamagedBatch) {
  const Bytes whole = build(Codec::none);
  std::string why;
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(open_record_batch(std::span(whole).first(size), most, why)) << size;
  for (std::size_t at = 21; at < whole.size(); ++at) {
    Bytes damaged = whole;
    damaged[at] ^= std::byte{1};
    EXPECT_FALSE(open_record_batch(damaged, most, why)) << at;
    EXPECT_THAT(why, HasSubstr("is damaged: its CRC is"));
  }
}

TEST(Record, RefusesWhatCannotBeARecord) {
  const Bytes whole = build(Codec::none);
  const auto records_of = [](const Bytes& batch) {
    RecordReader reader(header_of(batch), std::span(batch).subspan(record_batch_header_size));
    int records = 0;
    for (Record record; reader.next(record);) ++records;
    return reader.ok() ? records : -1;
  };
  ASSERT_EQ(records_of(whole), 3);
  // Whatever byte is damaged: no read beyond the end, and never more records than the header says.
  for (std::size_t at = record_batch_header_size; at < whole.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      Bytes damaged = whole;
      damaged[at] = static_cast<std::byte>(value);
      EXPECT_LE(records_of(damaged), 3) << at;
    }
  }
  for (const std::int32_t count : {-1, 2, 4}) {
    Bytes damaged = whole;
    wire::store(damaged.data() + 57, count);
    EXPECT_EQ(records_of(damaged), -1) << count;
  }
  Bytes repeated = whole;
  wire::store(repeated.data() + 23, std::int32_t{1});  // ends at delta 1: the third record lies beyond it
  EXPECT_EQ(records_of(repeated), -1);
}

}  // namespace
}  // namespace shunt::protocol
