#include "tools/shunt/summary.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/statuses.h"

namespace shunt::tools {
namespace {

using replicate::MirrorStatus;
using replicate::PartitionState;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using tests::running_partition;

MirrorStatus finished() {
  MirrorStatus status;
  status.running = std::chrono::milliseconds(2500);
  status.partitions = {running_partition("orders", 0, 0, 1000, 1000), running_partition("orders", 1, 0, 500, 600)};
  status.partitions[0].batches = 3;
  status.partitions[0].duplicates = 2;
  status.partitions[0].interruptions = 1;
  status.partitions[1].state = PartitionState::failed;
  status.partitions[1].reason = "a \"hole\"\nat \xff";
  status.shards.push_back({.io = "epoll"});
  return status;
}

TEST(SummaryTest, AddsUp) {
  const Summary summary = summarise(finished());
  EXPECT_EQ(summary.records, 1500U);
  EXPECT_EQ(summary.bytes, 150'000U);
  EXPECT_EQ(summary.batches, 3U);
  EXPECT_EQ(summary.duplicates, 2U);
  EXPECT_DOUBLE_EQ(summary.seconds, 2.5);
  EXPECT_GT(summary.peak_memory_bytes, 100'000U);
}

TEST(SummaryTest, CpuPerGigabyte) {
  Summary summary;
  EXPECT_EQ(summary.cpu_seconds_per_gb(), 0);
  summary.bytes = 2'000'000'000;
  summary.user_cpu_seconds = 0.25;
  summary.system_cpu_seconds = 0.75;
  EXPECT_DOUBLE_EQ(summary.cpu_seconds_per_gb(), 0.5);
}

TEST(SummaryTest, TextForPeople) {
  const MirrorStatus status = finished();
  EXPECT_THAT(summary_text(summarise(status), status),
              AllOf(HasSubstr("1,500 records in 3 batches, 150.00 kB, in 2.5 s (60.00 kB/s)\n"),
                    HasSubstr("2 batches were recognised as already there\n"),
                    HasSubstr("failed: A->B orders-1 at offset 500: a \"hole\" at \xef\xbf\xbd\n")));
}

TEST(SummaryTest, TextOfAnUneventfulRunIsShort) {
  MirrorStatus status = finished();
  status.partitions.resize(1);
  status.partitions[0].duplicates = status.partitions[0].interruptions = 0;
  EXPECT_THAT(summary_text(summarise(status), status),
              AllOf(Not(HasSubstr("interruptions")), Not(HasSubstr("failed"))));
}

TEST(SummaryTest, NamesConditionsAndHowOftenTheyWereMet) {
  MirrorStatus status = finished();
  status.partitions[1].condition = replicate::Condition::foreign_writer;
  for (const char* topic : {"orders", "clicks"}) {
    status.conditions.push_back(
        {.flow = "A->B", .source_topic = topic, .condition = replicate::Condition::foreign_writer, .count = 2});
  }
  EXPECT_THAT(summary_text(summarise(status), status),
              HasSubstr("foreign.writer (4 times): the target holds records of another producer\n"));
  const boost::json::value parsed = boost::json::parse(summary_json(summarise(status), status));
  EXPECT_EQ(parsed.at("conditions").at("foreign.writer").to_number<int>(), 4);
  EXPECT_EQ(parsed.at("failures").at(0).at("condition").as_string(), "foreign.writer");
}

TEST(SummaryTest, NamesGroupsThatTheTargetRefuses) {
  MirrorStatus status = finished();
  EXPECT_THAT(summary_text(summarise(status), status), Not(HasSubstr("refused")));
  replicate::GroupsStatus& groups = status.groups.emplace_back();
  groups.flow = "A->B";
  groups.refused.push_back({.group = "billing", .reason = "B says no"});
  EXPECT_THAT(summary_text(summarise(status), status),
              HasSubstr("refused: A->B offsets of group billing: B says no\n"));
  const boost::json::value parsed = boost::json::parse(summary_json(summarise(status), status));
  const boost::json::value& refused = parsed.at("refused_groups").at(0);
  EXPECT_EQ(refused.at("flow").as_string(), "A->B");
  EXPECT_EQ(refused.at("group").as_string(), "billing");
  EXPECT_EQ(refused.at("reason").as_string(), "B says no");
}

TEST(SummaryTest, OneJsonObjectOnOneLine) {
  MirrorStatus status = finished();
  status.topic_errors.emplace_back("A->B: clicks: refused");
  const std::string text = summary_json(summarise(status), status);
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  const boost::json::value parsed = boost::json::parse(text);
  const auto& object = parsed.as_object();
  EXPECT_EQ(object.at("records").to_number<int>(), 1500);
  EXPECT_EQ(object.at("batches").to_number<int>(), 3);
  EXPECT_EQ(object.at("bytes").to_number<int>(), 150'000);
  EXPECT_EQ(object.at("duplicates").to_number<int>(), 2);
  EXPECT_EQ(object.at("slow_path_batches").to_number<int>(), 0);
  EXPECT_DOUBLE_EQ(object.at("seconds").to_number<double>(), 2.5);
  for (const char* key : {"cpu_seconds", "user_cpu_seconds", "system_cpu_seconds", "cpu_seconds_per_gb"}) {
    EXPECT_TRUE(object.at(key).is_number()) << key;
  }
  const auto& failures = object.at("failures").as_array();
  ASSERT_EQ(failures.size(), 2U);
  EXPECT_EQ(failures[0].at("reason").as_string(), "A->B: clicks: refused");
  EXPECT_EQ(failures[1].at("topic").as_string(), "orders");
  EXPECT_EQ(failures[1].at("partition").to_number<int>(), 1);
  EXPECT_EQ(failures[1].at("reason").as_string(), "a \"hole\" at \xef\xbf\xbd");
  EXPECT_EQ(object.at("shards").as_array().at(0).at("io").as_string(), "epoll");
}

}  // namespace
}  // namespace shunt::tools
