#include "replicate/offset_sync.h"

#include <initializer_list>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::replicate {
namespace {

using protocol::Offset;
using protocol::PartitionIndex;
using protocol::ProducerId;
using protocol::Sequence;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

using Bytes = std::vector<std::byte>;

Bytes bytes(std::initializer_list<int> values) {
  Bytes result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

// What org.apache.kafka.connect.mirror.OffsetSync writes for topic "t", partition 3, 1000 -> 258.
const Bytes mm2_key = bytes({0, 1, 't', 0, 0, 0, 3});
const Bytes mm2_value = bytes({0, 0, 0, 0, 0, 0, 3, 0xe8, 0, 0, 0, 0, 0, 0, 1, 2});

// Begins in a hole of one offset: its first record is the one that MirrorMaker 2 is told of.
OffsetBlock block() {
  OffsetBlock block(
      {.source = Offset(999), .target = Offset(258), .sequence = Sequence(9), .epoch = protocol::ProducerEpoch(2)});
  block.append({.source = Offset(1000), .target = Offset(258), .records = 300});
  block.append({.source = Offset(1400), .target = Offset(558), .records = 1});
  return block;
}

OffsetSync::Extension extension(OffsetBlock block) {
  return {.identity = ProducerId(77),
          .block = std::move(block),
          .source_log = {.topic_id = {{std::byte{1}, std::byte{2}}}, .leader_epoch = protocol::LeaderEpoch(5)}};
}

TEST(OffsetSync, MirrorMakersOwnAreReadAndWritten) {
  std::string why;
  const auto sync = OffsetSync::parse(mm2_key, mm2_value, why);
  ASSERT_TRUE(sync.has_value()) << why;
  EXPECT_EQ(sync->topic, "t");
  EXPECT_EQ(sync->partition, PartitionIndex(3));
  EXPECT_EQ(sync->upstream, Offset(1000));
  EXPECT_EQ(sync->downstream, Offset(258));
  EXPECT_FALSE(sync->extension.has_value());
  EXPECT_THAT(sync->key(), ElementsAreArray(mm2_key));
  EXPECT_THAT(sync->value(), ElementsAreArray(mm2_value));
}

TEST(OffsetSync, ABlockFollowsWhatMirrorMakerReads) {
  const OffsetSync written = OffsetSync::of("t", PartitionIndex(3), extension(block()));
  const Bytes key = written.key();
  const Bytes value = written.value();
  EXPECT_THAT(Bytes(key.begin(), key.begin() + 7), ElementsAreArray(mm2_key));
  EXPECT_THAT(Bytes(value.begin(), value.begin() + 16), ElementsAreArray(mm2_value));
  EXPECT_GT(key.size(), mm2_key.size()) << "a key of its own for every block";

  std::string why;
  const auto read = OffsetSync::parse(key, value, why);
  ASSERT_TRUE(read.has_value()) << why;
  ASSERT_TRUE(read->extension.has_value());
  EXPECT_EQ(read->extension->identity, ProducerId(77));
  EXPECT_EQ(read->extension->source_log, written.extension->source_log);
  EXPECT_EQ(read->extension->block.begin(), block().begin());
  EXPECT_EQ(read->extension->block.end(), block().end());
  EXPECT_THAT(read->extension->block.runs(), ElementsAreArray(block().runs()));
}

TEST(OffsetSync, ABlockKeepsItsKeyWhileItGrows) {
  OffsetBlock growing = block();
  growing.append({.source = Offset(1500), .target = Offset(600), .records = 1});
  const OffsetBlock none({.source = Offset(999), .target = Offset(258), .sequence = Sequence(9)});
  const Bytes key = OffsetSync::of("t", PartitionIndex(3), extension(block())).key();
  for (const OffsetBlock& other : {none, growing})
    EXPECT_THAT(OffsetSync::of("t", PartitionIndex(3), extension(other)).key(), ElementsAreArray(key));
}

TEST(OffsetSync, BlocksOfTwoIdentitiesHaveTwoKeys) {
  OffsetSync::Extension other = extension(block());
  other.identity = ProducerId(78);
  EXPECT_NE(OffsetSync::of("t", PartitionIndex(3), extension(block())).key(),
            OffsetSync::of("t", PartitionIndex(3), other).key());
}

TEST(OffsetSync, ABlockWithoutRecordsLeadsMirrorMakerNoFurtherThanItsBeginning) {
  for (const Offset target : {Offset(0), Offset(258)}) {
    const OffsetBlock none({.source = Offset(999), .target = target, .sequence = Sequence(9)});
    const OffsetSync written = OffsetSync::of("t", PartitionIndex(3), extension(none));
    EXPECT_EQ(written.upstream, Offset(999));
    EXPECT_EQ(written.downstream + 1, target) << "where it puts whatever comes behind 999";
    std::string why;
    const auto read = OffsetSync::parse(written.key(), written.value(), why);
    ASSERT_TRUE(read.has_value() && read->extension.has_value()) << why;
    EXPECT_EQ(read->extension->block.begin(), none.begin());
    EXPECT_EQ(read->extension->block.size(), 0U);
  }
}

TEST(OffsetSync, WhatIsNoneSaysWhy) {
  const OffsetSync sync = OffsetSync::of("t", PartitionIndex(3), extension(block()));
  const Bytes key = sync.key();
  const Bytes value = sync.value();
  for (std::size_t size = 0; size < value.size(); ++size) {
    std::string why;
    const auto read = OffsetSync::parse(key, std::span(value).first(size), why);
    // Cut where MirrorMaker's part ends, or a run does, it is a smaller one.
    const bool is_whole = read.has_value();
    EXPECT_TRUE(is_whole || !why.empty()) << size;
    EXPECT_FALSE(is_whole && size < mm2_value.size()) << size;
  }
  std::string why;
  EXPECT_FALSE(OffsetSync::parse(bytes({0xff, 0xff, 0, 0, 0, 0}), value, why).has_value());
  EXPECT_FALSE(OffsetSync::parse({}, value, why).has_value());
  Bytes later = value;
  later[mm2_value.size()] = std::byte{127};
  EXPECT_FALSE(OffsetSync::parse(key, later, why).has_value());
  EXPECT_THAT(why, HasSubstr("another version"));
}

}  // namespace
}  // namespace shunt::replicate
