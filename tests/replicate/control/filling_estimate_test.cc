#include "replicate/control/filling_estimate.h"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "protocol/record_batch.h"
#include "tests/replicate/control/fake_kafka.h"

namespace shunt::replicate {
namespace {

using net::Awaitable;
using protocol::Offset;
using protocol::PartitionIndex;
using tests::FakeBatch;
using tests::FakeKafka;

constexpr std::int64_t range = 1'000'000;
constexpr std::int64_t samples = 8;
constexpr std::int16_t fetch_key = 1;

class FillingEstimateTest : public ::testing::Test {
 protected:
  FillingEstimateTest() { kafka.create("s", 1).partitions[0].log_end = range; }

  /// A batch at every place that is looked at.
  void put(std::int64_t behind, std::int32_t records, std::uint16_t attributes) {
    for (std::int64_t i = 0; i < samples; ++i) {
      FakeBatch batch;
      batch.base = range / samples * i + behind;
      batch.records = records;
      batch.attributes = attributes;
      kafka.partition("s", 0).batches.push_back(batch);
    }
  }
  FillingEstimate estimate(std::int64_t start, std::int64_t end) {
    Cluster source(context.get_executor(), kafka.settings("A"));
    FillingEstimate result;
    tests::run(context, [&]() -> Awaitable<> {
      co_await source.refresh_topics();
      const TopicPartition partition{"s", PartitionIndex(0)};
      result = co_await estimate_filling(source, partition, Offset(start), Offset(end), Isolation::read_committed);
    });
    return result;
  }

  net::asio::io_context context;
  FakeKafka kafka{context, 1};
};

TEST_F(FillingEstimateTest, OrdinaryBatchesTakeNothing) {
  put(0, 100, 0);
  EXPECT_EQ(estimate(0, range).places, 0);
  EXPECT_EQ(estimate(0, range).time, net::Duration::zero());
}

TEST_F(FillingEstimateTest, ShortRangesAreNotLookedAt) {
  put(0, 1, protocol::batch_attributes::control);
  EXPECT_EQ(estimate(0, 99'999).time, net::Duration::zero());
  EXPECT_EQ(kafka.requests(fetch_key), 0);
}

TEST_F(FillingEstimateTest, SamplesStandForTheWholeLog) {
  put(90, 10, 0);  // ninety offsets without a record, then ten with one
  const FillingEstimate found = estimate(0, range);
  EXPECT_EQ(found.offsets, 900'000);
  EXPECT_EQ(found.places, 10'000);
  EXPECT_EQ(found.time, std::chrono::microseconds(900'000 * 7 + 10'000 * 1500));
}

TEST_F(FillingEstimateTest, MarkersAreHolesAndAppendTimesMustBeRewritten) {
  put(0, 1, protocol::batch_attributes::control | protocol::batch_attributes::transactional);
  EXPECT_EQ(estimate(0, range).offsets, range);
  kafka.partition("s", 0).batches.clear();
  put(0, 10, protocol::batch_attributes::log_append_time);
  EXPECT_EQ(estimate(0, range).places, range / 10);
  EXPECT_EQ(estimate(0, range).offsets, 0);
}

TEST_F(FillingEstimateTest, WhatCannotBeReadCountsAsNothing) {
  kafka.partition("s", 0).error = 6;
  EXPECT_EQ(estimate(0, range).time, net::Duration::zero());
}

}  // namespace
}  // namespace shunt::replicate
