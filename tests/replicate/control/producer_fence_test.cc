#include "replicate/control/producer_fence.h"

#include <limits>

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/messages/write_txn_markers.h"
#include "tests/replicate/control/fake_kafka.h"

namespace shunt::replicate {
namespace {

using net::Awaitable;
using protocol::PartitionIndex;
using protocol::ProducerEpoch;
using protocol::ProducerId;
using ::testing::HasSubstr;
using tests::FakeKafka;
using tests::FakePartition;

constexpr ProducerId identity{(std::int64_t{1} << 62) + 5};

/// A target to which the mirror has written in epoch 2, and a marker of it before.
class ProducerFenceTest : public ::testing::Test {
 protected:
  ProducerFenceTest() {
    kafka.create("t", 1);
    write_marker(2);
    log().append("records", 7);
    log().producers = {identity.value()};
    log().epochs[identity.value()] = 2;
    kafka.broker(0).on<protocol::WriteTxnMarkersRequest>([this](const protocol::WriteTxnMarkersRequest& request) {
      const auto& asked = request.markers.front();
      asked_epoch = asked.producer_epoch;
      for (int i = 0; i < markers_written; ++i) write_marker(asked.producer_epoch.value());
      protocol::WriteTxnMarkersResponse response;
      auto& topic = response.markers.emplace_back().topics.emplace_back();
      topic.name = "t";
      topic.partitions.push_back({.partition_index = PartitionIndex(0), .error_code = error});
      return response;
    });
  }
  FakePartition& log() { return kafka.partition("t", 0); }
  void write_marker(std::int16_t epoch) {
    log().append_markers(1);
    log().batches.back().producer_id = identity.value();
    log().batches.back().producer_epoch = epoch;
  }
  std::optional<ProducerEpoch> raise(std::int16_t last) {
    Cluster target(context.get_executor(), kafka.settings("B"));
    std::optional<ProducerEpoch> raised;
    why.clear();
    tests::run(context, [&]() -> Awaitable<> {
      co_await target.refresh_topics();
      const TopicPartition partition{"t", PartitionIndex(0)};
      try {
        raised = co_await raise_epoch(target, partition, identity, ProducerEpoch(last));
      } catch (const ClusterError& failure) {
        why = failure.what();
      }
    });
    return raised;
  }

  net::asio::io_context context;
  FakeKafka kafka{context, 1};
  int markers_written = 1;
  std::int16_t error = 0;
  ProducerEpoch asked_epoch{-1};
  std::string why;
};

TEST_F(ProducerFenceTest, RaisesItAboveWhatTheTargetKnowsAndWhatTheMapTells) {
  EXPECT_EQ(raise(0), ProducerEpoch(3));
  log().epochs.clear();
  log().producers.clear();
  EXPECT_EQ(raise(6), ProducerEpoch(7)) << "the target has forgotten the producer id";
}

TEST_F(ProducerFenceTest, AnEpochThatTwoHaveRaisedIsNobodys) {
  markers_written = 2;
  EXPECT_EQ(raise(0), std::nullopt);
  EXPECT_THAT(why, HasSubstr("2 markers of epoch 3"));
  markers_written = 0;
  EXPECT_EQ(raise(0), std::nullopt);
  EXPECT_THAT(why, HasSubstr("0 markers of epoch 3"));
}

TEST_F(ProducerFenceTest, WithoutTheRightNobodyIsShutOut) {
  markers_written = 0;
  error = 31;  // CLUSTER_AUTHORIZATION_FAILED
  EXPECT_EQ(raise(0), std::nullopt);
  EXPECT_EQ(why, "");
}

TEST_F(ProducerFenceTest, WhatIsRefusedOtherwiseIsTriedAgain) {
  markers_written = 0;
  error = 47;  // INVALID_PRODUCER_EPOCH: another one was faster
  EXPECT_EQ(raise(0), std::nullopt);
  EXPECT_THAT(why, HasSubstr("INVALID_PRODUCER_EPOCH"));
}

TEST_F(ProducerFenceTest, NothingComesBehindTheLastEpoch) {
  EXPECT_EQ(raise(std::numeric_limits<std::int16_t>::max()), std::nullopt);
  EXPECT_EQ(asked_epoch, ProducerEpoch(-1)) << "nothing is asked of the target";
}

}  // namespace
}  // namespace shunt::replicate
