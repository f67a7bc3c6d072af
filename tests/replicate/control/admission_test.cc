#include "replicate/control/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::replicate {
namespace {

using protocol::Offset;
using protocol::PartitionIndex;
using protocol::ProducerId;
using ::testing::HasSubstr;
using Verdict = Admission::Verdict;

AdmissionFacts bounds(std::int64_t source_start, std::int64_t source_end, std::int64_t target_start,
                      std::int64_t target_end, bool known = false) {
  AdmissionFacts facts;
  facts.source = TopicPartition{"s", PartitionIndex(0)};
  facts.target = TopicPartition{"t", PartitionIndex(0)};
  facts.source_start = Offset(source_start);
  facts.source_end = Offset(source_end);
  facts.target_start = Offset(target_start);
  facts.target_end = Offset(target_end);
  facts.last_sequence = known ? 7 : -1;
  return facts;
}

AdmissionFacts padded(AdmissionFacts facts) {
  facts.ends_in_padding = true;
  return facts;
}
AdmissionFacts marked(AdmissionFacts facts) {
  facts.has_only_markers = true;
  return facts;
}

TEST(Admission, BoundsAloneDecideWhereTheyCan) {
  const struct {
    AdmissionFacts facts;
    std::optional<Verdict> verdict;
    std::int64_t start;
    const char* reason;
  } cases[] = {
      // source start and end, target start and end
      {bounds(0, 0, 0, 0), Verdict::start, 0, ""},
      {bounds(0, 100, 0, 0), Verdict::start, 0, ""},
      {bounds(5, 100, 0, 0), Verdict::fill_head, 5, ""},
      {padded(bounds(50, 100, 0, 40, true)), Verdict::fill_head, 50, ""},
      {padded(bounds(50, 100, 0, 50, true)), Verdict::fill_head, 50, ""},
      {marked(bounds(50, 100, 0, 40)), Verdict::fill_head, 50, ""},
      {bounds(50, 100, 40, 40), Verdict::overtaken, 50, "deleted 10 offsets that were never mirrored"},
      {bounds(50, 100, 0, 40), std::nullopt, 0, ""},
      {bounds(0, 30, 40, 40), Verdict::refuse, -1, "the target holds 10 records that the source does not have"},
      {bounds(0, 0, 40, 40), Verdict::refuse, -1, "the target holds 40 records"},
      {bounds(0, 30, 0, 40), std::nullopt, 0, ""},
      {bounds(0, 100, 40, 40, true), Verdict::start, 40, ""},
      {bounds(0, 100, 40, 40, false), Verdict::start, 40, "cannot be compared"},
      {bounds(40, 100, 0, 40, true), std::nullopt, 0, ""},
      {bounds(40, 40, 40, 40, true), Verdict::start, 40, ""},
      {bounds(0, 100, 0, 40, true), std::nullopt, 0, ""},
      {bounds(39, 100, 39, 40, false), std::nullopt, 0, ""},
      {bounds(0, 40, 0, 40, true), std::nullopt, 0, ""},
  };
  for (const auto& one : cases) {
    const auto decided = decide_by_bounds(one.facts);
    ASSERT_EQ(decided.has_value(), one.verdict.has_value()) << one.reason;
    if (!decided) continue;
    EXPECT_EQ(decided->verdict, *one.verdict) << decided->reason;
    EXPECT_EQ(decided->start, Offset(one.start)) << decided->reason;
    EXPECT_EQ(decided->ends_in_padding, one.facts.ends_in_padding);
    EXPECT_THAT(decided->reason, HasSubstr(one.reason));
    if (std::string_view(one.reason).empty()) {
      EXPECT_EQ(decided->reason, "");
    }
  }
}

TEST(Admission, AMirrorThatHasNotBegunMayBeginFurtherOn) {
  const auto begins = [](AdmissionFacts facts, bool is_certain) {
    facts.begin = Offset(80);
    facts.is_begin_certain = is_certain;
    return facts;
  };
  const struct {
    AdmissionFacts facts;
    Verdict verdict;
    std::int64_t start;
    bool is_new;
  } cases[] = {
      {begins(bounds(0, 100, 0, 0), false), Verdict::start, 0, true},
      {begins(bounds(5, 100, 0, 0), false), Verdict::fill_head, 5, true},
      {begins(padded(bounds(0, 100, 0, 40, true)), false), Verdict::fill_head, 80, true},
      {begins(padded(bounds(0, 100, 0, 90, true)), true), Verdict::fill_head, 90, true},
      // Of markers nobody knows whose head they were, unless all mean the same.
      {begins(marked(bounds(50, 100, 0, 40)), false), Verdict::fill_head, 50, false},
      {begins(marked(bounds(50, 100, 0, 40)), true), Verdict::fill_head, 50, true},
      // The padding is gone: that was the head.
      {begins(bounds(0, 100, 40, 40, true), false), Verdict::start, 40, false},
  };
  for (const auto& one : cases) {
    const auto decided = decide_by_bounds(one.facts);
    ASSERT_TRUE(decided.has_value());
    EXPECT_EQ(decided->verdict, one.verdict) << decided->reason;
    EXPECT_EQ(decided->start, Offset(one.start));
    EXPECT_EQ(decided->is_new, one.is_new);
  }
  EXPECT_FALSE(decide_by_tails(begins(marked(bounds(0, 100, 0, 40)), false)).is_new);
  EXPECT_TRUE(decide_by_tails(begins(marked(bounds(0, 100, 0, 40)), true)).is_new);
}

BatchPrint tail(std::int64_t base, std::int32_t records, std::uint64_t content) {
  BatchPrint print;
  print.base_offset = Offset(base);
  print.last_offset_delta = records - 1;
  print.record_count = records;
  print.size = 100;
  print.payload_digest[0] = content;
  return print;
}

BatchPrint marker_tail(std::int64_t base) {
  BatchPrint print = tail(base, 1, 0);
  print.is_control = true;
  return print;
}

TEST(Admission, LastBatchesDecideTheRest) {
  const struct {
    std::optional<BatchPrint> source, target;
    bool known;
    Verdict verdict;
    const char* reason;
    ProducerId writer = ProducerId(5);
  } cases[] = {
      {tail(30, 10, 1), tail(30, 10, 1), false, Verdict::start, ""},
      {tail(30, 10, 1), tail(30, 10, 1), true, Verdict::start, ""},
      {tail(30, 10, 1), tail(30, 10, 2), true, Verdict::start, ""},
      {tail(35, 10, 1), tail(30, 10, 1), true, Verdict::start, ""},
      {tail(30, 20, 1), tail(30, 10, 1), true, Verdict::start, ""},
      {tail(35, 20, 1), tail(30, 10, 1), true, Verdict::start, ""},
      {marker_tail(39), tail(30, 10, 1), true, Verdict::refuse, "a transaction marker at offset 39"},
      {tail(41, 10, 1), tail(30, 10, 1), true, Verdict::start, "compacted"},
      {tail(41, 10, 1), tail(30, 10, 1), false, Verdict::refuse, "not this mirror that has written it", ProducerId(-1)},
      {tail(41, 10, 1), tail(30, 10, 1), false, Verdict::start, "compacted"},
      {tail(30, 10, 1), tail(30, 20, 1), true, Verdict::retry, "another instance is writing"},
      {tail(30, 10, 1), std::nullopt, true, Verdict::retry, "t-0 no longer has"},
      {std::nullopt, tail(30, 10, 1), true, Verdict::retry, "s-0 no longer has"},
  };
  for (const auto& one : cases) {
    AdmissionFacts facts = bounds(0, 100, 0, 40, one.known);
    facts.source_tail = one.source;
    facts.target_tail = one.target;
    facts.identity = ProducerId(5);
    if (facts.target_tail) facts.target_tail->producer_id = one.writer;
    const Admission decided = decide_by_tails(facts);
    EXPECT_EQ(decided.verdict, one.verdict) << decided.reason;
    EXPECT_THAT(decided.reason, HasSubstr(one.reason));
    EXPECT_EQ(decided.start, Offset(one.verdict == Verdict::start ? 40 : -1));
    if (std::string_view(one.reason).empty()) {
      EXPECT_EQ(decided.reason, "");
    }
  }
}

TEST(Admission, WhereTheSourceNoLongerHasTheTargetsLastBatchItsWriterDecides) {
  constexpr ProducerId identity{(std::int64_t{1} << 62) + 5};
  const struct {
    ProducerId writer;
    bool known;
    Verdict verdict;
    const char* reason;
  } cases[] = {
      {identity, true, Verdict::start, ""},
      {ProducerId(-1), false, Verdict::start, "nothing to compare"},
      {ProducerId(identity.value() + 1), false, Verdict::refuse, "meant for a topic that had its name before"},
  };
  for (const auto& one : cases) {
    AdmissionFacts facts = bounds(40, 100, 0, 40, one.known);
    facts.identity = identity;
    facts.target_tail = tail(30, 10, 1);
    facts.target_tail->producer_id = one.writer;
    EXPECT_FALSE(decide_by_bounds(facts));
    const Admission decided = decide_by_tails(facts);
    EXPECT_EQ(decided.verdict, one.verdict) << decided.reason;
    EXPECT_THAT(decided.reason, HasSubstr(one.reason));
    EXPECT_EQ(decided.is_unproven, one.writer == ProducerId(-1));
  }
}

// Found by the simulation: other producers' records were taken for a mirror's.
TEST(Admission, nothing_in_common_with_what_others_have_written) {
  AdmissionFacts facts = bounds(0, 100, 0, 40);
  facts.identity = ProducerId(5);
  facts.target_tail = tail(30, 10, 1);
  facts.target_tail->producer_id = ProducerId(-1);
  facts.source_tail = tail(25, 30, 2);
  facts.has_common_records = false;
  EXPECT_EQ(decide_by_tails(facts).condition, Condition::foreign_writer);
  facts.has_common_records = true;
  EXPECT_EQ(decide_by_tails(facts).verdict, Verdict::start);
  facts.has_common_records = false;
  facts.target_tail->producer_id = facts.identity;
  EXPECT_EQ(decide_by_tails(facts).verdict, Verdict::start) << "compacted on the source since";
}

TEST(Admission, WhatWasMeantForATopicBeforeIsTheSourcesOnlyWhereTheSourceHasIt) {
  constexpr ProducerId identity{(std::int64_t{1} << 62) + 5};
  AdmissionFacts facts = bounds(0, 100, 0, 40, true);
  facts.identity = identity;
  facts.target_tail = tail(30, 10, 1);
  facts.target_tail->producer_id = ProducerId(identity.value() + 1);
  facts.source_tail = tail(60, 10, 2);  // compaction has taken what was there
  Admission decided = decide_by_tails(facts);
  EXPECT_EQ(decided.verdict, Verdict::refuse) << decided.reason;
  EXPECT_THAT(decided.reason, HasSubstr("meant for a topic that had its name before"));
  facts.source_tail = tail(28, 20, 2);  // thinned, and nothing of it in the target's last batch
  EXPECT_EQ(decide_by_tails(facts).verdict, Verdict::refuse);
  facts.has_common_tail = true;
  EXPECT_EQ(decide_by_tails(facts).verdict, Verdict::start);
  facts.has_common_tail = false;
  facts.source_tail = tail(30, 10, 1);
  EXPECT_EQ(decide_by_tails(facts).verdict, Verdict::start) << "byte by byte, as on a cluster that has got topic ids";
}

TEST(Admission, RecordsThatDifferDecideWhereBatchesDoNot) {
  AdmissionFacts facts = bounds(0, 100, 0, 40, true);
  facts.source_tail = tail(30, 10, 1);
  facts.target_tail = tail(30, 10, 2);
  facts.tails_differ = "the value is another";
  const Admission decided = decide_by_tails(facts);
  EXPECT_EQ(decided.verdict, Verdict::refuse);
  EXPECT_THAT(decided.reason, HasSubstr("already written by others: the last batch of t-0 is not the source's: the "
                                        "value is another"));
}

OffsetRun run(std::int64_t source, std::int64_t target) {
  return {.source = Offset(source), .target = Offset(target), .records = 1};
}

TEST(Admission, WhoWroteWhatTheSourceDoesNotHaveTellsWhatHappened) {
  constexpr ProducerId identity{99};
  const struct {
    std::int64_t source_end;
    ProducerId writer;
    bool is_first_epoch;
    std::optional<Condition> condition;
    const char* reason;
    std::optional<Offset> others_at = {};
    std::optional<OffsetRun> displaced = {};
  } cases[] = {
      {30, ProducerId(7), true, Condition::foreign_writer, "the target holds 10 records that the source does not have"},
      {30, identity, true, Condition::source_recreated, "no leader was elected"},
      {30, identity, false, Condition::source_truncated, "the target holds 10 records that the source does not have"},
      {100, ProducerId(7), false, Condition::foreign_writer, "others"},
      {100, identity, true, Condition::source_recreated, "the last batch of t-0 is not the source's"},
      {100, identity, false, Condition::source_truncated, "the source lost them"},
      {100, identity, true, Condition::foreign_writer, "another producer's records are before it, at offset 29",
       Offset(29)},
      {30, identity, false, Condition::foreign_writer, "another producer's records", Offset(29)},
      {100,
       identity,
       true,
       Condition::target_truncated,
       "at offset 33 what t-0 has at 30: that has lost",
       {},
       run(33, 30)},
      {100,
       identity,
       true,
       Condition::foreign_writer,
       "at offset 29 what t-0 has at 30: that has more",
       {},
       run(29, 30)},
  };
  for (const auto& one : cases) {
    AdmissionFacts facts = bounds(0, one.source_end, 0, 40, true);
    facts.identity = identity;
    facts.is_source_first_epoch = one.is_first_epoch;
    facts.others_at = one.others_at;
    facts.displaced = one.displaced;
    facts.target_tail = tail(30, 10, 1);
    facts.target_tail->producer_id = one.writer;
    if (one.source_end > 39) {
      facts.source_tail = tail(30, 10, 2);
      facts.tails_differ = "the value is another";
    }
    EXPECT_FALSE(decide_by_bounds(facts));
    const Admission decided = decide_by_tails(facts);
    EXPECT_EQ(decided.verdict, Verdict::refuse);
    EXPECT_EQ(decided.condition, one.condition) << decided.reason;
    EXPECT_THAT(decided.reason, HasSubstr(one.reason));
  }
}

TEST(Admission, AMarkerTooManyIsNoLossOfTheSource) {
  AdmissionFacts facts = bounds(0, 41, 0, 42, true);
  facts.identity = ProducerId(5);
  facts.target_tail = tail(30, 10, 1);
  facts.target_tail->producer_id = facts.identity;
  const Admission decided = decide_by_tails(facts);
  EXPECT_EQ(decided.verdict, Verdict::refuse);
  EXPECT_FALSE(decided.condition);
  EXPECT_THAT(decided.reason, HasSubstr("KAFKA-19999"));
  facts.target_tail->producer_id = ProducerId(7);
  EXPECT_EQ(decide_by_tails(facts).condition, Condition::foreign_writer) << "of others' transaction";
}

// Found by the simulation: such a partition was never admitted.
TEST(Admission, retention_has_taken_the_last_data_before_markers) {
  for (const bool is_known : {true, false}) {
    AdmissionFacts facts = bounds(30, 100, 0, 40, is_known);
    facts.target_tail = tail(20, 5, 1);
    const Admission decided = decide_by_tails(facts);
    EXPECT_EQ(decided.verdict, Verdict::start) << decided.reason;
    EXPECT_EQ(decided.start, Offset(40));
    EXPECT_EQ(decided.reason.empty(), is_known);
  }
}

}  // namespace
}  // namespace shunt::replicate
