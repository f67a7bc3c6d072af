#include "tools/shunt/handover_text.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::tools {
namespace {

using replicate::HandoverGroup;
using replicate::HandoverPartition;
using ::testing::HasSubstr;
using ::testing::Not;

HandoverResult result() {
  HandoverResult made;
  made.handover.flow = made.forward_flow = "A->B";
  made.source = "A";
  made.target = "B";
  made.bootstrap_servers = "b:9092";
  made.records = 1234;
  HandoverPartition orders;
  orders.topic = orders.target_topic = orders.producer_topic = "orders";
  orders.is_mapped = false;
  orders.source_end = orders.stable_end = orders.target_end = orders.copied_to = orders.moved_to = 100;
  made.handover.partitions.push_back(orders);
  HandoverGroup billing;
  billing.group = "billing";
  billing.topic = billing.target_topic = "orders";
  billing.source_offset = billing.target_offset = 42;
  made.handover.groups.push_back(billing);
  return made;
}

TEST(HandoverTextTest, SaysWhereClientsGoOn) {
  HandoverResult done = result();
  done.is_done = true;
  done.time_ms = 1'700'000'000'000;
  EXPECT_EQ(handover_text(done),
            "A->B: 1 partition, 1,234 records copied in the final sync\n"
            "A->B has failed over to B at 2023-11-14T22:13:20Z. A mirror of it that is started, or still runs, stops; "
            "shunt failback FILE brings it back.\n"
            "Consumers and producers: bootstrap.servers = b:9092\n"
            "  group billing goes on there: orders-0 at 42\n");
}

TEST(HandoverTextTest, SaysWhatCameBeforeTheMark) {
  HandoverResult done = result();
  done.is_done = true;
  EXPECT_FALSE(done.is_late_missing());
  EXPECT_THAT(handover_json(done), HasSubstr(R"("late":[],"late_unknown":"")"));
  replicate::HandoverGrowth grown;
  grown.topic = grown.target_topic = "orders";
  grown.source_begin = grown.target_begin = 100;
  grown.source_end = 105;
  grown.target_end = grown.copied_to = 103;
  done.late.push_back(grown);
  EXPECT_TRUE(done.is_late_missing());
  EXPECT_THAT(
      handover_text(done),
      HasSubstr("brings it back.\n"
                "  LATE  orders-0: before A->B had failed over, and after it was looked at, A was given offsets "
                "100 to 104 (5 of them), of which B has not got offsets 103 to 104 (2 of them); B was given "
                "offsets 100 to 102 (3 of them)\n"
                "Consumers and producers"));
  EXPECT_THAT(handover_json(done),
              HasSubstr(R"("late":[{"topic":"orders","target_topic":"orders","partition":0,"source_offset":100,)"
                        R"("source_count":5,"missing_offset":103,"missing_count":2,"target_offset":100,)"
                        R"("target_count":3}],"late_unknown":"")"));
  done.late.clear();
  done.late_unknown = "B broker 1: gone";
  EXPECT_TRUE(done.is_late_missing());
  EXPECT_THAT(handover_text(done),
              HasSubstr("  LATE  what came after partitions were looked at is not known: B broker 1: gone\n"));
}

TEST(HandoverTextTest, SaysUnderWhichNamesClientsGoOn) {
  HandoverResult done = result();
  done.is_done = true;
  done.time_ms = 1'700'000'000'000;
  done.no_way_back = "replication.policy.class: other names";
  HandoverPartition& orders = done.handover.partitions[0];
  orders.target_topic = done.handover.groups[0].target_topic = "A.orders";
  EXPECT_THAT(
      handover_text(done),
      HasSubstr("it cannot be mirrored back (replication.policy.class: other names); shunt failback FILE --force "
                "takes the mark away.\n"
                "Consumers and producers: bootstrap.servers = b:9092\n"
                "  topic orders: consumers subscribe to A.orders, and to orders for what comes; producers "
                "write to orders\n"
                "  group billing goes on there: A.orders-0 at 42\n"));
  EXPECT_THAT(handover_json(done), HasSubstr(R"("no_way_back":"replication.policy.class: other names")"));
  orders.origin = "C";
  orders.topic = "C.orders";
  orders.target_topic = "A.C.orders";
  orders.producer_topic.clear();
  EXPECT_THAT(handover_text(done),
              HasSubstr("  topic C.orders: consumers subscribe to A.C.orders; no producer writes to it: a mirror has "
                        "brought it to A from C, and what C is given from now on a flow C->B brings to B (there "
                        "C.orders is all of it, what A.C.orders has, too)\n"));
  EXPECT_THAT(handover_json(done), HasSubstr(R"("producer_topic":null,"origin":"C",)"));
  orders.origin.clear();
  orders.topic = "orders";
  orders.target_topic = orders.producer_topic = "A.orders";
  EXPECT_THAT(handover_text(done),
              HasSubstr("  topic orders: consumers subscribe to A.orders; producers write to A.orders\n"));
  done.is_done = false;
  done.is_dry_run = true;
  EXPECT_EQ(handover_text(done),
            "A->B: 1 partition\n"
            "Nothing is left: shunt failover FILE can go ahead. Nothing was changed. It could not be mirrored back "
            "(replication.policy.class: other names).\n");
}

TEST(HandoverTextTest, SaysWhatStaysWhereTheMarkAloneIsTakenAway) {
  HandoverResult unmarked = result();
  unmarked.command = HandoverResult::Command::take_mark_away;
  unmarked.handover.partitions.clear();
  unmarked.handover.groups.clear();
  unmarked.handover.problems = {"A.orders-0: B was given offset 100 since"};
  unmarked.is_dry_run = true;
  EXPECT_EQ(handover_text(unmarked),
            "A->B\n"
            "  LEFT  A.orders-0: B was given offset 100 since\n"
            "The mark would be taken away. Nothing was changed.\n");
  unmarked.is_dry_run = false;
  unmarked.is_done = true;
  EXPECT_THAT(handover_text(unmarked),
              HasSubstr("A->B counts as failed over no more: shunt run FILE mirrors it forwards again. Nothing was "
                        "mirrored back to"));
}

TEST(HandoverTextTest, NamesWhatIsLeftAndThatNothingWasDone) {
  HandoverResult torn = result();
  torn.is_dry_run = true;
  torn.handover.partitions[0].target_end = torn.handover.partitions[0].copied_to = 90;
  torn.handover.groups[0].problem = "it is at 3 on B";
  const std::string text = handover_text(torn);
  EXPECT_THAT(text, HasSubstr("  LEFT  orders-0: offsets 90 to 99 (10 of them) would be lost\n"));
  EXPECT_THAT(text, HasSubstr("  LEFT  group billing on orders-0: it is at 3 on B\n"));
  EXPECT_THAT(text, HasSubstr("Not done: see what is LEFT; --force goes ahead all the same. Nothing was changed.\n"));
  EXPECT_THAT(text, Not(HasSubstr("bootstrap.servers")));
  EXPECT_THAT(handover_text(result()), Not(HasSubstr("LEFT")));
}

TEST(HandoverTextTest, TheJsonSaysNullForWhatIsNotKnown) {
  const boost::json::object object = boost::json::parse(handover_json(result())).as_object();
  EXPECT_FALSE(object.at("done").as_bool());
  EXPECT_TRUE(object.at("clean").as_bool());
  EXPECT_TRUE(object.at("last_heartbeat_ms").is_null());
  const boost::json::object& orders = object.at("partitions").as_array().at(0).as_object();
  EXPECT_EQ(orders.at("left").as_int64(), 0);
  EXPECT_EQ(orders.at("offsets").as_string(), "identical");
  EXPECT_EQ(orders.at("copied_to").as_int64(), 100);
  EXPECT_EQ(object.at("groups").as_array().at(0).as_object().at("target_offset").as_int64(), 42);
}

}  // namespace
}  // namespace shunt::tools
