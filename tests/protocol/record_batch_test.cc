#include "protocol/record_batch.h"

#include <random>

#include <gtest/gtest.h>

#include "protocol/crc32c.h"
#include "tests/support/fetch_bodies.h"

namespace shunt::protocol {
namespace {

using tests::make_batch;

std::span<std::byte, record_batch_header_size> header_of(std::vector<std::byte>& batch) {
  return std::span<std::byte>(batch).first<record_batch_header_size>();
}
std::uint32_t actual_crc(const std::vector<std::byte>& batch) {
  return crc32c(std::span<const std::byte>(batch).subspan(21));
}

TEST(RecordBatch, reads_every_field_where_kafka_puts_it) {
  std::vector<std::byte> bytes(record_batch_header_size);
  wire::store(&bytes[0], std::int64_t{0x0102030405060708});
  wire::store(&bytes[8], std::int32_t{1000});
  wire::store(&bytes[12], std::int32_t{7});
  bytes[16] = std::byte{2};
  wire::store(&bytes[17], std::uint32_t{0xdeadbeef});
  wire::store(&bytes[21], std::int16_t{0x34});
  wire::store(&bytes[23], std::int32_t{9});
  wire::store(&bytes[27], std::int64_t{1700000000000});
  wire::store(&bytes[35], std::int64_t{1700000000009});
  wire::store(&bytes[43], std::int64_t{4711});
  wire::store(&bytes[51], std::int16_t{3});
  wire::store(&bytes[53], std::int32_t{88});
  wire::store(&bytes[57], std::int32_t{10});
  const RecordBatchHeader header(header_of(bytes));
  EXPECT_EQ(header.base_offset(), Offset(0x0102030405060708));
  EXPECT_EQ(header.size(), 1012);
  EXPECT_EQ(header.partition_leader_epoch(), LeaderEpoch(7));
  EXPECT_EQ(header.magic(), 2);
  EXPECT_EQ(header.crc(), 0xdeadbeefU);
  EXPECT_TRUE(header.is_transactional());
  EXPECT_TRUE(header.is_control());
  EXPECT_FALSE(header.is_log_append_time());
  EXPECT_EQ(header.last_offset_delta(), 9);
  EXPECT_EQ(header.base_timestamp_ms(), 1700000000000);
  EXPECT_EQ(header.max_timestamp_ms(), 1700000000009);
  EXPECT_EQ(header.producer_id(), ProducerId(4711));
  EXPECT_EQ(header.producer_epoch(), ProducerEpoch(3));
  EXPECT_EQ(header.base_sequence(), Sequence(88));
  EXPECT_EQ(header.record_count(), 10);
  EXPECT_TRUE(header.is_dense());
  EXPECT_EQ(header.next_offset(), Offset(0x0102030405060708) + 10);
}

TEST(RecordBatch, a_stamp_changes_what_it_says_and_mends_the_crc) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 2000; ++round) {
    auto batch = make_batch(static_cast<std::int64_t>(random() >> 2), 1 + static_cast<std::int32_t>(random() % 100),
                            random() % 20000, random, static_cast<std::int16_t>(random() % 128));
    const auto original = batch;
    const std::uint16_t codec = RecordBatchHeader(header_of(batch)).attributes() & batch_attributes::codec_mask;
    const Stamp stamp{.producer_id = ProducerId((std::int64_t{1} << 62) + round),
                      .producer_epoch = ProducerEpoch(0),
                      .base_sequence = Sequence(round)};
    stamp_record_batch(header_of(batch), stamp);
    const RecordBatchHeader header(header_of(batch));
    ASSERT_EQ(header.crc(), actual_crc(batch));
    ASSERT_EQ(header.base_offset(), Offset(0));
    ASSERT_EQ(header.attributes(), codec);
    ASSERT_EQ(header.producer_id(), stamp.producer_id);
    ASSERT_EQ(header.producer_epoch(), stamp.producer_epoch);
    ASSERT_EQ(header.base_sequence(), stamp.base_sequence);
    // Everything else is as it was: length, leader epoch, magic, delta, timestamps, count, payload.
    for (std::size_t i = 8; i < batch.size(); ++i) {
      if ((i >= 17 && i < 23) || (i >= 43 && i < 57)) continue;
      ASSERT_EQ(batch[i], original[i]) << i;
    }
  }
}

TEST(RecordBatch, damage_on_the_way_is_not_laundered) {
  std::mt19937_64 random(6);
  auto batch = make_batch(100, 5, 5000, random);
  batch[3000] ^= std::byte{4};
  stamp_record_batch(header_of(batch),
                     {.producer_id = ProducerId(1), .producer_epoch = ProducerEpoch(0), .base_sequence = Sequence(0)});
  EXPECT_NE(RecordBatchHeader(header_of(batch)).crc(), actual_crc(batch));
}

}  // namespace
}  // namespace shunt::protocol
