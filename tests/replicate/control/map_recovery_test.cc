#include "replicate/control/map_recovery.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/record.h"
#include "protocol/wire.h"
#include "tests/replicate/control/fake_kafka.h"

namespace shunt::replicate {
namespace {

using net::Awaitable;
using protocol::Offset;
using protocol::PartitionIndex;
using protocol::ProducerEpoch;
using protocol::ProducerId;
using protocol::Sequence;
using ::testing::HasSubstr;
using tests::FakeBatch;
using tests::FakeKafka;
using tests::FakePartition;

constexpr ProducerId identity{(std::int64_t{1} << 62) + 5};
constexpr ProducerId another{77};

/// Appends a batch with these values, under consecutive sequences of `writer`.
void append(FakePartition& log, const std::vector<std::string>& values, ProducerId writer, Sequence sequence,
            ProducerEpoch epoch = first_epoch) {
  protocol::RecordBatchBuilder builder(protocol::Codec::none);
  for (const std::string& value : values) {
    builder.append({.offset = Offset(0),
                    .timestamp_ms = 1000,
                    .key = std::nullopt,
                    .value = std::as_bytes(std::span(value)),
                    .headers = protocol::no_headers});
  }
  FakeBatch batch;
  batch.base = log.log_end;
  batch.records = static_cast<std::int32_t>(values.size());
  batch.raw = builder.finish({.producer_id = writer, .producer_epoch = epoch, .base_sequence = sequence});
  protocol::wire::store(batch.raw.data(), batch.base);
  log.batches.push_back(batch);
  log.log_end += batch.records;
}

/// A source with holes, and a target to which a mirror and others have written. The mirror was cut off somewhere, after
/// it had stored its map up to somewhere before.
class MapRecoveryTest : public ::testing::Test {
 protected:
  MapRecoveryTest() {
    source_kafka.create("s", 1);
    target_kafka.create("t", 1);
  }
  FakePartition& source() { return source_kafka.partition("s", 0); }
  FakePartition& target() { return target_kafka.partition("t", 0); }

  void make(std::uint32_t seed, bool has_equal_records) {
    std::mt19937 random(seed);
    const auto below = [&random](std::uint32_t limit) { return static_cast<int>(random() % limit); };
    Sequence sequence(2'147'483'640);  // wraps soon
    const int batches = 4 + below(12);
    const int copied = below(static_cast<std::uint32_t>(batches + 1));
    const int stored = copied == 0 ? 0 : below(static_cast<std::uint32_t>(copied + 1));
    tip = {.source = Offset(0), .target = Offset(0), .sequence = sequence};
    for (int number = 0; number < batches; ++number) {
      source().log_end += below(3);  // a hole
      std::vector<std::string> values;
      for (int count = 1 + below(5); count > 0; --count) {
        values.push_back(has_equal_records ? "same" : "value " + std::to_string(source().log_end + count));
      }
      const Offset base(source().log_end);
      append(source(), values, another, Sequence(0));
      if (number >= copied) continue;
      if (below(3) == 0) append(target(), {"others", "others"}, another, Sequence(0));
      const Offset place(target().log_end);
      append(target(), values, identity, sequence);
      sequence = sequence.advanced(static_cast<std::int64_t>(values.size()));
      for (std::size_t i = 0; i < values.size(); ++i) {
        places[base + static_cast<std::int64_t>(i)] = place + static_cast<std::int64_t>(i);
      }
      if (number < stored) {
        tip = {.source = Offset(source().log_end), .target = Offset(target().log_end), .sequence = sequence};
      }
    }
    if (below(2) == 0) append(target(), {"others"}, another, Sequence(0));
    end = sequence;
    if (copied > 0) target().producers = {another.value(), identity.value()};
    if (copied > 0) target().last_sequences[identity.value()] = sequence.advanced(-1).value();
  }

  MapRecovery recover() {
    Cluster from(context.get_executor(), source_kafka.settings("A"));
    Cluster to(context.get_executor(), target_kafka.settings("B"));
    MapRecovery recovery;
    tests::run(context, [&]() -> Awaitable<> {
      co_await from.refresh_topics();
      co_await to.refresh_topics();
      const MapQuestion question{
          .source = {"s", PartitionIndex(0)}, .target = {"t", PartitionIndex(0)}, .identity = identity, .tip = tip};
      recovery = co_await recover_map(from, to, question);
    });
    return recovery;
  }

  /// Every record of the source that was copied lies before the position, every other behind it.
  void expect_exact(const MapRecovery& recovery, std::uint32_t seed) {
    ASSERT_EQ(recovery.outcome, MapRecovery::Outcome::found) << recovery.reason << ", seed " << seed;
    EXPECT_EQ(recovery.standing.sequence, end) << "seed " << seed;
    for (const FakeBatch& batch : source().batches) {
      for (std::int64_t i = 0; i < batch.records; ++i) {
        const Offset offset(batch.base + i);
        EXPECT_EQ(offset < recovery.standing.source, places.contains(offset)) << offset.value() << ", seed " << seed;
      }
    }
    std::int64_t placed = 0;
    for (const OffsetRun& run : recovery.runs) {
      for (std::int64_t i = 0; i < run.records; ++i, ++placed) {
        const auto known = places.find(run.source + i);
        ASSERT_NE(known, places.end()) << "seed " << seed;
        EXPECT_EQ(known->second, run.target + i) << "seed " << seed;
      }
    }
    EXPECT_EQ(tip.sequence.advanced(placed + recovery.unplaced), end) << "seed " << seed;
  }

  net::asio::io_context context;
  FakeKafka source_kafka{context, 1};
  FakeKafka target_kafka{context, 1};
  MapTip tip;
  Sequence end;
  std::map<Offset, Offset> places;  // of what was copied
};

class MapRecoverySeeds : public MapRecoveryTest, public ::testing::WithParamInterface<std::uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Some, MapRecoverySeeds, ::testing::Range(1U, 41U));

TEST_P(MapRecoverySeeds, GoesOnWithTheNextRecord) {
  make(GetParam(), false);
  const MapRecovery recovery = recover();
  expect_exact(recovery, GetParam());
  EXPECT_EQ(recovery.unplaced, 0);
}

TEST_P(MapRecoverySeeds, CountsWhereRecordsAreEqual) {
  make(GetParam(), true);
  expect_exact(recover(), GetParam());
}

TEST_P(MapRecoverySeeds, LooksIntoTheLogWhereTheTargetHasForgottenTheMirror) {
  make(GetParam(), false);
  target().producers.clear();
  expect_exact(recover(), GetParam());
}

TEST_P(MapRecoverySeeds, FindsWhatCompactionHasLeftOfTheSource) {
  make(GetParam(), false);
  // Whole batches go, of those that were copied since the map was stored; the last one stays.
  std::mt19937 random(GetParam());
  auto& batches = source().batches;
  std::erase_if(batches, [&](const FakeBatch& batch) {
    return &batch != &batches.back() && Offset(batch.base) >= tip.source && places.contains(Offset(batch.base)) &&
           random() % 2 == 0;
  });
  expect_exact(recover(), GetParam());
}

TEST_P(MapRecoverySeeds, FindsWhatRetentionHasLeftOfTheSource) {
  make(GetParam(), false);
  // A part of what was copied since the map was stored goes; of the rest the first record is found.
  const auto last = std::find_if(source().batches.rbegin(), source().batches.rend(),
                                 [&](const FakeBatch& batch) { return places.contains(Offset(batch.base)); });
  source().log_start = last == source().batches.rend() ? tip.source.value() : std::max(tip.source.value(), last->base);
  std::erase_if(source().batches, [&](const FakeBatch& batch) { return batch.base < source().log_start; });
  expect_exact(recover(), GetParam());
}

TEST_F(MapRecoveryTest, RetentionHasTakenAllThatWasCopied) {
  append(source(), {"a", "b"}, another, Sequence(0));
  append(source(), {"c"}, another, Sequence(2));
  append(target(), {"a", "b"}, identity, Sequence(0));
  target().producers = {identity.value()};
  target().last_sequences[identity.value()] = 1;
  source().log_start = 2;
  source().batches.erase(source().batches.begin());
  const MapRecovery recovery = recover();
  ASSERT_EQ(recovery.outcome, MapRecovery::Outcome::found) << recovery.reason;
  EXPECT_EQ(recovery.standing.source, Offset(2)) << "two records took two offsets: nothing was missed";
  EXPECT_EQ(recovery.unplaced, 2);
}

TEST_F(MapRecoveryTest, ASourceThatHasOtherRecordsWhereTheMirrorHasBeenIsNoticed) {
  append(source(), {"a"}, another, Sequence(0));
  append(source(), {"x", "y", "z"}, another, Sequence(0));
  append(target(), {"a", "b", "c"}, identity, Sequence(0));
  target().producers = {identity.value()};
  target().last_sequences[identity.value()] = 2;
  const MapRecovery recovery = recover();
  EXPECT_EQ(recovery.outcome, MapRecovery::Outcome::refuse);
  EXPECT_TRUE(recovery.is_of_other_source);
  EXPECT_THAT(recovery.reason, HasSubstr("a record at offset 1 on the source"));
  EXPECT_THAT(recovery.reason, HasSubstr("mirrored up to 3"));
}

TEST_F(MapRecoveryTest, WhatComesBehindRecordsThatCompactionHasTakenIsNoOtherSource) {
  append(source(), {"a"}, another, Sequence(0));
  source().log_end += 2;
  append(source(), {"x"}, another, Sequence(0));
  append(target(), {"a", "b", "c"}, identity, Sequence(0));
  target().producers = {identity.value()};
  target().last_sequences[identity.value()] = 2;
  const MapRecovery recovery = recover();
  EXPECT_EQ(recovery.outcome, MapRecovery::Outcome::found) << recovery.reason;
  EXPECT_EQ(recovery.standing.source, Offset(3));
  EXPECT_EQ(recovery.unplaced, 2);
}

TEST_F(MapRecoveryTest, WhatTheTargetHasLostIsNoticed) {
  make(7, false);
  tip.target = Offset(target().log_end + 1);
  const MapRecovery recovery = recover();
  EXPECT_EQ(recovery.outcome, MapRecovery::Outcome::refuse);
  EXPECT_THAT(recovery.reason, HasSubstr("it lost data"));
  EXPECT_EQ(recovery.condition, Condition::target_truncated);
}

TEST_F(MapRecoveryTest, WhatTheTargetHasLostIsNoticedBehindOthersToo) {
  append(target(), {"others", "others", "others"}, another, Sequence(0));
  target().producers = {another.value(), identity.value()};
  target().last_sequences[identity.value()] = 4;
  tip = {.source = Offset(0), .target = Offset(2), .sequence = Sequence(7)};
  const MapRecovery recovery = recover();
  EXPECT_EQ(recovery.outcome, MapRecovery::Outcome::refuse);
  EXPECT_EQ(recovery.condition, Condition::target_truncated);
  EXPECT_THAT(recovery.reason,
              HasSubstr("goes on with sequence 5 of this mirror on the target, which had written up to 7"));
}

TEST_F(MapRecoveryTest, AnEpochHasAMapOfItsOwn) {
  constexpr ProducerEpoch second{1};
  append(source(), {"a", "b"}, another, Sequence(0));
  append(source(), {"c", "d"}, another, Sequence(2));
  append(target(), {"a"}, identity, Sequence(0), second);
  target().producers = {identity.value()};
  target().epochs[identity.value()] = 1;
  tip = {.source = Offset(0), .target = Offset(0), .sequence = Sequence(0), .epoch = second};
  MapRecovery recovery = recover();
  ASSERT_EQ(recovery.outcome, MapRecovery::Outcome::found) << recovery.reason;
  EXPECT_EQ(recovery.standing.source, Offset(1));
  EXPECT_EQ(recovery.standing.epoch, second);
  EXPECT_EQ(recovery.standing.sequence, Sequence(1));

  // Raised since, and nothing written in it.
  target().append_markers(1);
  target().epochs[identity.value()] = 2;
  target().last_sequences[identity.value()] = -1;
  recovery = recover();
  ASSERT_EQ(recovery.outcome, MapRecovery::Outcome::found) << recovery.reason;
  EXPECT_EQ(recovery.standing.source, Offset(1)) << "the log is walked, for the target has forgotten";
  EXPECT_EQ(recovery.standing.epoch, second);

  append(target(), {"b", "c"}, identity, Sequence(0), ProducerEpoch(2));
  target().last_sequences[identity.value()] = 1;
  recovery = recover();
  EXPECT_EQ(recovery.outcome, MapRecovery::Outcome::refuse);
  EXPECT_TRUE(recovery.lacks_map);
  EXPECT_THAT(recovery.reason,
              HasSubstr("in epoch 2 behind offset 0, and the map of their offsets ends there, in epoch 1"));
}

TEST_F(MapRecoveryTest, RightsThatAreTakenInTheMiddleAreWaitedFor) {
  make(7, false);
  for (FakePartition* log : {&source(), &target()}) {
    int questions = 0;
    for (;; ++questions) {
      ASSERT_LT(questions, 100);
      log->questions_allowed = questions;
      const MapRecovery recovery = recover();
      log->questions_allowed = std::numeric_limits<int>::max();
      if (recovery.outcome == MapRecovery::Outcome::found) break;
      EXPECT_EQ(recovery.outcome, MapRecovery::Outcome::retry) << recovery.reason;
      EXPECT_EQ(recovery.condition, log == &source() ? Condition::source_unauthorized : Condition::target_unauthorized)
          << "after " << questions << ": " << recovery.reason;
    }
    EXPECT_GE(questions, 3);
  }
}

TEST_F(MapRecoveryTest, ATargetThatCannotBeReadToItsEndIsAskedAgain) {
  make(7, false);
  target().high_watermark = target().log_end - 1;
  EXPECT_EQ(recover().outcome, MapRecovery::Outcome::retry);
}

}  // namespace
}  // namespace shunt::replicate
