#include "net/frame_reader.h"

#include <algorithm>
#include <memory>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::net {
namespace {

using ::testing::HasSubstr;

std::vector<std::byte> frame_of(std::size_t size, unsigned first) {
  std::vector<std::byte> frame = {std::byte(size >> 24), std::byte(size >> 16), std::byte(size >> 8), std::byte(size)};
  for (std::size_t index = 0; index < size; ++index) frame.push_back(std::byte((first + index) & 0xff));
  return frame;
}

/// Feeds `bytes` in pieces of at most `piece` and returns the frames that come out.
std::vector<std::vector<std::byte>> read_all(FrameReader& reader, std::span<const std::byte> bytes, std::size_t piece) {
  std::vector<std::vector<std::byte>> frames;
  while (!bytes.empty()) {
    const auto room = reader.prepare();
    const std::size_t size = std::min({piece, room.size(), bytes.size()});
    std::copy_n(bytes.begin(), size, room.begin());
    reader.received(size);
    bytes = bytes.subspan(size);
    while (const auto frame = reader.next()) frames.emplace_back(frame->begin(), frame->end());
  }
  return frames;
}

TEST(FrameReader, CutsTheStreamWhateverThePieces) {
  std::vector<std::byte> stream;
  const std::size_t sizes[] = {0, 1, 5, 4096, 70000, 3, 0, 200000, 2};
  unsigned first = 0;
  for (const std::size_t size : sizes) {
    const auto frame = frame_of(size, first++);
    stream.insert(stream.end(), frame.begin(), frame.end());
  }
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{4096}, std::size_t{1} << 20}) {
    FrameReader reader(1 << 20);
    const auto frames = read_all(reader, stream, piece);
    ASSERT_EQ(frames.size(), std::size(sizes));
    for (std::size_t index = 0; index < frames.size(); ++index) {
      const auto whole = frame_of(sizes[index], static_cast<unsigned>(index));
      EXPECT_TRUE(std::ranges::equal(frames[index], std::span(whole).subspan(4)));
    }
    EXPECT_TRUE(reader.pending().empty());
  }
}

TEST(FrameReader, RefusesWhatIsBeyondTheLimitBeforeTakingMemory) {
  FrameReader reader(1000);
  auto stream = frame_of(1000, 0);
  const auto too_long = frame_of(1001, 0);
  stream.insert(stream.end(), too_long.begin(), too_long.end());
  EXPECT_EQ(read_all(reader, std::span(stream).first(1004 + 4), 64).size(), 1u);
  EXPECT_TRUE(reader.failed());
  EXPECT_THAT(reader.reason(), HasSubstr("1001 bytes"));
  EXPECT_FALSE(reader.next());
}

TEST(FrameReader, TakesMemoryAsBytesArrive) {
  FrameReader reader(64 * 1024 * 1024);
  const std::byte announced[] = {std::byte{3}, std::byte{0}, std::byte{0}, std::byte{0}};  // 48 MiB
  EXPECT_TRUE(read_all(reader, announced, 4).empty());
  EXPECT_FALSE(reader.failed());
  EXPECT_LE(reader.prepare().size(), 64u * 1024);
}

/// Offers `bytes` until they are all taken, or the reader has failed.
void feed(FrameReader& reader, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto room = reader.prepare();
    if (reader.failed()) return;
    const std::size_t size = std::min(room.size(), bytes.size());
    std::copy_n(bytes.begin(), size, room.begin());
    reader.received(size);
    bytes = bytes.subspan(size);
  }
}

TEST(FrameReader, TakesNoMoreThanTheBudgetAndGivesItBack) {
  constexpr std::size_t mib = std::size_t{1} << 20;
  const auto budget = std::make_shared<MemoryBudget>(3 * mib);
  const std::vector<std::byte> large = frame_of(2 * mib, 0);
  {
    FrameReader one(100);
    FrameReader other(100);
    one.set_limit(budget->limit(), budget);
    other.set_limit(budget->limit(), budget);
    feed(one, large);
    EXPECT_GE(budget->left(), mib - 64 * 1024);
    EXPECT_LE(budget->left(), mib);
    feed(other, large);
    EXPECT_THAT(other.reason(), HasSubstr("shunt.control.memory"));

    const auto frame = one.next();
    ASSERT_TRUE(frame);
    const std::vector<std::byte> taken = one.take(*frame);
    EXPECT_TRUE(std::ranges::equal(taken, std::span(large).subspan(4)));
    EXPECT_EQ(one.pending().size(), 0u);
    feed(one, frame_of(10, 0));
    EXPECT_TRUE(one.next());
  }
  EXPECT_EQ(budget->left(), 3 * mib);
}

TEST(FrameReader, WhatIsTakenLeavesWhatFollows) {
  FrameReader reader(1 << 20);
  std::vector<std::byte> bytes = frame_of(200'000, 1);
  const std::vector<std::byte> second = frame_of(50, 2);
  bytes.insert(bytes.end(), second.begin(), second.end());
  feed(reader, bytes);
  const auto first = reader.next();
  ASSERT_TRUE(first);
  EXPECT_EQ(reader.take(*first).size(), 200'000u);
  const auto next = reader.next();
  ASSERT_TRUE(next);
  EXPECT_EQ(reader.take(*next).size(), 50u);
}

}  // namespace
}  // namespace shunt::net
