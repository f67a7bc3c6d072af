#include "protocol/produce_frame.h"

#include <random>

#include <gtest/gtest.h>

#include "protocol/messages/produce.h"
#include "protocol/produce_response.h"
#include "protocol/request.h"

namespace shunt::protocol {
namespace {

constexpr std::int16_t version = 8;

TEST(ProduceFrame, is_byte_for_byte_what_the_codec_writes) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 50; ++round) {
    ProduceRequest request;
    request.acks = -1;
    request.timeout_ms = 30000 + round;
    ProduceFrameSize size("shunt-test");
    for (std::uint64_t t = random() % 4; t > 0; --t) {
      auto& topic = request.topic_data.emplace_back();
      topic.name = "topic" + std::to_string(random() % 1000);
      size.add_topic(topic.name);
      for (std::uint64_t p = random() % 4; p > 0; --p) {
        auto& partition = topic.partition_data.emplace_back();
        partition.index = PartitionIndex(static_cast<std::int32_t>(random() % 1000));
        partition.records = Records(std::vector<std::byte>(random() % 300, std::byte{7}));
        size.add_partition(partition.records->size());
      }
    }
    std::vector<std::byte> frame;
    append_produce_prologue(frame, {.frame_bytes = size.frame_bytes(),
                                    .correlation_id = 99,
                                    .client_id = "shunt-test",
                                    .timeout_ms = request.timeout_ms,
                                    .topics = static_cast<std::int32_t>(request.topic_data.size())});
    for (const auto& topic : request.topic_data) {
      append_produce_topic(frame, topic.name, static_cast<std::int32_t>(topic.partition_data.size()));
      for (const auto& partition : topic.partition_data) {
        append_produce_partition(frame, partition.index, partition.records->size());
        const auto bytes = partition.records->bytes();
        frame.insert(frame.end(), bytes.begin(), bytes.end());
      }
    }
    EXPECT_EQ(frame.size(), size.frame_bytes());
    EXPECT_EQ(frame, encode_request(request, version, 99, "shunt-test"));
  }
}

ProduceResponse some_response() {
  ProduceResponse response;
  response.throttle_time_ms = 12;
  for (const char* name : {"orders", "clicks"}) {
    auto& topic = response.responses.emplace_back();
    topic.name = name;
    for (int p = 0; p < 3; ++p) {
      auto& partition = topic.partition_responses.emplace_back();
      partition.index = PartitionIndex(p);
      partition.error_code = static_cast<std::int16_t>(p == 1 ? 87 : 0);
      partition.base_offset = Offset(p * 100);
      partition.log_append_time_ms = p == 2 ? 1700000000000 : -1;
      partition.log_start_offset = Offset(p);
      if (p != 1) continue;
      partition.error_message = "no good";
      auto& error = partition.record_errors.emplace_back();
      error.batch_index = 4;
      error.batch_index_error_message = "a null key";
    }
  }
  return response;
}

TEST(ProduceResponseReader, reads_what_the_codec_writes) {
  const ProduceResponse response = some_response();
  const auto body = encode(response, version);
  ProduceResponseReader reader(body);
  for (const auto& topic : response.responses) {
    for (const auto& partition : topic.partition_responses) {
      ASSERT_TRUE(reader.next());
      EXPECT_EQ(reader.topic(), topic.name);
      EXPECT_EQ(reader.partition(), partition.index);
      EXPECT_EQ(reader.error_code(), partition.error_code);
      EXPECT_EQ(reader.base_offset(), partition.base_offset.value());
      EXPECT_EQ(reader.log_append_time_ms(), partition.log_append_time_ms);
      EXPECT_EQ(reader.log_start_offset(), partition.log_start_offset.value());
      EXPECT_EQ(reader.error_message(), partition.error_message.value_or(""));
      const bool names_record = !partition.record_errors.empty();
      EXPECT_EQ(reader.record_index(), names_record ? partition.record_errors.front().batch_index : -1);
      EXPECT_EQ(reader.record_message(),
                names_record ? partition.record_errors.front().batch_index_error_message.value_or("") : "");
    }
  }
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.malformed());
  EXPECT_EQ(reader.throttle_ms(), 12);
}

TEST(ProduceResponseReader, every_truncation_and_every_surplus_is_malformed) {
  auto body = encode(some_response(), version);
  for (std::size_t size = 0; size < body.size(); ++size) {
    const std::span<const std::byte> part = std::span<const std::byte>(body).first(size);
    ProduceResponseReader reader(part);
    while (reader.next()) {
    }
    ASSERT_TRUE(reader.malformed()) << size;
  }
  body.push_back(std::byte{0});
  ProduceResponseReader reader(body);
  while (reader.next()) {
  }
  EXPECT_TRUE(reader.malformed());
}

}  // namespace
}  // namespace shunt::protocol
