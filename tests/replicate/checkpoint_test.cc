#include "replicate/checkpoint.h"

#include <initializer_list>
#include <span>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::replicate {
namespace {

using protocol::Offset;
using protocol::PartitionIndex;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

Checkpoint example() {
  return {.group = "g",
          .topic = "A.t",
          .partition = PartitionIndex(3),
          .source = Offset(258),
          .target = Offset(7),
          .metadata = "m",
          .committed = {}};
}

struct Written {
  explicit Written(const Checkpoint& checkpoint)
      : key(checkpoint.key()), value(checkpoint.value()), headers(checkpoint.headers()) {}
  [[nodiscard]] std::optional<Checkpoint> read(std::string& why) const {
    const protocol::Record record{.offset = Offset(0),
                                  .timestamp_ms = 0,
                                  .key = std::span<const std::byte>(key),
                                  .value = std::span<const std::byte>(value),
                                  .headers = headers};
    return Checkpoint::parse(record, why);
  }
  std::vector<std::byte> key;
  std::vector<std::byte> value;
  std::vector<std::byte> headers;
};

TEST(Checkpoint, IsWhatMirrorMakerWrites) {
  EXPECT_THAT(example().key(), ElementsAreArray(bytes({0, 1, 'g', 0, 3, 'A', '.', 't', 0, 0, 0, 3})));
  EXPECT_THAT(example().value(),
              ElementsAreArray(bytes({0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 7, 0, 1, 'm'})));
  EXPECT_THAT(example().headers(), ElementsAreArray(bytes({0})));
}

TEST(Checkpoint, ReadsWhatItWrote) {
  Checkpoint checkpoint = example();
  std::string why;
  EXPECT_EQ(Written(checkpoint).read(why), checkpoint) << why;
  checkpoint.committed = {.source = Offset(200), .target = Offset(5), .time_ms = 1'700'000'000'000};
  EXPECT_EQ(Written(checkpoint).read(why), checkpoint) << why;
}

TEST(Checkpoint, TakesAHeaderOfOthersForNone) {
  Written written(example());
  for (const std::string_view text : {"\2\2a\2b", "\4\2a\2b\2a\2b", "\2\36shunt.committed\2x"}) {
    const auto all = std::as_bytes(std::span(text));
    written.headers.assign(all.begin(), all.end());
    std::string why;
    EXPECT_EQ(written.read(why), example()) << text;
  }
}

TEST(Checkpoint, RefusesEveryTruncationAndOtherVersions) {
  const Written whole(example());
  std::string why;
  for (std::size_t size = 0; size < whole.key.size(); ++size) {
    Written written = whole;
    written.key.resize(size);
    EXPECT_FALSE(written.read(why)) << size;
  }
  for (std::size_t size = 0; size < whole.value.size(); ++size) {
    Written written = whole;
    written.value.resize(size);
    EXPECT_FALSE(written.read(why)) << size;
  }
  Written later = whole;
  later.value[1] = std::byte{1};
  EXPECT_FALSE(later.read(why));
  EXPECT_THAT(why, HasSubstr("version 1"));
}

}  // namespace
}  // namespace shunt::replicate
