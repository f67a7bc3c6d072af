#include "protocol/fetch_stream.h"

#include <random>

#include <gtest/gtest.h>

#include "tests/support/fetch_bodies.h"

namespace shunt::protocol {
namespace {

using tests::events_of;
using tests::make_batch;

constexpr std::int16_t version = 11;

class FetchStreamTest : public testing::Test {
 protected:
  std::vector<std::byte> batch(std::int64_t base, std::size_t payload) { return make_batch(base, 3, payload, random_); }
  static void append(std::vector<std::byte>& to, const std::vector<std::byte>& more) {
    to.insert(to.end(), more.begin(), more.end());
  }

  /// A body with everything a healthy broker sends.
  std::vector<std::byte> rich_body() {
    FetchResponse response;
    response.throttle_time_ms = 17;
    response.session_id = 4711;
    auto& orders = response.responses.emplace_back();
    orders.topic = "orders";
    auto& first = orders.partitions.emplace_back();
    first.partition_index = PartitionIndex(3);
    first.high_watermark = first.last_stable_offset = Offset(1000);
    first.log_start_offset = Offset(0);
    std::vector<std::byte> records = batch(10, 40);
    append(records, batch(13, 0));  // a batch of 61 bytes
    append(records, batch(16, 200));
    auto cut = batch(19, 300);
    cut.resize(90);
    append(records, cut);
    first.records = records;
    auto& failed = orders.partitions.emplace_back();
    failed.partition_index = PartitionIndex(4);
    failed.error_code = 6;
    auto& clicks = response.responses.emplace_back();
    clicks.topic = "clicks.of.others";
    auto& transactional = clicks.partitions.emplace_back();
    transactional.partition_index = PartitionIndex(0);
    transactional.aborted_transactions.emplace();
    for (std::int64_t id = 1; id < 4; ++id) {
      auto& aborted = transactional.aborted_transactions->emplace_back();
      aborted.producer_id = ProducerId(id);
      aborted.first_offset = Offset(id * 10);
    }
    auto tail = batch(30, 100);
    append(tail, std::vector<std::byte>(11));  // too short to be anything
    transactional.records = tail;
    auto& empty = clicks.partitions.emplace_back();
    empty.partition_index = PartitionIndex(1);
    empty.records = Records();
    auto& old = clicks.partitions.emplace_back();
    old.partition_index = PartitionIndex(2);
    auto old_entry = batch(50, 30);
    old_entry[16] = std::byte{1};
    old.records = old_entry;
    return encode(response, version);
  }

  std::mt19937_64 random_{7};
};

std::size_t whole(std::size_t left) {
  return left;
}

TEST_F(FetchStreamTest, tells_what_is_there) {
  const std::string events = events_of(rich_body(), whole);
  EXPECT_NE(events.find("response 17 0 4711\n"), std::string::npos);
  EXPECT_NE(events.find("partition orders-3 0 1000 1000 0 -1"), std::string::npos) << events;
  EXPECT_NE(events.find("partition orders-4 6"), std::string::npos);
  EXPECT_NE(events.find("aborted 1@10 aborted 2@20 aborted 3@30"), std::string::npos);
  EXPECT_NE(events.find("batch 61 "), std::string::npos);
  EXPECT_NE(events.find("old format 1 at 50"), std::string::npos);
  EXPECT_NE(events.find("done, 101 cut off"), std::string::npos) << events;
}

TEST_F(FetchStreamTest, finds_the_batches_the_full_decoder_finds) {
  const auto body = rich_body();
  const auto decoded = decode<FetchResponse>(body, version);
  ASSERT_TRUE(decoded);
  std::string expected;
  for (const auto& topic : decoded->responses) {
    for (const auto& partition : topic.partitions) {
      if (!partition.records) continue;
      std::span<const std::byte> records = *partition.records;
      while (records.size() >= record_batch_header_size && records[16] == std::byte{2}) {
        const auto size = static_cast<std::size_t>(RecordBatchHeader(records.first<record_batch_header_size>()).size());
        if (size > records.size()) break;
        expected += fmt::format("batch {} {:08x}\n", size, crc32c(records.first(size)));
        records = records.subspan(size);
      }
    }
  }
  std::string found;
  const std::string events = events_of(body, whole);
  for (std::size_t at = 0; at < events.size();) {
    const std::size_t end = events.find('\n', at) + 1;
    if (events.compare(at, 6, "batch ") == 0) found += events.substr(at, end - at);
    at = end;
  }
  EXPECT_EQ(found, expected);
}

TEST_F(FetchStreamTest, says_the_same_however_the_bytes_arrive) {
  const auto body = rich_body();
  const std::string expected = events_of(body, whole);
  EXPECT_EQ(events_of(body, [](std::size_t) { return 1; }), expected);
  for (std::size_t split = 1; split < body.size(); ++split) {
    bool first = true;
    ASSERT_EQ(events_of(body, [&](std::size_t left) { return std::exchange(first, false) ? split : left; }), expected)
        << split;
  }
  for (int round = 0; round < 500; ++round) {
    ASSERT_EQ(events_of(body, [&](std::size_t) { return 1 + random_() % 100; }), expected);
  }
}

TEST_F(FetchStreamTest, every_truncation_is_malformed) {
  const auto body = rich_body();
  for (std::size_t size = 1; size < body.size(); ++size) {
    const std::string events = events_of(std::span(body).first(size), whole);
    ASSERT_TRUE(events.ends_with("malformed\n")) << size << "\n" << events;
  }
}

TEST_F(FetchStreamTest, bytes_after_the_end_are_malformed) {
  auto body = rich_body();
  body.push_back(std::byte{0});
  EXPECT_TRUE(events_of(body, whole).ends_with("malformed\n"));
}

TEST_F(FetchStreamTest, a_batch_of_impossible_size_is_malformed) {
  for (const std::int32_t length : {-1, 0, 48, INT32_MIN}) {
    FetchResponse response;
    auto& partition = response.responses.emplace_back().partitions.emplace_back();
    auto bad = batch(0, 100);
    wire::store(&bad[8], length);
    partition.records = bad;
    EXPECT_TRUE(events_of(encode(response, version), whole).ends_with("malformed\n")) << length;
  }
}

TEST_F(FetchStreamTest, sizes_and_counts_that_cannot_be_are_malformed) {
  FetchResponse response;
  response.responses.emplace_back().partitions.emplace_back();
  const auto body = encode(response, version);
  const std::size_t aborted = body.size() - 12;  // then the preferred read replica and the records' size
  const std::size_t records = body.size() - 4;
  for (const std::size_t at : {aborted, records}) {
    auto bad = body;
    wire::store(&bad[at], std::int32_t{-1});
    EXPECT_TRUE(events_of(bad, whole).ends_with("done, 0 cut off\n"));
    for (const std::int32_t value : {-2, INT32_MIN, INT32_MAX}) {
      wire::store(&bad[at], value);
      EXPECT_TRUE(events_of(bad, whole).ends_with("malformed\n")) << at << " " << value;
    }
  }
}

TEST_F(FetchStreamTest, null_arrays_are_empty) {
  std::vector<std::byte> body(14);
  wire::store(&body[10], std::int32_t{-1});
  EXPECT_EQ(events_of(body, whole), "response 0 0 0\ndone, 0 cut off\n");
  wire::store(&body[10], std::int32_t{-2});
  EXPECT_TRUE(events_of(body, whole).ends_with("malformed\n"));
}

}  // namespace
}  // namespace shunt::protocol
