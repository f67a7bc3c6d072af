#include "replicate/config/loops.h"

#include <gtest/gtest.h>

namespace shunt::replicate {
namespace {

FlowConfig flow(const std::string& source, const std::string& target, const std::string& topics,
                ReplicationPolicy::Kind kind = ReplicationPolicy::Kind::identity) {
  FlowConfig made;
  made.source = source;
  made.target = target;
  made.topic_filter = TopicFilter(PatternList({topics}), {});
  made.policy = {kind, source};
  return made;
}

std::string loop(const std::vector<FlowConfig>& flows, const std::string& topic) {
  return names_of(loop_of_topic(flows, flows.front(), topic));
}

TEST(Loops, AreOfTopicsThatAllSelectUnderTheNamesTheyHave) {
  const std::vector<FlowConfig> both = {flow("A", "B", "[ab]"), flow("B", "A", "[bc]")};
  EXPECT_EQ(loop(both, "a"), "");
  EXPECT_EQ(loop(both, "b"), "A->B and B->A");
  EXPECT_EQ(loop(both, "c"), "");
  const std::vector<FlowConfig> ring = {flow("A", "B", ".*"), flow("B", "C", "x"), flow("C", "A", ".*")};
  EXPECT_EQ(loop(ring, "x"), "A->B and B->C and C->A");
  EXPECT_EQ(loop(ring, "y"), "");
}

TEST(Loops, FollowNamesThatAreMapped) {
  std::vector<FlowConfig> flows = {flow("A", "B", "a|b"), flow("B", "A", "x")};
  EXPECT_EQ(loop(flows, "a"), "");
  flows[0].topic_mapping = {{"a", "x"}};
  EXPECT_EQ(loop(flows, "a"), "") << "what comes back is x, and that A->B does not select";
  flows[1].topic_mapping = {{"x", "b"}};
  EXPECT_EQ(loop(flows, "a"), "A->B and B->A") << "as b, which goes there again";
}

TEST(Loops, EndWhereRecordsSayWhereTheyHaveBeen) {
  std::vector<FlowConfig> ring = {flow("A", "B", ".*"), flow("B", "C", ".*"), flow("C", "A", ".*")};
  for (FlowConfig& one : ring) {
    one.offsets = OffsetsMode::mapped;
    one.loop_prevention = LoopPrevention::leave_out;
    one.adds_source_header = true;
  }
  EXPECT_EQ(loop(ring, "x"), "");
  EXPECT_TRUE(loops_of_names(ring).empty());
  ring[0].adds_source_header = false;
  EXPECT_EQ(loop(ring, "x"), "A->B and B->C and C->A") << "nothing says that a record has been on A";
  ring[0].adds_source_header = true;
  ring[2].loop_prevention = LoopPrevention::off;
  EXPECT_EQ(loop(ring, "x"), "A->B and B->C and C->A");
}

TEST(Loops, EndWhereNamesSayWhatCameFromWhere) {
  const auto renaming = ReplicationPolicy::Kind::default_policy;
  EXPECT_EQ(loop({flow("A", "B", ".*", renaming), flow("B", "A", ".*", renaming)}, "a"), "");
  // One that keeps names has topics come back under longer and longer ones.
  EXPECT_EQ(loop({flow("A", "B", ".*"), flow("B", "A", ".*", renaming)}, "a"), "A->B and B->A");
  // A loop of the others is none of this flow's.
  EXPECT_EQ(loop({flow("A", "B", ".*"), flow("B", "C", ".*"), flow("C", "B", ".*", renaming)}, "a"), "");
}

}  // namespace
}  // namespace shunt::replicate
