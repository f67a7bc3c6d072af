#include "replicate/offset_sync.h"

#include <initializer_list>

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

OffsetBlock block() {
  OffsetBlock block({.source = Offset(1000), .target = Offset(258), .sequence = Sequence(9)});
  block.append({.source = Offset(1001), .target = Offset(258), .records = 300});
  block.append({.source = Offset(1400), .target = Offset(558), .records = 1});
  return block;
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
  const OffsetSync written = OffsetSync::of("t", PartitionIndex(3), ProducerId(77), block());
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
  EXPECT_EQ(read->extension->block.begin(), block().begin());
  EXPECT_EQ(read->extension->block.end(), block().end());
  EXPECT_THAT(read->extension->block.runs(), ElementsAreArray(block().runs()));
}

TEST(OffsetSync, WhatIsNoneSaysWhy) {
  const OffsetSync sync = OffsetSync::of("t", PartitionIndex(3), ProducerId(77), block());
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
  later[mm2_value.size()] = std::byte{2};
  EXPECT_FALSE(OffsetSync::parse(key, later, why).has_value());
  EXPECT_THAT(why, HasSubstr("a later version"));
}

}  // namespace
}  // namespace shunt::replicate
