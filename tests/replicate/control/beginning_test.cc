#include "replicate/control/beginning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::replicate {
namespace {

using Kind = Beginning::Kind;
using protocol::Offset;
using protocol::PartitionIndex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Admission admission(Admission::Verdict verdict, std::int64_t start, std::string reason = {}) {
  Admission made;
  made.verdict = verdict;
  made.start = Offset(start);
  made.reason = std::move(reason);
  return made;
}

BeginningQuestion question() {
  BeginningQuestion made;
  made.source = {"orders", PartitionIndex(0)};
  made.target = {"orders", PartitionIndex(0)};
  made.most_padding = 100'000'000;
  return made;
}

TEST(BeginningTest, StartsWhereTheLogsFit) {
  EXPECT_EQ(decide_beginning(admission(Admission::Verdict::start, 7), question()).kind, Kind::start);
}

TEST(BeginningTest, ANewMirrorBeginsWhereItIsToAndFillsWhatIsBefore) {
  BeginningQuestion later = question();
  later.begin = Offset(50);
  Admission nothing = admission(Admission::Verdict::start, 0);
  nothing.is_new = true;
  const Beginning fresh = decide_beginning(nothing, later);
  ASSERT_EQ(fresh.kind, Kind::fill_head);
  EXPECT_EQ(fresh.head.end, Offset(50));
  EXPECT_EQ(fresh.head.method, HeadFill::Method::markers) << "readers of a topic that was there could see padding";
  later.is_own_topic = true;
  EXPECT_EQ(decide_beginning(nothing, later).head.method, HeadFill::Method::padding);
  nothing.start = Offset(9);
  EXPECT_EQ(decide_beginning(nothing, later).head.end, Offset(50)) << "it goes on filling";
  EXPECT_EQ(decide_beginning(admission(Admission::Verdict::start, 9), later).kind, Kind::start) << "it has begun";
  Admission head = admission(Admission::Verdict::fill_head, 60);
  head.is_new = true;
  EXPECT_EQ(decide_beginning(head, later).head.end, Offset(60));
  head.start = Offset(40);
  EXPECT_EQ(decide_beginning(head, later).head.end, Offset(50));
  head.is_new = false;
  EXPECT_EQ(decide_beginning(head, later).head.end, Offset(40));
}

TEST(BeginningTest, AHeadThatIsTooLongIsRefusedOrMapped) {
  BeginningQuestion asked = question();
  const Admission head = admission(Admission::Verdict::fill_head, 20'000'000);
  EXPECT_THAT(decide_beginning(head, asked).reason, HasSubstr("without padding (10000000)"));
  asked.is_own_topic = true;
  EXPECT_EQ(decide_beginning(head, asked).kind, Kind::fill_head);
  asked.most_padding = 1000;
  const Beginning refused = decide_beginning(head, asked);
  EXPECT_EQ(refused.kind, Kind::refuse);
  EXPECT_THAT(refused.reason, HasSubstr("shunt.offsets.padding.max (1000)"));
  asked.may_map = true;
  EXPECT_EQ(decide_beginning(head, asked).kind, Kind::map);
  Admission padded = head;
  padded.ends_in_padding = true;
  EXPECT_EQ(decide_beginning(padded, asked).kind, Kind::refuse) << "readers would go on seeing the padding";
}

TEST(BeginningTest, WhatNothingTellsToBeTheMirrorsIsMapped) {
  Admission unproven = admission(Admission::Verdict::start, 40, "nothing to compare");
  unproven.is_unproven = true;
  BeginningQuestion asked = question();
  EXPECT_EQ(decide_beginning(unproven, asked).kind, Kind::start);
  asked.may_map = true;
  EXPECT_EQ(decide_beginning(unproven, asked).setting, mapped_by_auto);
  unproven.last_sequence = 3;
  EXPECT_EQ(decide_beginning(unproven, asked).kind, Kind::start) << "this mirror wrote there with identical offsets";
}

TEST(BeginningTest, OthersRecordsAreRefusedUnlessOffsetsMayBeMapped) {
  Admission foreign = admission(Admission::Verdict::refuse, -1, "written by others");
  foreign.condition = Condition::foreign_writer;
  BeginningQuestion asked = question();
  EXPECT_THAT(decide_beginning(foreign, asked).reason, HasSubstr("written by others; or let shunt.offsets=mapped"));
  asked.is_mapping = true;
  EXPECT_THAT(decide_beginning(foreign, asked).reason, HasSubstr("(shunt.topic.mapping = orders:orders)"));
  asked.may_map = true;
  EXPECT_EQ(decide_beginning(foreign, asked).setting, mapped_by_auto);
  foreign.last_sequence = 3;
  EXPECT_EQ(decide_beginning(foreign, asked).kind, Kind::refuse) << "this mirror wrote there with identical offsets";
  asked.maps_behind_others = true;
  EXPECT_EQ(decide_beginning(foreign, asked).setting, "shunt.on.foreign.writer");
}

TEST(BeginningTest, LostRecordsAreTheUsersChoice) {
  const Admission overtaken = admission(Admission::Verdict::overtaken, 90, "retention");
  BeginningQuestion asked = question();
  EXPECT_EQ(decide_beginning(overtaken, asked).condition, Condition::overtaken);
  asked.goes_on_overtaken = true;
  const Beginning behind = decide_beginning(overtaken, asked);
  EXPECT_EQ(behind.kind, Kind::fill_head);
  EXPECT_TRUE(behind.head.is_lost);
}

TEST(BeginningTest, OnlyLongFillingIsTooMuch) {
  const TopicPartition source{"orders", PartitionIndex(0)};
  EXPECT_THAT(too_much_filling({.places = 1, .offsets = 1, .time = std::chrono::minutes(10)}, source), IsEmpty());
  EXPECT_THAT(too_much_filling({.places = 5, .offsets = 9, .time = std::chrono::minutes(12)}, source),
              HasSubstr("about 9 offsets of orders-0 in 5 places"));
}

}  // namespace
}  // namespace shunt::replicate
