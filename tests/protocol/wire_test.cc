#include "protocol/wire.h"

#include <cstdint>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace shunt::protocol {
namespace {

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> out;
  for (const int value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

TEST(Wire, IntegersAreBigEndian) {
  Writer out;
  out.integer(std::int8_t{-2});
  out.integer(std::int16_t{0x0102});
  out.integer(std::int32_t{-2});
  out.integer(std::int64_t{0x0102030405060708});
  EXPECT_EQ(out.take(), bytes({0xfe, 1, 2, 0xff, 0xff, 0xff, 0xfe, 1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(Wire, IntegersComeBack) {
  Writer out;
  out.integer(std::numeric_limits<std::int64_t>::min());
  out.integer(std::numeric_limits<std::int16_t>::max());
  const auto written = out.take();
  Reader in(written);
  EXPECT_EQ(in.integer<std::int64_t>(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(in.integer<std::int16_t>(), std::numeric_limits<std::int16_t>::max());
  EXPECT_TRUE(in.ok());
  EXPECT_EQ(in.left(), 0U);
}

TEST(Wire, VarintsAtTheirEdges) {
  const std::uint32_t values[] = {0, 1, 127, 128, 16383, 16384, 2097151, 2097152, 268435455, 268435456, 0xffffffff};
  const std::size_t sizes[] = {1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5};
  for (std::size_t i = 0; i < std::size(values); ++i) {
    Writer out;
    out.unsigned_varint(values[i]);
    EXPECT_EQ(out.size(), sizes[i]) << values[i];
    const auto written = out.take();
    Reader in(written);
    EXPECT_EQ(in.unsigned_varint(), values[i]);
    EXPECT_TRUE(in.ok());
    EXPECT_EQ(in.left(), 0U);
    for (std::size_t size = 0; size < written.size(); ++size) {
      Reader cut(std::span<const std::byte>(written).first(size));
      cut.unsigned_varint();
      EXPECT_FALSE(cut.ok());
    }
  }
}

TEST(Wire, VarintsOfMoreThan32BitsAreRefused) {
  for (const auto& written : {bytes({0x80, 0x80, 0x80, 0x80, 0x10}), bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0x01}),
                              bytes({0x80, 0x80, 0x80, 0x80, 0x80})}) {
    Reader in(written);
    EXPECT_EQ(in.unsigned_varint(), 0U);
    EXPECT_FALSE(in.ok());
    EXPECT_NE(in.why().find("32 bits"), std::string::npos) << in.why();
  }
}

TEST(Wire, APoisonedReaderYieldsNothingMore) {
  const auto written = bytes({1, 2, 3, 4, 5});
  Reader in(written);
  in.integer<std::int16_t>();
  EXPECT_EQ(in.integer<std::int32_t>(), 0);
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.left(), 0U);
  EXPECT_EQ(in.integer<std::int8_t>(), 0);
  EXPECT_TRUE(in.bytes(1).empty());
  EXPECT_EQ(in.unsigned_varint(), 0U);
  EXPECT_EQ(in.why(), "4 bytes wanted, 3 left (byte 2)");
}

TEST(Wire, TheFirstReasonStaysAndThePlaceIsBuiltInsideOut) {
  Reader in({});
  in.fail("trouble");
  in.fail("more trouble");
  in.within("Name");
  in.within("[3]");
  in.within("Topics");
  EXPECT_EQ(in.why(), "Topics[3].Name: trouble (byte 0)");
}

TEST(Wire, BytesAreTakenWholeOrNotAtAll) {
  const auto written = bytes({1, 2, 3});
  Reader in(written);
  EXPECT_EQ(in.bytes(2).size(), 2U);
  EXPECT_EQ(in.offset(), 2U);
  EXPECT_TRUE(in.bytes(std::numeric_limits<std::size_t>::max()).empty());
  EXPECT_FALSE(in.ok());
}

}  // namespace
}  // namespace shunt::protocol
