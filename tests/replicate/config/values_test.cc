#include "replicate/config/values.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::replicate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Values, Lists) {
  EXPECT_THAT(parse_list(" a , b,c "), ElementsAre("a", "b", "c"));
  EXPECT_THAT(parse_list("  "), IsEmpty());
  EXPECT_THAT(parse_list("a,,b,"), ElementsAre("a", "", "b", ""));
}

TEST(Values, Booleans) {
  EXPECT_EQ(parse_bool(" TRUE "), true);
  EXPECT_EQ(parse_bool("False"), false);
  EXPECT_EQ(parse_bool("yes"), std::nullopt);
  EXPECT_EQ(parse_bool(""), std::nullopt);
}

TEST(Values, Integers) {
  EXPECT_EQ(parse_integer(" 42 "), 42);
  EXPECT_EQ(parse_integer("+1"), 1);
  EXPECT_EQ(parse_integer("-1"), -1);
  EXPECT_EQ(parse_integer("9223372036854775807"), INT64_MAX);
  for (const char* bad : {"", "x", "1x", "1.5", "+-1", "0x10", "1 2", "9223372036854775808"}) {
    EXPECT_EQ(parse_integer(bad), std::nullopt) << bad;
  }
}

TEST(Values, Sizes) {
  EXPECT_EQ(parse_size("33554432"), 33554432);
  EXPECT_EQ(parse_size("4KiB"), 4096);
  EXPECT_EQ(parse_size("32 MiB"), 33554432);
  EXPECT_EQ(parse_size("2GiB"), 2147483648);
  for (const char* bad : {"", "MiB", "4MB", "-1", "1.5GiB", "9223372036854775807GiB"}) {
    EXPECT_EQ(parse_size(bad), std::nullopt) << bad;
  }
}

TEST(Values, Addresses) {
  EXPECT_EQ(parse_address("b1.example.com:9092"), (net::HostPort{"b1.example.com", 9092}));
  EXPECT_EQ(parse_address(" 10.0.0.1:1 "), (net::HostPort{"10.0.0.1", 1}));
  EXPECT_EQ(parse_address("[::1]:9092"), (net::HostPort{"::1", 9092}));
  EXPECT_EQ(parse_address("[fe80::1%eth0]:9092"), (net::HostPort{"fe80::1%eth0", 9092}));
  EXPECT_EQ(parse_address("2001:db8::1:9092"), (net::HostPort{"2001:db8::1", 9092}));
  EXPECT_EQ(parse_address("PLAINTEXT://b1:9092"), (net::HostPort{"b1", 9092}));
  EXPECT_EQ(parse_address("b1:0"), (net::HostPort{"b1", 0}));
  for (const char* bad : {"", "b1", "b1:", ":9092", "b1:x", "b1:70000", "b1:-1", "b1:+1", "b 1:9092", "[::1:9092",
                          "::1]:9092", "[]:9092", "b1/x:9092", "a b://c:1"}) {
    EXPECT_EQ(parse_address(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(parse_address(std::string(254, 'a') + ":9092"), std::nullopt);
}

}  // namespace
}  // namespace shunt::replicate
