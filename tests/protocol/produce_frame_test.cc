#include "protocol/produce_frame.h"

#include <random>

#include <gtest/gtest.h>

#include "protocol/messages/produce.h"
#include "protocol/produce_response.h"
#include "protocol/request.h"
#include "protocol/wire.h"

namespace shunt::protocol {
namespace {

/// Of both versions.
class ProduceFrame : public testing::TestWithParam<std::int16_t> {
 protected:
  const std::int16_t version_ = GetParam();
};

constexpr auto name_of_version = [](const auto& version) {
  return version.param == produce_by_id ? "by_id" : "by_name";
};
INSTANTIATE_TEST_SUITE_P(versions, ProduceFrame, testing::Values(produce_by_name, produce_by_id), name_of_version);

TEST_P(ProduceFrame, is_byte_for_byte_what_the_codec_writes) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 50; ++round) {
    ProduceRequest request;
    request.acks = -1;
    request.timeout_ms = 30000 + round;
    for (std::uint64_t t = random() % 4; t > 0; --t) {
      auto& topic = request.topic_data.emplace_back();
      topic.name = "topic" + std::to_string(random() % 1000);
      for (std::byte& byte : topic.topic_id.bytes) byte = static_cast<std::byte>(random());
      for (std::uint64_t p = random() % 4 + (round == 0 ? 200 : 1); p > 0; --p) {
        auto& partition = topic.partition_data.emplace_back();
        partition.index = PartitionIndex(static_cast<std::int32_t>(random() % 1000));
        partition.records = Records(std::vector<std::byte>(random() % 300, std::byte{7}));
      }
    }
    if (request.topic_data.empty()) continue;
    std::vector<std::byte> frame;
    append_produce_prologue(frame, {.version = version_,
                                    .correlation_id = 99,
                                    .client_id = "shunt-test",
                                    .timeout_ms = request.timeout_ms,
                                    .topics = static_cast<std::uint32_t>(request.topic_data.size())});
    for (const auto& topic : request.topic_data) {
      append_produce_topic(frame, version_, topic.name, topic.topic_id,
                           static_cast<std::uint32_t>(topic.partition_data.size()));
      for (const auto& partition : topic.partition_data) {
        append_produce_partition(frame, version_, partition.index, partition.records->size());
        const auto bytes = partition.records->bytes();
        frame.insert(frame.end(), bytes.begin(), bytes.end());
        const bool is_last = &partition == &topic.partition_data.back();
        const ProduceEnd end = !is_last                               ? ProduceEnd::partition
                               : &topic == &request.topic_data.back() ? ProduceEnd::request
                                                                      : ProduceEnd::topic;
        const std::size_t before = frame.size();
        append_produce_end(frame, version_, end);
        EXPECT_EQ(frame.size() - before, produce_end_bytes(version_, end));
      }
    }
    wire::store(frame.data(), static_cast<std::int32_t>(frame.size() - 4));
    EXPECT_EQ(frame, encode_request(request, version_, 99, "shunt-test"));
  }
}

/// What ProduceResponseReader reads: all behind the correlation id.
std::vector<std::byte> encoded(const ProduceResponse& response, std::int16_t version) {
  std::vector<std::byte> bytes;
  if (ProduceResponse::api.response_header(version) == 1) bytes.push_back(std::byte{0});  // no tags
  const auto body = encode(response, version);
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

ProduceResponse some_response(std::int16_t version) {
  ProduceResponse response;
  response.throttle_time_ms = 12;
  for (const char* name : {"orders", "clicks"}) {
    auto& topic = response.responses.emplace_back();
    if (version == produce_by_id) {
      topic.topic_id.bytes.fill(static_cast<std::byte>(*name));
    } else {
      topic.name = name;
    }
    for (int p = 0; p < 3; ++p) {
      auto& partition = topic.partition_responses.emplace_back();
      partition.index = PartitionIndex(p);
      partition.error_code = static_cast<std::int16_t>(p == 1 ? 87 : 0);
      partition.base_offset = Offset(p * 100);
      partition.log_append_time_ms = p == 2 ? 1700000000000 : -1;
      partition.log_start_offset = Offset(p);
      if (p != 1) continue;
      partition.error_message = "no good";
      if (version == produce_by_id)
        partition.current_leader = {.leader_id = BrokerId(2), .leader_epoch = LeaderEpoch(9)};
      auto& error = partition.record_errors.emplace_back();
      error.batch_index = 4;
      error.batch_index_error_message = "a null key";
    }
  }
  return response;
}

class ProduceResponseOfVersion : public ProduceFrame {};
INSTANTIATE_TEST_SUITE_P(versions, ProduceResponseOfVersion, testing::Values(produce_by_name, produce_by_id),
                         name_of_version);

TEST_P(ProduceResponseOfVersion, is_read_as_the_codec_writes_it) {
  const ProduceResponse response = some_response(version_);
  const auto body = encoded(response, version_);
  ProduceResponseReader reader(version_, body);
  for (const auto& topic : response.responses) {
    for (const auto& partition : topic.partition_responses) {
      ASSERT_TRUE(reader.next());
      EXPECT_EQ(reader.topic(), topic.name);
      EXPECT_EQ(reader.topic_id(), topic.topic_id);
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

TEST_P(ProduceResponseOfVersion, is_malformed_with_every_truncation_and_every_surplus) {
  auto body = encoded(some_response(version_), version_);
  for (std::size_t size = 0; size < body.size(); ++size) {
    const std::span<const std::byte> part = std::span<const std::byte>(body).first(size);
    ProduceResponseReader reader(version_, part);
    while (reader.next()) {
    }
    ASSERT_TRUE(reader.malformed()) << size;
  }
  body.push_back(std::byte{0});
  ProduceResponseReader reader(version_, body);
  while (reader.next()) {
  }
  EXPECT_TRUE(reader.malformed());
}

}  // namespace
}  // namespace shunt::protocol
