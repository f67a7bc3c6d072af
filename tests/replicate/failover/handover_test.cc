#include "replicate/failover/handover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replicate/config/load.h"

namespace shunt::replicate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

HandoverPartition partition(std::int64_t source_end, std::int64_t stable_end, std::int64_t target_end) {
  HandoverPartition made;
  made.topic = made.target_topic = made.producer_topic = "orders";
  made.is_mapped = false;
  made.source_end = made.moved_to = source_end;
  made.stable_end = stable_end;
  made.target_end = made.copied_to = target_end;
  return made;
}

/// In a target log that others write, too, of which the end says nothing.
HandoverPartition mapped_partition(std::int64_t source_end, std::int64_t stable_end, std::int64_t copied_to) {
  HandoverPartition made = partition(source_end, stable_end, 4711);
  made.is_mapped = true;
  made.copied_to = copied_to;
  return made;
}

FlowConfig flow(const std::string& more) {
  Diagnostics diagnostics;
  const std::string text =
      "clusters=A,B\nA.bootstrap.servers=a:1\nB.bootstrap.servers=b:1\nA->B.enabled=true\nA->B.topics=t\n" + more;
  const LoadedConfig loaded = load_config(parse_properties(text, "f", diagnostics), "f");
  EXPECT_TRUE(loaded.config.has_value());
  return loaded.config->flows.at(0);
}

TEST(HandoverTest, NothingIsLeftWhereBothEndTogether) {
  EXPECT_THAT(partition(100, 100, 100).problem(), IsEmpty());
  EXPECT_EQ(partition(100, 100, 100).left(), 0);
  EXPECT_THAT(partition(0, 0, -1).problem(), IsEmpty()) << "an empty partition that is not there yet";
}

TEST(HandoverTest, WhatIsNotCopiedIsNamedWithItsOffsets) {
  EXPECT_EQ(partition(105, 105, 100).problem(), "offsets 100 to 104 (5 of them) would be lost");
  EXPECT_EQ(partition(105, 105, 100).left(), 5);
  EXPECT_EQ(partition(1, 1, -1).problem(), "offset 0 would be lost");
}

TEST(HandoverTest, TopicsOfOtherClustersHaveNoProducers) {
  const auto named = [](const FlowConfig& flow, const std::string& topic) {
    std::vector<HandoverPartition> partitions{partition(1, 1, 1)};
    partitions[0].topic = partitions[0].producer_topic = topic;
    name_origins(flow, {"", "A", "B", "C", "D"}, partitions);
    return std::pair(partitions[0].origin, partitions[0].producer_topic);
  };
  const FlowConfig a_to_b = flow("replication.policy.class=DefaultReplicationPolicy\n");
  EXPECT_THAT(named(a_to_b, "orders"), Pair("", "orders"));
  EXPECT_THAT(named(a_to_b, "C.orders"), Pair("C", ""));
  EXPECT_THAT(named(a_to_b, "D.C.orders"), Pair("D", "")) << "over two hops: the last one";
  EXPECT_THAT(named(a_to_b, "my.orders"), Pair("", "my.orders")) << "no cluster is called so";
  EXPECT_THAT(named(a_to_b, "A.orders"), Pair("", "A.orders")) << "nothing is mirrored to itself";
  EXPECT_THAT(named(a_to_b, "C."), Pair("", "C."));
  const FlowConfig same_names =
      flow("replication.policy.class=org.apache.kafka.connect.mirror.IdentityReplicationPolicy\n");
  EXPECT_THAT(named(same_names, "C.orders"), Pair("", "C.orders"));
  const FlowConfig other_separator = flow("replication.policy.separator=_\n");
  EXPECT_THAT(named(other_separator, "C_orders"), Pair("C", ""));
  EXPECT_THAT(named(other_separator, "C.orders"), Pair("", "C.orders"));
}

TEST(HandoverTest, WhatCameLateIsNamedWithWhatTheTargetHasNotGot) {
  HandoverGrowth grown;
  grown.source_begin = 100;
  grown.source_end = 105;
  grown.target_begin = grown.copied_to = 100;
  grown.target_end = 100;
  EXPECT_EQ(grown.text("A", "B"),
            "A was given offsets 100 to 104 (5 of them), of which B has not got offsets 100 to 104 (5 of them)");
  EXPECT_EQ(grown.missing(), 5);
  grown.target_end = grown.copied_to = 104;  // by a mirror that had not noticed yet
  EXPECT_EQ(grown.text("A", "B"),
            "A was given offsets 100 to 104 (5 of them), of which B has not got offset 104; B was given offsets 100 to "
            "103 (4 of them)");
  grown.target_end = grown.copied_to = 106;
  EXPECT_EQ(grown.text("A", "B"),
            "A was given offsets 100 to 104 (5 of them), which B has; B was given offsets 100 to 105 (6 of them)");
  EXPECT_EQ(grown.missing(), 0);
  grown.target_begin = grown.target_end = -1;  // mapped: others may write there
  grown.copied_to = -1;                        // and nothing was copied
  EXPECT_EQ(grown.missing(), 5);
  grown.source_begin = grown.source_end = -1;  // it cannot be asked
  EXPECT_EQ(grown.missing(), 0);
  EXPECT_FALSE(grown.is_any());
}

TEST(HandoverTest, AnOpenTransactionIsToldFromWhatIsNotCopied) {
  EXPECT_EQ(partition(110, 104, 104).problem(), "a transaction is open: offsets 104 to 109 (6 of them) would be lost");
  EXPECT_EQ(partition(110, 104, 100).problem(),
            "offsets 100 to 103 (4 of them) would be lost; a transaction is open: offsets 104 to 109 (6 of them) would "
            "be lost");
}

TEST(HandoverTest, ProducersThatStillWriteAreSeen) {
  HandoverPartition moving = partition(100, 100, 100);
  moving.moved_to = 103;
  EXPECT_THAT(moving.problem(), HasSubstr("producers still write to it: offsets 100 to 102 (3 of them)"));
}

TEST(HandoverTest, ATargetThatHasMoreIsAProblemToo) {
  EXPECT_THAT(partition(100, 100, 104).problem(), HasSubstr("offsets 100 to 103 (4 of them) that the source has not"));
}

TEST(HandoverTest, WithMappedOffsetsTheMapSaysWhatIsCopied) {
  EXPECT_THAT(mapped_partition(100, 100, 100).problem(), IsEmpty()) << "the target has more, of others";
  EXPECT_EQ(mapped_partition(105, 105, 100).problem(), "offsets 100 to 104 (5 of them) would be lost");
  EXPECT_EQ(mapped_partition(105, 105, 100).left(), 5);
  EXPECT_EQ(mapped_partition(3, 3, -1).problem(), "offsets 0 to 2 (3 of them) would be lost") << "there is no map";
  EXPECT_EQ(mapped_partition(110, 104, 104).problem(),
            "a transaction is open: offsets 104 to 109 (6 of them) would be lost");
}

TEST(HandoverTest, CleanIsOnlyWhereEverythingIs) {
  Handover handover;
  handover.partitions.push_back(partition(5, 5, 5));
  EXPECT_TRUE(handover.is_clean());
  handover.groups.push_back(
      {.group = "g", .topic = "orders", .target_topic = "orders", .source_state = {}, .problem = "it is at 3"});
  EXPECT_FALSE(handover.is_clean());
  handover.groups.clear();
  handover.is_source_there = false;
  EXPECT_FALSE(handover.is_clean());
}

TEST(HandoverTest, EndsAreByPartitionUnderTheTargetsNames) {
  Handover handover;
  handover.partitions.push_back(partition(9, 9, 9));
  handover.partitions.push_back(partition(9, 9, 7));
  handover.partitions.back().partition = 2;
  handover.partitions.push_back(partition(9, 9, 5));
  handover.partitions.back().target_topic = "A.orders";
  EXPECT_THAT(handover.ends(),
              ElementsAre(Pair("A.orders", ElementsAre(protocol::Offset(5))),
                          Pair("orders", ElementsAre(protocol::Offset(9), protocol::Offset(-1), protocol::Offset(7)))));
}

TEST(HandoverTest, FlowsWithoutRecordsAreRefused) {
  EXPECT_THAT(objection_to_handover(flow("")), IsEmpty());
  EXPECT_THAT(objection_to_handover(flow("shunt.offsets=mapped\n")), IsEmpty());
  EXPECT_THAT(objection_to_handover(flow("shunt.sync=metadata\n")), HasSubstr("shunt.sync"));
}

TEST(HandoverTest, FlowsThatCannotBeMirroredBackAreRefusedByTheKeyThatSaysSo) {
  const std::string identity = "replication.policy.class=IdentityReplicationPolicy\n";
  EXPECT_THAT(objection_to_failback(flow(identity)), IsEmpty());
  EXPECT_THAT(objection_to_failback(flow("")), HasSubstr("replication.policy.class"));
  EXPECT_THAT(objection_to_failback(flow(identity + "shunt.topic.mapping=t:u\n")), HasSubstr("shunt.topic.mapping"));
  EXPECT_THAT(objection_to_failback(flow(identity + "shunt.offsets=mapped\n")), HasSubstr("shunt.offsets"));
}

TEST(HandoverTest, FlowsThatCannotBeMirroredBackAreRefusedByWhatTheirPartitionsAre) {
  EXPECT_THAT(objection_to_failback({partition(1, 1, 1)}, "B"), IsEmpty());
  EXPECT_EQ(objection_to_failback({partition(1, 1, 1), mapped_partition(1, 1, 1)}, "B"),
            "orders-0 has mapped offsets on B");
  HandoverPartition cut = partition(1, 1, 1);
  cut.target_topic = "ord";
  EXPECT_EQ(objection_to_failback({cut}, "B"), "orders is called ord on B");
}

TEST(HandoverTest, AFlowThatBringsBackIsIdenticalAndWhole) {
  FlowConfig back = flow("shunt.offsets=auto\nshunt.start.offset=latest\nshunt.on.foreign.writer=continue\n");
  fit_for_failback(back);
  EXPECT_EQ(back.offsets, OffsetsMode::identical);
  EXPECT_FALSE(back.start.is_later());
  EXPECT_EQ(back.policies.of(Condition::foreign_writer), Policy::stop);
  EXPECT_TRUE(back.sync_topic_configs) << "of topics that are created";
  EXPECT_FALSE(back.follows_topic_configs);
  EXPECT_FALSE(back.acls.is_enabled);
}

}  // namespace
}  // namespace shunt::replicate
