#include "replicate/control/episodes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::replicate {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const net::Time start = net::Time{} + 1h;

class EpisodesTest : public ::testing::Test {
 protected:
  bool add(Condition condition, std::uint32_t number, const std::string& reason, net::Time now) {
    return episodes.add(condition, {.replication = 0, .number = number}, "t-" + std::to_string(number), reason, now);
  }
  void end(std::uint32_t number) { episodes.end({.replication = 0, .number = number}); }
  std::vector<std::string> take(net::Time now) {
    std::vector<std::string> texts;
    for (const Episodes::Line& line : episodes.take(now)) texts.push_back((line.is_end ? "end: " : "") + line.text);
    return texts;
  }

  Episodes episodes{10s};
};

TEST_F(EpisodesTest, OneLineTellsOfAllThatAConditionHasHitAndOneOfItsEnd) {
  EXPECT_THAT(take(start), IsEmpty());
  EXPECT_TRUE(add(Condition::target_unreachable, 0, "reset by peer", start));
  EXPECT_TRUE(add(Condition::target_unreachable, 1, "reset by peer", start));
  EXPECT_TRUE(add(Condition::source_leader, 2, "no leader", start));
  EXPECT_THAT(take(start),
              ElementsAre("t-0 and 1 more will be tried again, for as long as it takes (target.unreachable): reset by "
                          "peer",
                          "t-2 will be tried again, for as long as it takes (source.leader): no leader"));
  end(0);
  end(2);
  EXPECT_THAT(take(start + 3s), ElementsAre("end: source.leader is over after 3 s: t-2"));
  end(1);
  EXPECT_THAT(take(start + 70s), ElementsAre("end: target.unreachable is over after 70 s: t-0"));
  EXPECT_THAT(take(start + 90s), IsEmpty());
}

TEST_F(EpisodesTest, AnEpisodeIsCountedAndToldOnceHoweverOftenItIsTried) {
  EXPECT_TRUE(add(Condition::target_error, 0, "one", start));
  EXPECT_EQ(take(start).size(), 1u);
  for (int second = 1; second < 100; ++second) {
    EXPECT_FALSE(add(Condition::target_error, 0, "one", start + std::chrono::seconds(second)));
    EXPECT_THAT(take(start + std::chrono::seconds(second)), IsEmpty());
  }
  EXPECT_TRUE(add(Condition::target_error, 1, "one", start + 100s)) << "it is counted";
  EXPECT_THAT(take(start + 100s), IsEmpty()) << "but the episode has been told";
}

TEST_F(EpisodesTest, WhatComesAndGoesIsNamedOnceAnInterval) {
  EXPECT_TRUE(add(Condition::target_rejecting, 0, "one", start));
  end(0);
  EXPECT_THAT(take(start), ElementsAre("t-0 will be tried again, for as long as it takes (target.rejecting): one"));
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(add(Condition::target_rejecting, 1, "two", start + 1s));
    end(1);
    EXPECT_THAT(take(start + 9s), IsEmpty());
  }
  EXPECT_THAT(take(start + 10s),
              ElementsAre("t-1 and 2 more will be tried again, for as long as it takes (target.rejecting): two"));
}

TEST_F(EpisodesTest, OtherReasonsOfAnEpisodeAreToldOnceAndAFew) {
  EXPECT_TRUE(add(Condition::source_unreachable, 0, "closed", start));
  EXPECT_EQ(take(start).size(), 1u);
  std::vector<std::string> told;
  for (int second = 1; second < 100; ++second) {
    const net::Time now = start + std::chrono::seconds(second);
    EXPECT_FALSE(add(Condition::source_unreachable, 0, second % 2 == 0 ? "closed" : "no TLS", now));
    for (std::string& line : take(now)) told.push_back(std::move(line));
  }
  EXPECT_THAT(told, ElementsAre("t-0 is still tried again (source.unreachable), now: no TLS"));
  for (int second = 100; second < 1000; ++second) {
    const net::Time now = start + std::chrono::seconds(second);
    EXPECT_FALSE(add(Condition::source_unreachable, 0, "reason " + std::to_string(second), now));
    for (std::string& line : take(now)) told.push_back(std::move(line));
  }
  EXPECT_EQ(told.size(), 3u);
  end(0);
  EXPECT_EQ(take(start + 1000s).size(), 1u);
  EXPECT_TRUE(add(Condition::source_unreachable, 0, "no TLS", start + 1100s));
  EXPECT_EQ(take(start + 1100s).size(), 1u);
}

TEST_F(EpisodesTest, ARefusalIsToldOnceHoweverItIsPut) {
  EXPECT_TRUE(add(Condition::source_authentication, 0, "cannot authenticate again", start));
  EXPECT_EQ(take(start).size(), 1u);
  EXPECT_FALSE(add(Condition::source_authentication, 0, "cannot authenticate", start + 20s));
  EXPECT_THAT(take(start + 20s), IsEmpty());
}

TEST_F(EpisodesTest, EndsForOneConditionAlone) {
  EXPECT_TRUE(add(Condition::target_throttled, 0, "slow", start));
  EXPECT_TRUE(add(Condition::target_leader, 0, "moved", start));
  EXPECT_EQ(take(start).size(), 2u);
  episodes.end({.replication = 0, .number = 0}, Condition::target_leader);
  EXPECT_FALSE(add(Condition::target_throttled, 0, "slow", start + 1s));
  EXPECT_TRUE(add(Condition::target_leader, 0, "moved", start + 1s));
}

}  // namespace
}  // namespace shunt::replicate
