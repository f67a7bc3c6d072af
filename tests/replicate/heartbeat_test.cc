#include "replicate/heartbeat.h"

#include <initializer_list>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::replicate {
namespace {

using ::testing::ElementsAreArray;

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

TEST(Heartbeat, IsWhatMirrorMakerWrites) {
  const Heartbeat heartbeat{.source = "A", .target = "bc", .timestamp_ms = 0x0102030405060708};
  EXPECT_THAT(heartbeat.key(), ElementsAreArray(bytes({0, 1, 'A', 0, 2, 'b', 'c'})));
  EXPECT_THAT(heartbeat.value(), ElementsAreArray(bytes({0, 0, 1, 2, 3, 4, 5, 6, 7, 8})));
}

}  // namespace
}  // namespace shunt::replicate
