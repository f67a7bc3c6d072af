#include "tools/shunt/progress_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/statuses.h"

namespace shunt::tools {
namespace {

using replicate::MirrorStatus;
using replicate::PartitionState;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using tests::running_partition;

MirrorStatus many_topics(int count) {
  MirrorStatus status;
  status.discovering = false;
  for (int i = 0; i < count; ++i) {
    status.partitions.push_back(
        running_partition("a-topic-with-a-rather-long-name-" + std::to_string(i), 0, 0, 1000, 1000 + i));
  }
  return status;
}

std::vector<std::string> view(const MirrorStatus& status, ViewSize size) {
  ProgressMeter meter;
  return live_view(status, meter.measure(status, {}), size);
}

TEST(LiveViewTest, ShowsTopicsAndTheirSum) {
  MirrorStatus status;
  status.discovering = false;
  status.partitions = {running_partition("clicks", 0, 0, 500, 1000), running_partition("orders", 0, 0, 1000, 1000)};
  const auto lines = view(status, {.columns = 79, .rows = 23});
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_THAT(lines[0], AllOf(StartsWith("topic "), HasSubstr("records"), HasSubstr("bytes"), HasSubstr("rate"),
                              HasSubstr("lag"), HasSubstr("done"), HasSubstr("time left")));
  EXPECT_THAT(lines[1], AllOf(StartsWith("clicks "), HasSubstr(" 50.00 kB "), HasSubstr(" 50.0 %")));
  EXPECT_THAT(lines[2], AllOf(StartsWith("orders "), HasSubstr(" 1,000 "), HasSubstr(" 100.0 %")));
  EXPECT_THAT(lines[3], AllOf(StartsWith("total "), HasSubstr(" 1,500 "), HasSubstr(" 75.0 %")));
}

TEST(LiveViewTest, NamesTheFlowWhenThereAreSeveral) {
  MirrorStatus status = many_topics(1);
  status.partitions.push_back(running_partition("orders", 0, 0, 0, 1));
  status.partitions.back().flow = "B->A";
  EXPECT_THAT(view(status, {.columns = 120, .rows = 23}), Contains(StartsWith("B->A orders ")));
}

TEST(LiveViewTest, FitsEveryTerminal) {
  MirrorStatus status = many_topics(30);
  for (int i = 0; i < 20; ++i) {
    status.partitions[static_cast<std::size_t>(i)].state = PartitionState::failed;
    status.partitions[static_cast<std::size_t>(i)].reason = std::string(300, 'r');
  }
  for (std::size_t columns = 0; columns < 200; ++columns) {
    for (std::size_t rows = 1; rows < 50; rows += 3) {
      const auto lines = view(status, {.columns = columns, .rows = rows});
      EXPECT_LE(lines.size(), rows);
      for (const std::string& line : lines) EXPECT_LE(line.size(), columns) << line;
    }
  }
}

TEST(LiveViewTest, ANarrowTerminalKeepsTheShareDone) {
  MirrorStatus status = many_topics(2);
  EXPECT_THAT(view(status, {.columns = 40, .rows = 23})[0], AllOf(HasSubstr("done"), Not(HasSubstr("bytes"))));
}

TEST(LiveViewTest, TopicsWithMostToDoComeFirst) {
  const auto lines = view(many_topics(30), {.columns = 120, .rows = 10});
  ASSERT_EQ(lines.size(), 10U);
  EXPECT_THAT(lines[1], HasSubstr("-29 "));
  EXPECT_THAT(lines[8], StartsWith("... and 23 topics with less to do"));
  EXPECT_THAT(lines[9], StartsWith("total "));
}

TEST(LiveViewTest, TellsWhatFailedAndWhatWaitsOnOneLineEach) {
  MirrorStatus status = many_topics(3);
  status.topic_errors.emplace_back("A->B: clicks: refused");
  status.partitions[0].state = PartitionState::failed;
  status.partitions[0].reason = "two\nlines \x1b[31m";
  status.partitions[1].state = PartitionState::waiting;
  status.partitions[1].reason = "no leader";
  const auto lines = view(status, {.columns = 150, .rows = 23});
  ASSERT_EQ(lines.size(), 8U);
  EXPECT_EQ(lines[5], "failed: A->B: clicks: refused");
  EXPECT_THAT(lines[6], HasSubstr("-0: two lines  [31m"));
  EXPECT_THAT(lines[7], AllOf(StartsWith("1 partition waits: "), HasSubstr("no leader")));
}

TEST(LiveViewTest, CountsTheFailuresThatHaveNoRoom) {
  MirrorStatus status = many_topics(30);
  for (auto& partition : status.partitions) partition.state = PartitionState::failed;
  EXPECT_EQ(view(status, {.columns = 150, .rows = 23}).back(), "... and 25 more such lines");
}

TEST(LiveViewTest, BeforeThereIsAnythingToShow) {
  MirrorStatus status;
  EXPECT_EQ(view(status, {}), std::vector<std::string>{"looking at both clusters ..."});
  status.discovering = false;
  EXPECT_EQ(view(status, {}), std::vector<std::string>{"no partitions yet"});
}

TEST(ProgressLineTest, SumsUpAndNamesTrouble) {
  MirrorStatus status = many_topics(4);
  status.partitions[0].state = PartitionState::failed;
  status.partitions[1].state = PartitionState::waiting;
  ProgressMeter meter;
  EXPECT_EQ(
      progress_line(status, meter.measure(status, {})),
      "4,000 records, 400.00 kB, 0 B/s, lag 6 records, 99.8 %, 1 of 4 partitions waiting, 1 of 4 partitions FAILED");
}

}  // namespace
}  // namespace shunt::tools
