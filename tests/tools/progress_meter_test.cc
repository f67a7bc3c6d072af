#include "tools/shunt/progress_meter.h"

#include <gtest/gtest.h>

#include "tests/tools/statuses.h"

namespace shunt::tools {
namespace {

using namespace std::chrono_literals;
using replicate::MirrorStatus;
using replicate::PartitionState;
using tests::running_partition;

const std::chrono::steady_clock::time_point start{};

MirrorStatus of(std::vector<replicate::PartitionStatus> partitions) {
  MirrorStatus status;
  status.discovering = false;
  status.partitions = std::move(partitions);
  return status;
}

TEST(ProgressMeterTest, AddsUpByTopic) {
  ProgressMeter meter;
  const auto topics =
      meter.measure(of({running_partition("orders", 0, 10, 20, 110), running_partition("orders", 1, 0, 40, 100),
                        running_partition("x", 0, 0, 5, 5)}),
                    start);
  ASSERT_EQ(topics.size(), 2U);
  EXPECT_EQ(topics[0].topic, "orders");
  EXPECT_EQ(topics[0].partitions, 2U);
  EXPECT_EQ(topics[0].records, 50U);
  EXPECT_EQ(topics[0].lag, 150);
  EXPECT_EQ(topics[0].way, 200);
  EXPECT_EQ(topics[0].percent(), 25.0);
  EXPECT_EQ(topics[1].percent(), 100.0);
  EXPECT_EQ(topics[1].seconds_left(), 0.0);
  const Progress total = total_of(topics);
  EXPECT_EQ(total.partitions, 3U);
  EXPECT_EQ(total.records, 55U);
  EXPECT_EQ(total.to_go, 150);
}

TEST(ProgressMeterTest, TheWayEndsAtTheGoalIfThereIsOne) {
  ProgressMeter meter;
  auto partition = running_partition("orders", 0, 0, 100, 1000);
  partition.goal = 100;
  const auto topics = meter.measure(of({partition}), start);
  EXPECT_EQ(topics[0].percent(), 100.0);
  EXPECT_EQ(topics[0].lag, 900);
}

TEST(ProgressMeterTest, AlmostDoneIsNotDone) {
  ProgressMeter meter;
  EXPECT_EQ(meter.measure(of({running_partition("orders", 0, 0, 99'999, 100'000)}), start)[0].percent(), 99.9);
}

TEST(ProgressMeterTest, SaysNothingOfWhatIsNotKnown) {
  ProgressMeter meter;
  auto unknown = running_partition("orders", 1, 0, 0, 0);
  unknown.start = unknown.position = unknown.source_end = -1;
  auto topics = meter.measure(of({running_partition("orders", 0, 0, 5, 10), unknown}), start);
  EXPECT_EQ(topics[0].percent(), std::nullopt);
  EXPECT_EQ(topics[0].seconds_left(), std::nullopt);
  EXPECT_EQ(topics[0].lag, 5);
  unknown.state = PartitionState::failed;  // it will never be known
  topics = meter.measure(of({running_partition("orders", 0, 0, 5, 10), unknown}), start);
  EXPECT_EQ(topics[0].percent(), 50.0);
  EXPECT_EQ(topics[0].failed, 1U);
}

TEST(ProgressMeterTest, RatesAreTakenBetweenPicturesAndSmoothed) {
  ProgressMeter meter;
  EXPECT_EQ(meter.measure(of({running_partition("orders", 0, 0, 500, 3000)}), start)[0].records_per_second, 0);
  const auto second = meter.measure(of({running_partition("orders", 0, 0, 1500, 3000)}), start + 2s);
  EXPECT_DOUBLE_EQ(second[0].records_per_second, 500);
  EXPECT_DOUBLE_EQ(second[0].bytes_per_second, 50'000);
  EXPECT_EQ(second[0].seconds_left(), 3.0);
  const auto third = meter.measure(of({running_partition("orders", 0, 0, 1500, 3000)}), start + 3s);
  EXPECT_DOUBLE_EQ(third[0].records_per_second, 350);
}

TEST(ProgressMeterTest, APictureAtTheSameMomentOrWithSmallerSumsHasNoRate) {
  ProgressMeter meter;
  meter.measure(of({running_partition("orders", 0, 0, 500, 3000)}), start);
  EXPECT_EQ(meter.measure(of({running_partition("orders", 0, 0, 600, 3000)}), start)[0].records_per_second, 0);
  EXPECT_EQ(meter.measure(of({running_partition("orders", 0, 0, 10, 3000)}), start + 1s)[0].records_per_second, 0);
}

TEST(ProgressMeterTest, NoForecastAtAStandstill) {
  ProgressMeter meter;
  meter.measure(of({running_partition("orders", 0, 0, 500, 3000)}), start);
  EXPECT_EQ(meter.measure(of({running_partition("orders", 0, 0, 500, 3000)}), start + 1s)[0].seconds_left(),
            std::nullopt);
}

}  // namespace
}  // namespace shunt::tools
