#include "tools/shunt/plan_text.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::tools {
namespace {

using replicate::Finding;
using replicate::FlowPlan;
using replicate::Plan;
using replicate::PlannedGroup;
using replicate::PlannedOffsets;
using replicate::PlannedPartition;
using replicate::PlannedTopic;
using ::testing::HasSubstr;
using ::testing::Not;

PlannedPartition partition(std::int32_t index, std::int64_t begin, std::int64_t end) {
  PlannedPartition made;
  made.partition = index;
  made.offsets = PlannedOffsets::identical;
  made.reason = "nothing is there yet";
  made.begin = begin;
  made.source_end = end;
  return made;
}

Plan plan() {
  PlannedTopic orders;
  orders.source = orders.target = "orders";
  orders.action = PlannedTopic::Action::create;
  orders.source_partitions = 3;
  orders.replication_factor = 2;
  orders.settings.push_back({.name = "retention.ms", .value = "5"});
  for (int index = 0; index < 3; ++index) orders.partitions.push_back(partition(index, 10, 1010));
  PlannedTopic clicks;
  clicks.source = clicks.target = "clicks";
  clicks.partitions.push_back(partition(0, 7, 7));
  FlowPlan flow;
  flow.flow = "A->B";
  flow.topics = {orders, clicks};
  PlannedGroup moved;
  moved.group = "billing";
  moved.topic = moved.target_topic = "orders";
  moved.source_offset = moved.target_offset = 12;
  moved.moves = true;
  flow.groups.push_back(moved);
  Plan made;
  made.flows.push_back(flow);
  return made;
}

TEST(PlanTextTest, SaysWhatWouldBeDoneInFewLines) {
  EXPECT_EQ(plan_text(plan()),
            "A->B\n"
            "  create topic orders: 3 partitions, replication factor 2\n"
            "    set retention.ms=5\n"
            "    offsets identical: nothing is there yet; 3,000 offsets to copy\n"
            "  1 topic as it is, identical offsets: 0 offsets to copy\n"
            "  groups\n"
            "    move billing on orders-0 to 12\n"
            "Nothing is refused: shunt run can begin. Nothing was changed.\n");
}

TEST(PlanTextTest, NamesWhatIsRefusedWithItsPartitions) {
  Plan made = plan();
  PlannedTopic& orders = made.flows[0].topics[0];
  for (const std::size_t index : {0U, 1U}) {
    orders.partitions[index].is_refused = true;
    orders.partitions[index].reason = "written by others\x1b[2J";
  }
  EXPECT_FALSE(made.can_begin());
  const std::string text = plan_text(made);
  EXPECT_THAT(text, HasSubstr("    REFUSED partition 0 to 1: written by others [2J\n"));
  EXPECT_THAT(text, HasSubstr("    offsets identical (partition 2): nothing is there yet; 1,000 offsets to copy\n"));
  EXPECT_THAT(text, HasSubstr("Not all can be mirrored"));
}

TEST(PlanTextTest, AFindingThatRefusesIsNoBeginning) {
  Plan made = plan();
  made.flows[0].findings.push_back({.weight = Finding::Weight::warning, .about = "groups", .text = "later"});
  EXPECT_TRUE(made.can_begin());
  made.flows[0].findings.push_back({.weight = Finding::Weight::refused, .about = "source A", .text = "away"});
  EXPECT_FALSE(made.can_begin());
  EXPECT_THAT(plan_text(made), HasSubstr("  REFUSED source A: away\n"));
}

TEST(PlanTextTest, TheJsonHasItAll) {
  const boost::json::object object = boost::json::parse(plan_json(plan())).as_object();
  EXPECT_TRUE(object.at("can_begin").as_bool());
  const boost::json::object& flow = object.at("flows").as_array().at(0).as_object();
  const boost::json::object& orders = flow.at("topics").as_array().at(0).as_object();
  EXPECT_EQ(orders.at("action").as_string(), "create");
  EXPECT_EQ(orders.at("settings").as_object().at("retention.ms").as_string(), "5");
  EXPECT_EQ(orders.at("partitions").as_array().at(2).as_object().at("to_copy").as_int64(), 1000);
  EXPECT_TRUE(flow.at("groups").as_array().at(0).as_object().at("moves").as_bool());
  EXPECT_THAT(plan_json(plan()), Not(HasSubstr("REFUSED")));
}

}  // namespace
}  // namespace shunt::tools
