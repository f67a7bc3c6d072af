#include "tools/shunt/units.h"

#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

namespace shunt::tools {
namespace {

TEST(UnitsTest, Grouped) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(1234567), "1,234,567");
  EXPECT_EQ(grouped(std::numeric_limits<std::uint64_t>::max()), "18,446,744,073,709,551,615");
}

TEST(UnitsTest, CountsFitTheirColumn) {
  EXPECT_EQ(count_text(999'999'999), "999,999,999");
  EXPECT_EQ(count_text(1'234'567'890), "1.23 G");
  EXPECT_EQ(count_text(999'999'000'000), "1.00 T");
  EXPECT_EQ(count_text(std::numeric_limits<std::uint64_t>::max()), "18.45 E");
}

TEST(UnitsTest, Bytes) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(999.7), "999 B");
  EXPECT_EQ(bytes_text(1000), "1.00 kB");
  EXPECT_EQ(bytes_text(999'999), "1.00 MB");
  EXPECT_EQ(bytes_text(1.234e9), "1.23 GB");
  EXPECT_EQ(bytes_text(1.8e19), "18.00 EB");
}

TEST(UnitsTest, Durations) {
  EXPECT_EQ(duration_text(0), "0 s");
  EXPECT_EQ(duration_text(59.4), "59 s");
  EXPECT_EQ(duration_text(59.6), "1 min 0 s");
  EXPECT_EQ(duration_text(3599), "59 min 59 s");
  EXPECT_EQ(duration_text(7500), "2 h 5 min");
  EXPECT_EQ(duration_text(std::numeric_limits<double>::infinity()), duration_text(1e12));
}

}  // namespace
}  // namespace shunt::tools
