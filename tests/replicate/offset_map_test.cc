#include "replicate/offset_map.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::replicate {
namespace {

using protocol::Offset;
using protocol::Sequence;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

OffsetRun run(std::int64_t source, std::int64_t target, std::int64_t records) {
  return {.source = Offset(source), .target = Offset(target), .records = records};
}
MapTip tip(std::int64_t source, std::int64_t target, std::int32_t sequence) {
  return {.source = Offset(source), .target = Offset(target), .sequence = Sequence(sequence)};
}

/// Runs as a source with holes and a target with other writers make them; many, so that they fill several blocks.
std::vector<OffsetRun> random_runs(std::uint32_t seed, const MapTip& begin, int count) {
  std::mt19937 random(seed);
  const auto below = [&random](std::uint32_t limit) { return static_cast<std::int64_t>(random() % limit); };
  std::vector<OffsetRun> runs;
  Offset source = begin.source;
  Offset target = begin.target;
  for (int i = 0; i < count; ++i) {
    const OffsetRun next{.source = source + below(3), .target = target + below(2), .records = 1 + below(20)};
    runs.push_back(next);
    source = next.source_end();
    target = next.target_end();
  }
  return runs;
}

TEST(OffsetRuns, WhatFollowsWithoutAGapBelongsTogether) {
  std::vector<OffsetRun> runs;
  append_run(runs, run(10, 100, 5));
  append_run(runs, run(15, 105, 5));   // goes on
  append_run(runs, run(21, 110, 1));   // a hole in the source
  append_run(runs, run(22, 112, 10));  // somebody else's record in the target
  EXPECT_THAT(runs, ElementsAre(run(10, 100, 10), run(21, 110, 1), run(22, 112, 10)));
}

TEST(OffsetBlock, IsReadBackAsItWasPacked) {
  for (std::uint32_t seed = 1; seed <= 50; ++seed) {
    const MapTip begin = tip(1'000'000'000'000, 77, 2'147'483'000);  // the sequence wraps within
    OffsetBlock block(begin);
    std::vector<OffsetRun> merged;
    for (const OffsetRun& one : random_runs(seed, begin, 300)) {
      block.append(one);
      append_run(merged, one);
    }
    const auto read = OffsetBlock::unpack(begin, 0, block.packed());
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->end(), block.end());
    EXPECT_EQ(read->size(), merged.size());
    EXPECT_THAT(read->runs(), ElementsAreArray(merged));
    EXPECT_THAT(block.runs(), ElementsAreArray(merged));
    EXPECT_EQ(OffsetBlock(begin).first_run(), std::nullopt);
    for (const OffsetBlock& one : {block, *read}) EXPECT_EQ(one.first_run(), std::optional(merged.front()));
  }
}

TEST(OffsetBlock, WhatIsCutOffOrImpossibleIsNotRead) {
  const MapTip begin = tip(5, 6, 7);
  OffsetBlock block(begin);
  block.append(run(300, 400, 500));
  const std::vector<std::byte> packed = block.packed();
  for (std::size_t size = 1; size < packed.size(); ++size) {
    EXPECT_FALSE(OffsetBlock::unpack(begin, 0, std::span(packed).first(size)).has_value()) << size;
  }
  const auto bytes = [](std::initializer_list<int> values) {
    std::vector<std::byte> result;
    for (const int value : values) result.push_back(static_cast<std::byte>(value));
    return result;
  };
  EXPECT_FALSE(OffsetBlock::unpack(begin, 0, bytes({0, 0, 0})).has_value()) << "a run of nothing";
  const auto endless = bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1});
  EXPECT_FALSE(OffsetBlock::unpack(begin, 0, endless).has_value());
  auto beyond = bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 1});
  EXPECT_FALSE(OffsetBlock::unpack(begin, 0, beyond).has_value()) << "offsets beyond the largest";
}

TEST(OffsetMap, TranslatesEveryOffsetExactly) {
  const MapTip begin = tip(40, 7, 0);
  OffsetMap map(begin);
  EXPECT_EQ(map.translate(Offset(0)), Offset(7));
  EXPECT_EQ(map.translate(Offset(1000)), Offset(7));
  const auto runs = random_runs(3, begin, 3300);
  for (const OffsetRun& one : runs) map.append(one);
  EXPECT_GT(map.blocks().size(), 2U);

  OffsetMapCursor cursor(map);
  auto ahead = runs.begin();  // the first run that ends behind `source`
  for (Offset source(0); source < map.tip().source + 10; source = source + 1) {
    while (ahead != runs.end() && ahead->source_end() <= source) ++ahead;
    ASSERT_EQ(cursor.run_at(source), map.run_at(source));
    if (ahead == runs.end()) {
      ASSERT_EQ(map.translate(source), map.tip().target);
      ASSERT_EQ(map.find(source), std::nullopt);
    } else if (source < ahead->source) {
      ASSERT_EQ(map.translate(source), ahead->target);
      ASSERT_EQ(map.find(source), std::nullopt);
    } else {
      ASSERT_EQ(map.translate(source), ahead->target + (source - ahead->source));
      ASSERT_EQ(map.find(source), ahead->target + (source - ahead->source));
      ASSERT_EQ(map.translate_back(ahead->target + (source - ahead->source)), source);
    }
  }
}

TEST(OffsetMap, IsRestoredFromItsBlocks) {
  const MapTip begin = tip(0, 0, 0);
  OffsetMap map(begin);
  OffsetMap restored(begin);
  int steps = 0;
  for (const OffsetRun& one : random_runs(9, begin, 4000)) {
    map.append(one);
    if (++steps % 77 != 0) continue;
    for (std::size_t i = map.take_first_changed(); i < map.blocks().size(); ++i) {
      ASSERT_TRUE(restored.restore(map.blocks()[i]));
    }
    ASSERT_EQ(restored.tip(), map.tip());
  }
  for (std::size_t i = map.take_first_changed(); i < map.blocks().size(); ++i) {
    ASSERT_TRUE(restored.restore(map.blocks()[i]));
  }
  ASSERT_EQ(restored.blocks().size(), map.blocks().size());
  for (std::size_t i = 0; i < map.blocks().size(); ++i) {
    EXPECT_THAT(restored.blocks()[i].runs(), ElementsAreArray(map.blocks()[i].runs()));
  }
  EXPECT_EQ(map.take_first_changed(), map.blocks().size()) << "nothing has changed since";
  EXPECT_EQ(restored.take_first_changed(), restored.blocks().size()) << "what was restored is stored already";
}

TEST(OffsetMap, AnotherLeaderEpochIsToBeStored) {
  OffsetMap map(tip(0, 0, 0));
  EXPECT_EQ(map.source_log(), SourceLog{});
  map.append({.source = Offset(0), .target = Offset(0), .records = 10});
  map.pass(Offset(20));
  map.confirm({.topic_id = {}, .leader_epoch = protocol::LeaderEpoch(3)});
  EXPECT_EQ(map.take_first_changed(), 0U);
  map.confirm({.topic_id = {}, .leader_epoch = protocol::LeaderEpoch(3)});
  EXPECT_EQ(map.take_first_changed(), 2U) << "nothing has changed";
  const SourceLog later{.topic_id = {}, .leader_epoch = protocol::LeaderEpoch(4)};
  map.confirm(later);
  EXPECT_EQ(map.take_first_changed(), 1U) << "the last block";
  EXPECT_EQ(map.source_log(), later);
}

TEST(OffsetMap, ABlockThatWasStoredAgainReplacesItself) {
  OffsetMap map(tip(0, 0, 0));
  map.append(run(0, 0, 100));
  OffsetBlock grown(tip(101, 100, 100));
  grown.append(run(101, 100, 50));
  EXPECT_TRUE(map.restore(grown)) << "there is a hole before it";
  grown.append(run(151, 160, 5));
  EXPECT_TRUE(map.restore(grown));
  EXPECT_EQ(map.tip(), tip(156, 165, 155));
  EXPECT_EQ(map.find(Offset(110)), Offset(109));
  EXPECT_EQ(map.find(Offset(151)), Offset(160));
  EXPECT_EQ(map.blocks().size(), 2U);
}

TEST(OffsetMap, ABlockBehindAGapIsNotTaken) {
  OffsetMap map(tip(0, 0, 0));
  map.append(run(0, 0, 100));
  OffsetBlock later(tip(120, 120, 120));
  later.append(run(120, 120, 50));
  EXPECT_FALSE(map.restore(later)) << "twenty records in between are on the target, and nobody has said where";
  EXPECT_EQ(map.tip(), tip(100, 100, 100));
}

TEST(OffsetMap, WhatDoesNotLieBehindItsEndIsNotTaken) {
  OffsetMap map(tip(0, 0, 0));
  ASSERT_TRUE(map.append(run(0, 50, 100)));
  EXPECT_FALSE(map.append(run(100, 149, 1)));
  EXPECT_FALSE(map.append(run(99, 150, 1)));
  EXPECT_EQ(map.tip(), tip(100, 150, 100));
}

TEST(OffsetMap, RecordsThatAreGoneTwiceMoveItsEndOnce) {
  OffsetMap map(tip(0, 0, 0));
  map.append(run(0, 0, 100));
  OffsetMap restored(map.blocks().front());
  map.skip(20, Offset(120), Offset(120));
  map.skip(3, Offset(120), Offset(123));
  map.append(run(130, 125, 5));
  ASSERT_EQ(map.blocks().size(), 2U) << "two blocks that begin at the same offset of the source have the same key";
  EXPECT_TRUE(restored.restore(map.blocks().back()));
  EXPECT_EQ(restored.tip(), tip(135, 130, 128));
}

TEST(OffsetMap, RecordsThatAreGoneMoveItsEndEveryTime) {
  OffsetMap map(tip(0, 0, 0));
  map.append(run(0, 0, 100));
  OffsetMap restored(map.blocks().front());
  map.skip(20, Offset(120), Offset(120));
  EXPECT_TRUE(restored.restore(map.blocks().back()));
  map.skip(3, Offset(125), Offset(123));
  EXPECT_TRUE(restored.restore(map.blocks().back())) << "the block before it was stored, too";
  EXPECT_EQ(restored.tip(), tip(125, 123, 123));
}

TEST(OffsetMap, AnEpochCountsFromZero) {
  OffsetMap map(tip(0, 0, 0));
  map.append(run(0, 0, 100));
  OffsetMap restored(map.blocks().front());
  map.begin_epoch(protocol::ProducerEpoch(3), Offset(100), Offset(110));
  EXPECT_TRUE(restored.restore(map.blocks().back()));
  map.begin_epoch(protocol::ProducerEpoch(4), Offset(100), Offset(111));
  ASSERT_EQ(map.blocks().size(), 2U) << "nothing was written in the one before";
  map.append(run(104, 115, 6));
  MapTip end = tip(110, 121, 6);
  end.epoch = protocol::ProducerEpoch(4);
  EXPECT_EQ(map.tip(), end);
  ASSERT_TRUE(restored.restore(map.blocks().back()));
  EXPECT_EQ(restored.tip(), end);
  EXPECT_EQ(restored.find(Offset(105)), Offset(116));

  OffsetBlock late(tip(120, 130, 106));
  EXPECT_FALSE(restored.restore(late)) << "an epoch that is over";
}

TEST(OffsetMap, AHoleAtTheEndIsPassed) {
  OffsetMap map(tip(0, 0, 0));
  map.append(run(0, 0, 100));
  OffsetMap restored(map.blocks().front());
  map.pass(Offset(103));
  EXPECT_EQ(map.tip(), tip(103, 100, 100));
  EXPECT_EQ(map.last_before(1), run(99, 99, 1));
  EXPECT_EQ(map.last_before(0), std::nullopt);
  ASSERT_TRUE(restored.restore(map.blocks().back()));
  map.append(run(103, 100, 7));
  ASSERT_TRUE(restored.restore(map.blocks().back()));
  EXPECT_EQ(restored.tip(), tip(110, 107, 107));
  EXPECT_EQ(restored.translate(Offset(101)), Offset(100)) << "the next record's place";
}

TEST(OffsetMap, RecordsThatAreGoneMoveItsEnd) {
  OffsetMap map(tip(0, 0, 0));
  map.append(run(0, 0, 100));
  OffsetMap restored(map.blocks().front());
  map.skip(20, Offset(115), Offset(120));
  EXPECT_EQ(map.tip(), tip(115, 120, 120));
  map.append(run(130, 125, 5));
  ASSERT_TRUE(restored.restore(map.blocks().back()));
  EXPECT_EQ(restored.tip(), tip(135, 130, 125));
  EXPECT_EQ(restored.translate(Offset(110)), Offset(125));
}

}  // namespace
}  // namespace shunt::replicate
