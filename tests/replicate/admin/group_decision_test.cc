#include "replicate/admin/group_decision.h"

#include <gtest/gtest.h>

namespace shunt::replicate {
namespace {

using protocol::Offset;

constexpr std::int64_t hour_ms = 3'600'000;

/// The source is at 100, its place on the target 90.
GroupQuestion question() {
  return {.source = Offset(100), .target = Offset(90), .committed = {}, .now_ms = 1000 * hour_ms};
}
/// And that was written so many hours ago.
GroupQuestion written(std::int64_t hours_ago, std::int64_t source = 100, std::int64_t target = 90) {
  GroupQuestion asked = question();
  asked.committed = Checkpoint::Committed{
      .source = Offset(source), .target = Offset(target), .time_ms = asked.now_ms - hours_ago * hour_ms};
  return asked;
}
std::optional<Offset> at(std::int64_t offset) {
  return Offset(offset);
}

TEST(GroupDecision, LooksOnlyWhereThereIsNews) {
  EXPECT_TRUE(is_due(question())) << "never written";
  EXPECT_FALSE(is_due(written(1)));
  EXPECT_TRUE(is_due(written(1, 99)));
  EXPECT_TRUE(is_due(written(1, 100, 80))) << "the mirror has come further";
  EXPECT_TRUE(is_due(written(25))) << "brokers forget groups without members";
}

TEST(GroupDecision, GoesBackToWhereAnothersFlowIsFromWhereItPutTheGroup) {
  GroupQuestion shared = written(1, 100, 120);
  EXPECT_EQ(decide(shared, at(120), false), GroupDecision::ahead);
  shared.is_shared = true;
  EXPECT_EQ(decide(shared, at(120), false), GroupDecision::write);
  EXPECT_EQ(decide(shared, at(121), false), GroupDecision::ahead) << "its consumers have";
  shared.committed.reset();
  EXPECT_EQ(decide(shared, at(120), false), GroupDecision::ahead) << "somebody else has";
}

TEST(GroupDecision, GoesForwardsOnly) {
  EXPECT_EQ(decide(question(), {}, false), GroupDecision::write);
  EXPECT_EQ(decide(question(), at(89), false), GroupDecision::write);
  EXPECT_EQ(decide(question(), at(90), false), GroupDecision::nothing);
  EXPECT_EQ(decide(question(), at(91), false), GroupDecision::ahead);
}

TEST(GroupDecision, FollowsBackwardsWhereAsked) {
  EXPECT_EQ(decide(question(), at(91), true), GroupDecision::write);
  EXPECT_EQ(decide(written(1, 120, 110), at(110), true), GroupDecision::write);
  EXPECT_EQ(decide(written(30), at(91), true), GroupDecision::ahead) << "moved by the target's own consumers";
}

TEST(GroupDecision, LeavesWhatWasDoneOnTheTarget) {
  EXPECT_EQ(decide(written(1), {}, false), GroupDecision::deleted);
  EXPECT_EQ(decide(written(1, 100, 80), {}, false), GroupDecision::deleted) << "the source's group has not moved";
  EXPECT_EQ(decide(written(1, 99), {}, false), GroupDecision::write) << "it has";
  EXPECT_EQ(decide(written(25), at(50), false), GroupDecision::moved);
}

TEST(GroupDecision, WritesAgainWhatBrokersWouldForget) {
  EXPECT_EQ(decide(written(25), at(90), false), GroupDecision::write);
  EXPECT_EQ(decide(written(25), {}, false), GroupDecision::deleted);
  EXPECT_EQ(decide(written(73), {}, false), GroupDecision::write) << "forgotten while no mirror ran, perhaps";
}

}  // namespace
}  // namespace shunt::replicate
