#include "protocol/compression.h"

#include <algorithm>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <snappy.h>

namespace shunt::protocol {
namespace {

using ::testing::HasSubstr;
using Bytes = std::vector<std::byte>;

constexpr std::size_t most = 1 << 20;
constexpr std::string_view codec_names[] = {"none", "gzip", "snappy", "lz4", "zstd"};

Bytes text_of(std::size_t size) {
  Bytes bytes(size);
  constexpr std::string_view words = "kafka mirrors ";
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<std::byte>(static_cast<std::size_t>(words[i % words.size()]) + (i / 1000) % 7);
  return bytes;
}

class CompressionTest : public testing::TestWithParam<Codec> {};

TEST_P(CompressionTest, ReadsWhatItWrites) {
  for (const std::size_t size : {0U, 1U, 100U, 32U * 1024, 32U * 1024 + 1, 300'000U}) {
    const Bytes text = text_of(size);
    std::string why;
    const auto back = decompress(GetParam(), compress(GetParam(), text), most, why);
    ASSERT_TRUE(back) << size << ": " << why;
    EXPECT_EQ(*back, text) << size;
  }
}

TEST_P(CompressionTest, RefusesMoreThanTheLimit) {
  const Bytes compressed = compress(GetParam(), text_of(200'000));
  std::string why;
  EXPECT_TRUE(decompress(GetParam(), compressed, 200'000, why)) << why;
  EXPECT_FALSE(decompress(GetParam(), compressed, 199'999, why));
  EXPECT_THAT(why, HasSubstr("more than 199999 bytes"));
}

TEST_P(CompressionTest, SurvivesEveryCutAndEveryFlippedByte) {
  if (GetParam() == Codec::none) return;
  const Bytes text = text_of(5000);
  const Bytes compressed = compress(GetParam(), text);
  for (std::size_t size = 0; size < compressed.size(); ++size) {
    std::string why;
    const auto cut = decompress(GetParam(), std::span(compressed).first(size), most, why);
    if (cut) {
      // Framed snappy ends between two blocks as well as anywhere: what is there must be a beginning.
      ASSERT_EQ(GetParam(), Codec::snappy) << size;
      EXPECT_TRUE(std::equal(cut->begin(), cut->end(), text.begin())) << size;
    } else {
      EXPECT_FALSE(why.empty()) << size;
    }
  }
  for (std::size_t at = 0; at < compressed.size(); ++at) {
    Bytes damaged = compressed;
    damaged[at] ^= std::byte{0x41};
    std::string why;
    const auto result = decompress(GetParam(), damaged, most, why);
    EXPECT_EQ(result.has_value(), why.empty()) << at;
  }
}

INSTANTIATE_TEST_SUITE_P(Codecs, CompressionTest,
                         testing::Values(Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd),
                         [](const auto& each) {
                           return std::string(codec_names[static_cast<std::size_t>(each.param)]);
                         });

TEST(Compression, ReadsSnappyWithoutFrames) {
  const Bytes text = text_of(70'000);
  std::string raw;
  snappy::Compress(reinterpret_cast<const char*>(text.data()), text.size(), &raw);
  std::string why;
  const auto back = decompress(Codec::snappy, std::as_bytes(std::span(raw)), most, why);
  ASSERT_TRUE(back) << why;
  EXPECT_EQ(*back, text);
}

TEST(Compression, ReadsSeveralMembersAsOne) {
  for (const Codec codec : {Codec::gzip, Codec::lz4, Codec::zstd}) {
    const Bytes text = text_of(9000);
    Bytes twice = compress(codec, text);
    const Bytes again = twice;
    twice.insert(twice.end(), again.begin(), again.end());
    std::string why;
    const auto back = decompress(codec, twice, most, why);
    ASSERT_TRUE(back) << why;
    EXPECT_EQ(back->size(), 2 * text.size());
  }
}

TEST(Compression, NamesAnUnknownCodec) {
  std::string why;
  EXPECT_FALSE(decompress(static_cast<Codec>(6), text_of(3), most, why));
  EXPECT_THAT(why, HasSubstr("unknown codec 6"));
}

}  // namespace
}  // namespace shunt::protocol
