#include "protocol/fetch_stream.h"

#include <random>

#include <gtest/gtest.h>

#include "tests/support/fetch_bodies.h"

namespace shunt::protocol {
namespace {

using tests::make_batch;

/// What FetchStream reads: all behind the correlation id.
std::vector<std::byte> encoded(const FetchResponse& response, std::int16_t version) {
  std::vector<std::byte> bytes;
  if (FetchResponse::api.response_header(version) == 1) bytes.push_back(std::byte{0});  // no tags
  const auto body = encode(response, version);
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

/// Of both versions that it reads.
class FetchStreamTest : public testing::TestWithParam<std::int16_t> {
 protected:
  const std::int16_t version_ = GetParam();
  [[nodiscard]] bool is_by_id() const { return version_ == FetchStream::by_id; }
  std::string events_of(std::span<const std::byte> body, const std::function<std::size_t(std::size_t)>& next_size) {
    return tests::events_of(version_, body, next_size);
  }
  [[nodiscard]] std::vector<std::byte> encode(const FetchResponse& response) const {
    return encoded(response, version_);
  }

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
    orders.topic_id = orders_id_;
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
    if (is_by_id()) {
      failed.diverging_epoch = {.epoch = LeaderEpoch(3), .end_offset = Offset(77)};
      failed.current_leader = {.leader_id = BrokerId(2), .leader_epoch = LeaderEpoch(4)};
    }
    auto& clicks = response.responses.emplace_back();
    clicks.topic = "clicks.of.others";
    clicks.topic_id.bytes.fill(std::byte{0xff});
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
    return encode(response);
  }

  Uuid orders_id_ = *Uuid::from_string("tXkWTmyzQ0q8ytPnBvxBpQ");
  std::mt19937_64 random_{7};
};

INSTANTIATE_TEST_SUITE_P(versions, FetchStreamTest, testing::Values(FetchStream::by_name, FetchStream::by_id),
                         [](const auto& version) { return version.param == FetchStream::by_id ? "by_id" : "by_name"; });

std::size_t whole(std::size_t left) {
  return left;
}

TEST_P(FetchStreamTest, tells_what_is_there) {
  const std::string events = events_of(rich_body(), whole);
  EXPECT_NE(events.find("response 17 0 4711\n"), std::string::npos);
  const std::string orders = is_by_id() ? orders_id_.to_string() : "orders";
  EXPECT_NE(events.find("partition " + orders + "-3 0 1000 1000 0 -1"), std::string::npos) << events;
  EXPECT_NE(events.find("partition " + orders + "-4 6"), std::string::npos);
  EXPECT_NE(events.find("aborted 1@10 aborted 2@20 aborted 3@30"), std::string::npos);
  EXPECT_NE(events.find("batch 61 "), std::string::npos);
  EXPECT_NE(events.find("old format 1 at 50"), std::string::npos);
  EXPECT_NE(events.find("done, 101 cut off"), std::string::npos) << events;
}

TEST_P(FetchStreamTest, finds_the_batches_the_full_decoder_finds) {
  const auto body = rich_body();
  const auto decoded = decode<FetchResponse>(std::span(body).subspan(is_by_id() ? 1 : 0), version_);
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

TEST_P(FetchStreamTest, says_the_same_however_the_bytes_arrive) {
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

TEST_P(FetchStreamTest, every_truncation_is_malformed) {
  const auto body = rich_body();
  for (std::size_t size = 1; size < body.size(); ++size) {
    const std::string events = events_of(std::span(body).first(size), whole);
    ASSERT_TRUE(events.ends_with("malformed\n")) << size << "\n" << events;
  }
}

TEST_P(FetchStreamTest, bytes_after_the_end_are_malformed) {
  auto body = rich_body();
  body.push_back(std::byte{0});
  EXPECT_TRUE(events_of(body, whole).ends_with("malformed\n"));
}

TEST_P(FetchStreamTest, a_batch_of_impossible_size_is_malformed) {
  for (const std::int32_t length : {-1, 0, 48, INT32_MIN}) {
    FetchResponse response;
    auto& partition = response.responses.emplace_back().partitions.emplace_back();
    auto bad = batch(0, 100);
    wire::store(&bad[8], length);
    partition.records = bad;
    EXPECT_TRUE(events_of(encode(response), whole).ends_with("malformed\n")) << length;
  }
}

TEST(FetchStreamByName, sizes_and_counts_that_cannot_be_are_malformed) {
  FetchResponse response;
  response.responses.emplace_back().partitions.emplace_back();
  const auto body = encoded(response, FetchStream::by_name);
  const std::size_t aborted = body.size() - 12;  // then the preferred read replica and the records' size
  const std::size_t records = body.size() - 4;
  for (const std::size_t at : {aborted, records}) {
    auto bad = body;
    wire::store(&bad[at], std::int32_t{-1});
    EXPECT_TRUE(tests::events_of(FetchStream::by_name, bad, whole).ends_with("done, 0 cut off\n"));
    for (const std::int32_t value : {-2, INT32_MIN, INT32_MAX}) {
      wire::store(&bad[at], value);
      EXPECT_TRUE(tests::events_of(FetchStream::by_name, bad, whole).ends_with("malformed\n")) << at << " " << value;
    }
  }
}

TEST(FetchStreamByName, null_arrays_are_empty) {
  std::vector<std::byte> body(14);
  wire::store(&body[10], std::int32_t{-1});
  EXPECT_EQ(tests::events_of(FetchStream::by_name, body, whole), "response 0 0 0\ndone, 0 cut off\n");
  wire::store(&body[10], std::int32_t{-2});
  EXPECT_TRUE(tests::events_of(FetchStream::by_name, body, whole).ends_with("malformed\n"));
}

class FetchStreamById : public testing::Test {
 protected:
  static std::string events_of(std::span<const std::byte> body) {
    const std::string events = tests::events_of(FetchStream::by_id, body, whole);
    EXPECT_EQ(tests::events_of(FetchStream::by_id, body, [](std::size_t) { return 1; }), events);
    return events;
  }
  /// `with` in the place of the byte there.
  static std::vector<std::byte> replaced(std::vector<std::byte> body, std::size_t at, std::initializer_list<int> with) {
    std::vector<std::byte> bytes;
    for (const int byte : with) bytes.push_back(static_cast<std::byte>(byte));
    body.erase(body.begin() + static_cast<std::ptrdiff_t>(at));
    body.insert(body.begin() + static_cast<std::ptrdiff_t>(at), bytes.begin(), bytes.end());
    return body;
  }

  // Behind the header's tags: throttle, error, session | topics | id | partitions | the partition | aborted | replica |
  // records | tags of the partition, of the topic, of all.
  static constexpr std::size_t at_topics = 11;
  static constexpr std::size_t at_partitions = at_topics + 1 + 16;
  static constexpr std::size_t at_aborted = at_partitions + 1 + 30;
  static constexpr std::size_t at_records = at_aborted + 1 + 4;
  std::vector<std::byte> body_ = [] {
    FetchResponse response;
    response.responses.emplace_back().partitions.emplace_back();
    return encoded(response, FetchStream::by_id);
  }();
};

TEST_F(FetchStreamById, null_arrays_and_records_are_empty) {
  for (const std::size_t at : {at_aborted, at_records}) {
    for (const int count : {0, 1}) EXPECT_TRUE(events_of(replaced(body_, at, {count})).ends_with("done, 0 cut off\n"));
  }
}

TEST_F(FetchStreamById, sizes_and_counts_that_cannot_be_are_malformed) {
  for (const std::size_t at : {at_aborted, at_records}) {
    for (const auto largest : {0x07, 0x0f}) {  // 2^31 and 2^32, less two
      EXPECT_TRUE(events_of(replaced(body_, at, {0xff, 0xff, 0xff, 0xff, largest})).ends_with("malformed\n")) << at;
    }
    EXPECT_TRUE(events_of(replaced(body_, at, {3})).ends_with("malformed\n")) << "more than there is";
  }
}

TEST_F(FetchStreamById, numbers_of_more_than_32_bits_are_malformed) {
  const std::size_t tags = at_records + 1;
  for (const std::size_t at : {std::size_t{0}, at_topics, at_partitions, at_aborted, at_records, tags}) {
    EXPECT_TRUE(events_of(replaced(body_, at, {0x80, 0x80, 0x80, 0x80, 0x10})).ends_with("malformed\n")) << at;
    EXPECT_TRUE(events_of(replaced(body_, at, {0x80, 0x80, 0x80, 0x80, 0x80, 0})).ends_with("malformed\n")) << at;
  }
}

TEST_F(FetchStreamById, fields_that_nobody_knows_are_passed_over) {
  const std::string expected = events_of(body_);
  const std::size_t tags = at_records + 1;
  for (const std::size_t at : {std::size_t{0}, tags, tags + 1, tags + 2}) {
    EXPECT_EQ(events_of(replaced(body_, at, {2, 0x80, 0x01, 3, 1, 2, 3, 5, 0})), expected) << at;
    EXPECT_TRUE(events_of(replaced(body_, at, {1, 0, 0xff, 0x7f})).ends_with("malformed\n")) << at;
  }
}

}  // namespace
}  // namespace shunt::protocol
