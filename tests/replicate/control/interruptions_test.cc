#include "replicate/control/interruptions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::replicate {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const net::Time start = net::Time{} + 1h;

TEST(InterruptionsTest, OneLineTellsOfAllThatACauseInterrupted) {
  Interruptions interruptions;
  EXPECT_THAT(interruptions.take(start), IsEmpty());
  interruptions.add("target connection", "a-0", "reset by peer");
  interruptions.add("target connection", "a-1", "reset by peer");
  interruptions.add("source leader", "b-0", "broker 1 answered NOT_LEADER_OR_FOLLOWER");
  EXPECT_THAT(interruptions.take(start),
              ElementsAre("b-0 will be tried again (source leader): broker 1 answered NOT_LEADER_OR_FOLLOWER",
                          "a-0 and 1 more will be tried again (target connection): reset by peer"));
  EXPECT_THAT(interruptions.take(start), IsEmpty());
}

TEST(InterruptionsTest, ACauseIsNamedOnceAnInterval) {
  Interruptions interruptions(10s);
  interruptions.add("target error", "a-0", "one");
  EXPECT_THAT(interruptions.take(start), ElementsAre("a-0 will be tried again (target error): one"));
  for (int i = 0; i < 3; ++i) interruptions.add("target error", "a-1", "two");
  EXPECT_THAT(interruptions.take(start + 9s), IsEmpty());
  interruptions.add("source error", "b-0", "three");
  EXPECT_THAT(interruptions.take(start + 9s), ElementsAre("b-0 will be tried again (source error): three"));
  EXPECT_THAT(interruptions.take(start + 10s), ElementsAre("a-1 and 2 more will be tried again (target error): two"));
}

}  // namespace
}  // namespace shunt::replicate
