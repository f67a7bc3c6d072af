#include "replicate/metrics/prometheus.h"

#include <map>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::replicate {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

PartitionStatus partition(const std::string& topic, std::int32_t index) {
  PartitionStatus status;
  status.flow = "A->B";
  status.source_topic = topic;
  status.target_topic = "A." + topic;
  status.partition = index;
  status.state = PartitionState::running;
  return status;
}

MirrorStatus busy() {
  MirrorStatus status;
  PartitionStatus& orders = status.partitions.emplace_back(partition("orders", 3));
  orders.start = 10;
  orders.position = 40;
  orders.source_end = 100;
  orders.records = 30;
  orders.bytes = 12345678901234567;
  orders.batches = 4;
  orders.in_flight_bytes = 77;
  orders.interruptions = 2;
  status.partitions.emplace_back(partition("unknown", 0)).state = PartitionState::waiting;
  status.shards.push_back({.io = "epoll", .connections_lost = 1, .loop_waits = 2, .receive_calls = 3, .send_calls = 4});
  status.duties.push_back({.flow = "A->B", .duty = "heartbeats", .done = 7, .failed = 2, .reason = "refused"});
  return status;
}

const ProcessUsage usage{.version = "1.2.3", .cpu_seconds = 1.5, .resident_bytes = 4096};

TEST(PrometheusTest, TellsHowDutiesFare) {
  const std::string text = prometheus_text(busy(), usage);
  const std::string labels = R"({source="A",target="B",duty="heartbeats"} )";
  EXPECT_THAT(text, HasSubstr("\nshunt_duty_done_total" + labels + "7\n"));
  EXPECT_THAT(text, HasSubstr("\nshunt_duty_failed_total" + labels + "2\n"));
  EXPECT_THAT(text, HasSubstr("\nshunt_duty_failing" + labels + "1\n"));
}

TEST(PrometheusTest, GivesEveryPartitionItsNumbers) {
  const std::string text = prometheus_text(busy(), usage);
  const std::string labels = R"({source="A",target="B",topic="orders",partition="3"} )";
  for (const auto& [name, value] : std::map<std::string, std::string>{{"shunt_records_total", "30"},
                                                                      {"shunt_bytes_total", "12345678901234568"},
                                                                      {"shunt_batches_total", "4"},
                                                                      {"shunt_lag_records", "60"},
                                                                      {"shunt_position", "40"},
                                                                      {"shunt_source_end", "100"},
                                                                      {"shunt_in_flight_bytes", "77"},
                                                                      {"shunt_interruptions_total", "2"},
                                                                      {"shunt_partition_running", "1"},
                                                                      {"shunt_partition_waiting", "0"},
                                                                      {"shunt_partition_failed", "0"}}) {
    EXPECT_THAT(text, HasSubstr(fmt::format("\n{}{}{}\n", name, labels, value)));
  }
}

TEST(PrometheusTest, NamesConditions) {
  MirrorStatus status = busy();
  status.partitions[1].condition = Condition::target_leader;
  status.conditions.push_back(
      {.flow = "A->B", .source_topic = "orders", .condition = Condition::source_recreated, .count = 2});
  const std::string text = prometheus_text(status, usage);
  EXPECT_THAT(text, HasSubstr("\nshunt_conditions_total{source=\"A\",target=\"B\",topic=\"orders\","
                              "condition=\"source.recreated\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("\nshunt_partition_condition{source=\"A\",target=\"B\",topic=\"unknown\","
                              "partition=\"0\",condition=\"target.leader\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("shunt_partition_condition{source=\"A\",target=\"B\",topic=\"orders\"")));
}

TEST(PrometheusTest, LeavesOutWhatIsNotKnown) {
  const std::string text = prometheus_text(busy(), usage);
  EXPECT_THAT(text, Not(HasSubstr(R"(shunt_lag_records{source="A",target="B",topic="unknown")")));
  EXPECT_THAT(text, Not(HasSubstr(R"(shunt_position{source="A",target="B",topic="unknown")")));
  EXPECT_THAT(text, HasSubstr(R"(shunt_partition_waiting{source="A",target="B",topic="unknown",partition="0"} 1)"));
}

TEST(PrometheusTest, SpeaksMirrorMakersNames) {
  const std::string text = prometheus_text(busy(), usage);
  const std::string labels = R"({source="A",target="B",topic="A.orders",partition="3"} )";
  EXPECT_THAT(text, HasSubstr("kafka_connect_mirror_mirrorsourceconnector_record_count" + labels + "30\n"));
  EXPECT_THAT(text,
              HasSubstr("kafka_connect_mirror_mirrorsourceconnector_byte_count" + labels + "12345678901234567\n"));
  EXPECT_THAT(text, HasSubstr("kafka_consumer_fetch_manager_records_lag{clientid=\"A->B|MirrorSourceConnector|"
                              "replication-consumer\",topic=\"orders\",partition=\"3\"} 60\n"));
}

TEST(PrometheusTest, TellsOfGroups) {
  MirrorStatus status = busy();
  GroupsStatus& groups = status.groups.emplace_back();
  groups.flow = "A->B";
  groups.groups.at(static_cast<std::size_t>(GroupState::active)) = 3;
  groups.partitions = 9;
  groups.past_end = 2;
  groups.committed = 77;
  groups.refused.push_back({.group = "odd\"name", .reason = "why"});
  const std::string text = prometheus_text(status, usage);
  EXPECT_THAT(text, HasSubstr("shunt_groups{source=\"A\",target=\"B\",state=\"active\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("shunt_groups{source=\"A\",target=\"B\",state=\"deleted\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("shunt_group_refused{source=\"A\",target=\"B\",group=\"odd\\\"name\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("shunt_group_offsets_clamped{source=\"A\",target=\"B\",place=\"past_end\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("shunt_group_offsets_committed_total{source=\"A\",target=\"B\"} 77\n"));
}

TEST(PrometheusTest, TellsOfShardsAndProcess) {
  const std::string text = prometheus_text(busy(), usage);
  EXPECT_THAT(text, HasSubstr("shunt_connections_lost_total{shard=\"0\",io=\"epoll\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("shunt_send_calls_total{shard=\"0\",io=\"epoll\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("shunt_build_info{version=\"1.2.3\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("process_cpu_seconds_total 1.500000\n"));
  EXPECT_THAT(text, HasSubstr("process_resident_memory_bytes 4096\n"));
}

TEST(PrometheusTest, EscapesLabels) {
  MirrorStatus status;
  status.partitions.push_back(partition("a\"b\\c\nd", 0));
  EXPECT_THAT(prometheus_text(status, usage), HasSubstr(R"(topic="a\"b\\c\nd")"));
}

TEST(PrometheusTest, EveryNameIsIntroducedOnceAndItsSamplesStandTogether) {
  std::istringstream text(prometheus_text(busy(), usage));
  std::set<std::string> introduced;
  std::set<std::string> series;
  std::string current;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("# TYPE ")) {
      current = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_TRUE(introduced.insert(current).second) << current;
      EXPECT_EQ(current.ends_with("_total"), current.starts_with("kafka_") ? false : line.ends_with(" counter"))
          << line;
    } else if (!line.starts_with("# HELP ")) {
      EXPECT_EQ(line.substr(0, line.find_first_of("{ ")), current);
      EXPECT_TRUE(series.insert(line.substr(0, line.rfind(' '))).second) << line;
    }
  }
  EXPECT_GT(introduced.size(), 20U);
}

TEST(PrometheusTest, HealthNamesWhatFailed) {
  MirrorStatus status = busy();
  EXPECT_EQ(health_problems(status), "");
  status.partitions[0].state = PartitionState::failed;
  status.partitions[0].reason = "others have written";
  status.topic_errors.emplace_back("A->B: clicks: refused");
  status.fatal = "no memory";
  EXPECT_EQ(health_problems(status), "no memory\nA->B: clicks: refused\nA->B orders-3: others have written\n");
}

TEST(PrometheusTest, TheProcessUsesMemory) {
  const ProcessUsage mine = process_usage("x");
  EXPECT_EQ(mine.version, "x");
  EXPECT_GT(mine.resident_bytes, 100'000U);
}

}  // namespace
}  // namespace shunt::replicate
