#include "replicate/data/produce_queue.h"

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/wire_size.h"
#include "protocol/codec.h"
#include "protocol/messages/produce.h"
#include "replicate/data/flow.h"
#include "tests/support/fetch_bodies.h"

namespace shunt::replicate {
namespace {

using protocol::PartitionIndex;
using protocol::ProduceRequest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Bytes = std::vector<std::byte>;

constexpr std::size_t header_size = protocol::record_batch_header_size;
constexpr std::size_t request_header_size = 10;  // api key, version, correlation id, length of the client id

/// Of brokers that know topics by their ids, and of such that do not.
class ProduceQueueTest : public testing::TestWithParam<bool> {
 protected:
  ProduceQueueTest() { queue_.set_knows_ids(GetParam()); }

  static protocol::Uuid id_of(const std::string& topic) {
    protocol::Uuid id;
    id.bytes.fill(static_cast<std::byte>(topic.front()));
    return id;
  }
  Flow& flow(const std::string& topic, std::int32_t partition, bool has_id = true) {
    FlowSpec spec;
    spec.target_topic = topic;
    spec.partition = PartitionIndex(partition);
    Route route;
    if (has_id) route.target.topic_id = id_of(topic);
    return *flows_.emplace_back(std::make_unique<Flow>(spec, route, std::nullopt));
  }

  Bytes batch_of(std::size_t size) { return tests::make_batch(0, 1, size - header_size, random_); }

  /// The header and so many bytes of the payload.
  void begin(Flow& to, const Bytes& batch, std::size_t payload) {
    queue_.begin_batch(to, std::span(batch).first<header_size>(), batch.size());
    if (payload > 0) queue_.add_payload({}, std::span(batch).subspan(header_size, payload));
  }
  void add(Flow& to, const Bytes& batch) { begin(to, batch, batch.size() - header_size); }

  void flush() {
    queue_.flush(
        out_, [this] { return ++correlation_id_; },
        [this](const ProduceQueue::Request& request) { announced_.push_back(request); });
  }

  /// What was sent since the last call: each request as "topic-partition" in order, the batches kept by partition.
  std::vector<std::vector<std::string>> sent() {
    Bytes bytes;
    for (const iovec& piece : out_.pieces()) {
      const auto* begin = static_cast<const std::byte*>(piece.iov_base);
      bytes.insert(bytes.end(), begin, begin + piece.iov_len);
    }
    out_.clear();
    std::vector<std::vector<std::string>> requests;
    std::span<const std::byte> left(bytes);
    for (const ProduceQueue::Request& announced : announced_) {
      EXPECT_GE(left.size(), announced.bytes);
      const auto frame = left.first(announced.bytes);
      left = left.subspan(announced.bytes);
      EXPECT_EQ(net::read_int32(frame.first<4>()) + 4, static_cast<std::int32_t>(frame.size()));
      EXPECT_EQ(net::read_int32(frame.subspan<8, 4>()), announced.correlation_id);
      const bool is_by_id = announced.version == protocol::produce_by_id;
      const std::size_t header_tags = is_by_id ? 1 : 0;
      const auto request = protocol::decode<ProduceRequest>(
          frame.subspan(4 + request_header_size + client_id.size() + header_tags), announced.version);
      EXPECT_TRUE(request);
      if (!request) return requests;
      std::vector<std::string>& names = requests.emplace_back();
      for (const auto& topic : request->topic_data) {
        for (const auto& partition : topic.partition_data) {
          const std::string name = is_by_id ? std::string(1, static_cast<char>(topic.topic_id.bytes[0])) : topic.name;
          names.push_back(name + "-" + std::to_string(partition.index.value()));
          const auto data = partition.records->bytes();
          arrived_[names.back()].emplace_back(data.begin(), data.end());
        }
      }
      EXPECT_EQ(names.size(), announced.batches);
    }
    EXPECT_TRUE(left.empty());
    announced_.clear();
    return requests;
  }

  const std::string client_id = "shunt-test";
  std::mt19937_64 random_{1};
  ProduceQueue queue_{ProduceSettings{.client_id = client_id, .timeout_ms = 1000}};
  Outgoing out_;
  std::vector<ProduceQueue::Request> announced_;
  std::map<std::string, std::vector<Bytes>> arrived_;
  std::vector<std::unique_ptr<Flow>> flows_;
  std::int32_t correlation_id_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Versions, ProduceQueueTest, testing::Bool(),
                         [](const auto& knows_ids) { return knows_ids.param ? "ById" : "ByName"; });

TEST_P(ProduceQueueTest, TopicsGoByTheirIdsWhereAllOfARequestHaveOne) {
  Flow& a0 = flow("a", 0);
  Flow& b0 = flow("b", 0, false);
  const Bytes batch = batch_of(100);
  add(a0, batch);
  flush();
  EXPECT_EQ(announced_.at(0).version, GetParam() ? protocol::produce_by_id : protocol::produce_by_name);
  EXPECT_THAT(sent(), ElementsAre(ElementsAre("a-0")));
  add(a0, batch);
  add(b0, batch);
  flush();
  EXPECT_EQ(announced_.at(0).version, protocol::produce_by_name);
  EXPECT_THAT(sent(), ElementsAre(ElementsAre("a-0", "b-0")));
}

TEST_P(ProduceQueueTest, SmallBatchesOfDifferentPartitionsTravelTogether) {
  Flow& a0 = flow("a", 0);
  Flow& a1 = flow("a", 1);
  Flow& b0 = flow("b", 0);
  const std::vector<Bytes> batches = {batch_of(100), batch_of(200), batch_of(300), batch_of(400)};
  add(a0, batches[0]);
  add(a0, batches[1]);  // the second of its partition: the next request
  add(b0, batches[2]);
  add(a1, batches[3]);
  flush();
  EXPECT_FALSE(queue_.open());
  EXPECT_THAT(sent(), ElementsAre(ElementsAre("a-0", "a-1", "b-0"), ElementsAre("a-0")));
  EXPECT_THAT(arrived_["a-0"], ElementsAre(batches[0], batches[1]));
  EXPECT_THAT(arrived_["b-0"], ElementsAre(batches[2]));
  EXPECT_THAT(arrived_["a-1"], ElementsAre(batches[3]));
  flush();
  EXPECT_THAT(sent(), IsEmpty());
}

TEST_P(ProduceQueueTest, LargeBatchesTravelAlone) {
  Flow& a0 = flow("a", 0);
  Flow& a1 = flow("a", 1);
  Flow& b0 = flow("b", 0);
  const Bytes large = batch_of(group_below_bytes);
  const Bytes small = batch_of(group_below_bytes - 1);
  add(a0, large);
  add(a1, small);
  add(b0, small);
  flush();
  EXPECT_THAT(sent(), ElementsAre(ElementsAre("a-1", "b-0"), ElementsAre("a-0")));
  EXPECT_THAT(arrived_["a-0"], ElementsAre(large));
}

TEST_P(ProduceQueueTest, ABatchThatIsCutInTwoGoesLastAndNothingComesBetweenItsParts) {
  Flow& a0 = flow("a", 0);
  Flow& a1 = flow("a", 1);
  const Bytes first = batch_of(1000);
  const Bytes cut = batch_of(5000);
  add(a1, first);
  begin(a0, cut, 1500);
  flush();
  EXPECT_TRUE(queue_.open());
  queue_.add_payload({}, std::span(cut).subspan(header_size + 1500, 2000));
  flush();
  EXPECT_TRUE(queue_.open());
  queue_.add_payload({}, std::span(cut).subspan(header_size + 3500));
  EXPECT_FALSE(queue_.open());
  const Bytes next = batch_of(700);
  add(a0, next);
  flush();
  EXPECT_THAT(sent(), ElementsAre(ElementsAre("a-1"), ElementsAre("a-0"), ElementsAre("a-0")));
  EXPECT_THAT(arrived_["a-0"], ElementsAre(cut, next));
}

TEST_P(ProduceQueueTest, WhateverIsSentEveryPartitionKeepsItsOrder) {
  std::vector<Flow*> flows;
  for (const char* topic : {"a", "b", "c"}) {
    for (std::int32_t partition = 0; partition < 4; ++partition) flows.push_back(&flow(topic, partition));
  }
  std::map<std::string, std::vector<Bytes>> expected;
  std::vector<std::unique_ptr<Bytes>> kept;
  for (int round = 0; round < 100; ++round) {
    const std::size_t batches = random_() % 20;
    for (std::size_t i = 0; i < batches; ++i) {
      Flow& to = *flows[random_() % flows.size()];
      const std::size_t size = random_() % 8 == 0 ? group_below_bytes + random_() % 1000 : 62 + random_() % 3000;
      const Bytes& batch = *kept.emplace_back(std::make_unique<Bytes>(batch_of(size)));
      expected[to.spec().target_name()].push_back(batch);
      const std::size_t payload = batch.size() - header_size;
      if (i + 1 < batches) {
        add(to, batch);
        continue;
      }
      const std::size_t before = random_() % payload;  // the last one is cut
      begin(to, batch, before);
      flush();
      ASSERT_TRUE(queue_.open());
      queue_.add_payload({}, std::span(batch).subspan(header_size + before));
    }
    flush();
    sent();
  }
  EXPECT_EQ(arrived_, expected);
}

TEST_P(ProduceQueueTest, WhatIsClearedIsForgotten) {
  Flow& a0 = flow("a", 0);
  const Bytes cut = batch_of(5000);
  begin(a0, cut, 100);
  flush();
  queue_.clear();
  EXPECT_FALSE(queue_.open());
  EXPECT_FALSE(queue_.has_unflushed());
  out_.clear();
  announced_.clear();
  const Bytes batch = batch_of(100);
  add(a0, batch);
  flush();
  EXPECT_THAT(sent(), ElementsAre(ElementsAre("a-0")));
  EXPECT_THAT(arrived_["a-0"], ElementsAre(batch));
}

}  // namespace
}  // namespace shunt::replicate
