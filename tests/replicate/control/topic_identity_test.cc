#include "replicate/control/topic_identity.h"

#include <gtest/gtest.h>

namespace shunt::replicate {
namespace {

using namespace std::chrono_literals;
using Fate = TopicIdentity::Fate;

constexpr net::Duration patience = 10s;
const net::Time start = net::Time{} + 1h;
constexpr std::int16_t unknown = 3;
constexpr std::int16_t unauthorized = 29;

protocol::Uuid id(int number) {
  protocol::Uuid uuid;
  uuid.bytes[0] = static_cast<std::byte>(number);
  return uuid;
}

TEST(TopicIdentityTest, IsDeletedWhenThatHasBeenSaidForLongEnough) {
  TopicIdentity topic(id(1));
  EXPECT_EQ(topic.handle_answer(0, id(1), start, patience), Fate::same);
  EXPECT_EQ(topic.handle_answer(unknown, {}, start + 1s, patience), Fate::unclear);
  EXPECT_EQ(topic.handle_answer(unknown, {}, start + 10s, patience), Fate::unclear);
  EXPECT_EQ(topic.handle_answer(unknown, {}, start + 11s, patience), Fate::deleted);
}

TEST(TopicIdentityTest, APassingGlitchIsNoDeletion) {
  TopicIdentity topic(id(1));
  EXPECT_EQ(topic.handle_answer(unknown, {}, start, patience), Fate::unclear);
  EXPECT_EQ(topic.handle_answer(0, id(1), start + 9s, patience), Fate::same);
  EXPECT_EQ(topic.handle_answer(unknown, {}, start + 12s, patience), Fate::unclear);
}

TEST(TopicIdentityTest, WhatMayNotBeSeenIsNotGone) {
  TopicIdentity topic(id(1));
  EXPECT_EQ(topic.handle_answer(unauthorized, {}, start, patience), Fate::unclear);
  EXPECT_EQ(topic.handle_answer(unauthorized, {}, start + 100s, patience), Fate::unclear);
}

TEST(TopicIdentityTest, ANewIdIsAnotherTopicAndTheOldOneIsAnEcho) {
  TopicIdentity topic(id(1));
  EXPECT_EQ(topic.handle_answer(0, id(2), start, patience), Fate::recreated);
  topic.replace(id(2));
  EXPECT_EQ(topic.handle_answer(0, id(1), start + 1s, patience), Fate::unclear) << "a broker that lags behind";
  EXPECT_EQ(topic.handle_answer(0, id(2), start + 2s, patience), Fate::same);
  EXPECT_EQ(topic.handle_answer(0, id(3), start + 3s, patience), Fate::recreated);
}

TEST(TopicIdentityTest, AnEchoThatNothingContradictsIsTheTopic) {
  TopicIdentity topic(id(2));
  EXPECT_EQ(topic.handle_answer(0, id(1), start, patience), Fate::recreated) << "the one before, from who lags behind";
  topic.replace(id(1));
  EXPECT_EQ(topic.handle_answer(0, id(2), start + 1s, patience), Fate::unclear);
  EXPECT_EQ(topic.handle_answer(0, id(1), start + 9s, patience), Fate::same);
  EXPECT_EQ(topic.handle_answer(0, id(2), start + 10s, patience), Fate::unclear);
  EXPECT_EQ(topic.handle_answer(0, id(2), start + 20s, patience), Fate::recreated);
  topic.replace(id(2));
  EXPECT_EQ(topic.handle_answer(0, id(2), start + 21s, patience), Fate::same);
  EXPECT_EQ(topic.handle_answer(0, id(1), start + 22s, patience), Fate::unclear);
}

TEST(TopicIdentityTest, WhatWasSaidOfATopicIsNotSaidOfItsSuccessor) {
  TopicIdentity topic(id(1));
  EXPECT_EQ(topic.handle_answer(unknown, {}, start, patience), Fate::unclear);
  topic.replace(id(2));
  EXPECT_EQ(topic.handle_answer(unknown, {}, start + patience, patience), Fate::unclear) << "a broker that lags behind";
  EXPECT_EQ(topic.handle_answer(0, id(2), start + patience + 1s, patience), Fate::same);
}

TEST(TopicIdentityTest, WhatThisProcessHasDeletedIsNotThere) {
  TopicIdentity topic(id(1));
  EXPECT_FALSE(topic.is_past(id(1), start, patience));
  topic.handle_deleted();
  EXPECT_TRUE(topic.is_past(id(1), start, patience));
  EXPECT_FALSE(topic.is_past(id(2), start, patience));
}

TEST(TopicIdentityTest, WithoutIdsNothingIsRecreated) {
  TopicIdentity topic({});
  EXPECT_EQ(topic.handle_answer(0, {}, start, patience), Fate::same);
  EXPECT_EQ(topic.handle_answer(unknown, {}, start, patience), Fate::unclear);
  EXPECT_EQ(topic.handle_answer(0, {}, start, patience), Fate::same);
}

}  // namespace
}  // namespace shunt::replicate
