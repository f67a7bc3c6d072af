#include "net/backoff.h"

#include <gtest/gtest.h>

namespace shunt::net {
namespace {

using std::chrono::milliseconds;

TEST(Backoff, DoublesUpToTheLongestWithJitter) {
  Backoff backoff(milliseconds(50), milliseconds(1000), 1);
  Duration ceiling = milliseconds(50);
  for (int i = 0; i < 200; ++i) {
    const Duration wait = backoff.next();
    EXPECT_LE(wait, ceiling);
    EXPECT_GE(wait, ceiling / 2);
    ceiling = std::min<Duration>(ceiling * 2, milliseconds(1000));
  }
  backoff.reset();
  EXPECT_LE(backoff.next(), milliseconds(50));
}

TEST(Backoff, TheSeedDecides) {
  Backoff a(milliseconds(50), milliseconds(1000), 7);
  Backoff b(milliseconds(50), milliseconds(1000), 7);
  Backoff c(milliseconds(50), milliseconds(1000), 8);
  bool differs = false;
  for (int i = 0; i < 20; ++i) {
    const Duration wait = a.next();
    EXPECT_EQ(wait, b.next());
    differs |= wait != c.next();
  }
  EXPECT_TRUE(differs);
}

TEST(Backoff, ExtremesStayInRange) {
  Backoff none(Duration(0), Duration(0), 1);
  Backoff longest(Duration::max(), Duration::max(), 1);
  Backoff crossed(milliseconds(500), milliseconds(100), 1);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(none.next(), Duration(0));
    EXPECT_GE(longest.next(), Duration::max() / 2);
    EXPECT_LE(crossed.next(), milliseconds(100));
  }
}

TEST(ReconnectBackoff, WhoIsRefusedWaitsForSecondsAndIsForgivenAfterASuccess) {
  ReconnectBackoff backoff(milliseconds(50), milliseconds(1000), 1);
  Duration ceiling = std::chrono::seconds(2);
  for (int i = 0; i < 10; ++i) {
    const Duration wait = backoff.next(true);
    EXPECT_GE(wait, ceiling / 2);
    EXPECT_LE(wait, ceiling);
    ceiling = std::min<Duration>(ceiling * 2, std::chrono::seconds(30));
  }
  EXPECT_LE(backoff.next(false), milliseconds(50));
  backoff.reset();
  EXPECT_LE(backoff.next(true), std::chrono::seconds(2));
}

}  // namespace
}  // namespace shunt::net
