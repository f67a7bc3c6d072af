#include "replicate/plan/limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::replicate {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Weight = Finding::Weight;

constexpr std::int64_t day_ms = 86'400'000;

LimitQuestion question() {
  LimitQuestion made;
  made.source_topic = made.target_topic = "orders";
  made.target = "B";
  made.source_replicas = made.target_replicas = 3;
  made.now_ms = 1000 * day_ms;
  made.oldest_ms = made.now_ms - 30 * day_ms;
  return made;
}

auto finding(Weight weight, const char* part) {
  return ::testing::AllOf(Field(&Finding::weight, weight), Field(&Finding::text, HasSubstr(part)));
}

TEST(LimitsTest, WhatIsNotKnownBreaksNothing) {
  EXPECT_THAT(find_limits(question()), IsEmpty());
  LimitQuestion asked = question();
  asked.of_target = {{"retention.ms", "-1"}, {"max.message.bytes", "x"}, {"min.insync.replicas", "2"}};
  asked.of_source = {{"max.message.bytes", "5"}};
  EXPECT_THAT(find_limits(asked), IsEmpty());
}

TEST(LimitsTest, MoreReplicasInSyncThanThereAreRefuseEveryRecord) {
  LimitQuestion asked = question();
  asked.target_replicas = 1;
  asked.of_target = {{"min.insync.replicas", "2"}};
  EXPECT_THAT(find_limits(asked), ElementsAre(finding(Weight::refused, "min.insync.replicas=2 on B"),
                                              finding(Weight::warning, "1 replica on B, and 3 on the source")));
}

TEST(LimitsTest, SmallerRecordsThanTheSourcesAreWarnedOf) {
  LimitQuestion asked = question();
  asked.of_source = {{"max.message.bytes", "2000000"}};
  asked.of_target = {{"max.message.bytes", "1048588"}};
  EXPECT_THAT(find_limits(asked), ElementsAre(finding(Weight::warning, "max.message.bytes=1048588 on B, and 2000000")));
}

TEST(LimitsTest, OldRecordsAreRefusedByALimitOfTimes) {
  LimitQuestion asked = question();
  asked.of_target = {{"message.timestamp.before.max.ms", std::to_string(day_ms)}};
  EXPECT_THAT(find_limits(asked), ElementsAre(finding(Weight::refused, "30 days old: it would be refused")));
  asked.of_target["message.timestamp.type"] = "LogAppendTime";
  EXPECT_THAT(find_limits(asked), IsEmpty()) << "the broker gives them times of its own";
  asked.of_target = {{"message.timestamp.before.max.ms", std::to_string(31 * day_ms)}};
  EXPECT_THAT(find_limits(asked), IsEmpty());
}

TEST(LimitsTest, RetentionThatWouldDeleteWhatIsCopiedIsWarnedOf) {
  LimitQuestion asked = question();
  asked.of_target = {{"retention.ms", std::to_string(7 * day_ms)}, {"cleanup.policy", "delete"}};
  EXPECT_THAT(find_limits(asked), ElementsAre(finding(Weight::warning, "deleted at once")));
  asked.of_target["cleanup.policy"] = "compact";
  EXPECT_THAT(find_limits(asked), IsEmpty());
  asked.of_target["cleanup.policy"] = "compact,delete";
  asked.oldest_ms.reset();
  EXPECT_THAT(find_limits(asked), IsEmpty()) << "there is nothing to copy";
}

}  // namespace
}  // namespace shunt::replicate
