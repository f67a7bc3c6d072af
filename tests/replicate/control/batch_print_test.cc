#include "replicate/control/batch_print.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/replicate/control/fake_kafka.h"
#include "tests/support/message_sets.h"

namespace shunt::replicate {
namespace {

using ::testing::HasSubstr;
using tests::FakeBatch;

FakeBatch batch(std::int64_t base, std::int32_t records, std::string payload) {
  FakeBatch made;
  made.base = base;
  made.records = records;
  made.payload = std::move(payload);
  return made;
}

BatchPrint print(const FakeBatch& of) {
  std::string why;
  const auto made = BatchPrint::of(of.bytes(), why);
  EXPECT_TRUE(made) << why;
  return made.value_or(BatchPrint{});
}

TEST(BatchPrint, IgnoresWhatIsRestampedOnTheWay) {
  FakeBatch source = batch(100, 3, "payload");
  source.producer_id = 7;
  source.attributes = 0x13;  // lz4, transactional
  FakeBatch target = source;
  target.producer_id = std::int64_t{1} << 62;
  target.attributes = 0x03;
  EXPECT_TRUE(is_copy(print(source), print(target)));
}

TEST(BatchPrint, TellsBatchesApart) {
  const FakeBatch source = batch(100, 10, "payload");
  FakeBatch recompressed = batch(100, 10, "packed!");
  recompressed.attributes = 0x04;
  FakeBatch marker = source;
  marker.attributes = 0x30;
  for (const FakeBatch& other : {batch(100, 10, "another"), batch(100, 10, "payload+"), batch(100, 11, "payload"),
                                 batch(99, 10, "payload"), batch(100, 5, "first half"), recompressed, marker}) {
    EXPECT_FALSE(is_copy(print(source), print(other)));
  }
  FakeBatch times = source;
  times.attributes = 0x08;
  EXPECT_FALSE(is_copy(print(times), print(source))) << "its records have other times";
}

TEST(BatchPrint, ReadsMessagesOfOldFormats) {
  const tests::OldMessage inside[] = {{.offset = 0, .value = "a"}, {.offset = 2, .value = "b"}};
  std::string why;
  const auto wrapper = BatchPrint::of(tests::wrapped({.offset = 42, .magic = 1}, protocol::Codec::lz4, inside), why);
  ASSERT_TRUE(wrapper) << why;
  EXPECT_TRUE(wrapper->is_old_format);
  EXPECT_EQ(wrapper->base_offset, protocol::Offset(40));
  EXPECT_EQ(wrapper->next_offset(), protocol::Offset(43));
  EXPECT_FALSE(wrapper->is_dense());
  EXPECT_FALSE(is_copy(*wrapper, *wrapper));
  std::vector<std::byte> damaged = tests::message_bytes({.offset = 7, .magic = 0, .value = "x"});
  ASSERT_TRUE(BatchPrint::of(damaged, why)) << why;
  damaged.back() ^= std::byte{1};
  EXPECT_FALSE(BatchPrint::of(damaged, why));
  EXPECT_THAT(why, HasSubstr("CRC"));
}

TEST(BatchPrint, RefusesWhatIsNoWholeBatchOfTheCurrentFormat) {
  const std::vector<std::byte> whole = batch(100, 3, "payload").bytes();
  std::string why;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    why.clear();
    EXPECT_FALSE(BatchPrint::of(std::span(whole).first(size), why)) << size;
    EXPECT_THAT(why, HasSubstr("cut off"));
  }
  FakeBatch later = batch(100, 3, "payload");
  later.magic = 3;
  EXPECT_FALSE(BatchPrint::of(later.bytes(), why));
  EXPECT_THAT(why, HasSubstr("unknown message format 3"));
  std::vector<std::byte> small = whole;
  small[11] = std::byte{48};  // batch length: one byte less than the rest of the header
  EXPECT_FALSE(BatchPrint::of(small, why));
  EXPECT_THAT(why, HasSubstr("malformed"));
  std::vector<std::byte> negative = whole;
  negative[8] = std::byte{0xff};
  EXPECT_FALSE(BatchPrint::of(negative, why));
  EXPECT_THAT(why, HasSubstr("malformed"));
}

}  // namespace
}  // namespace shunt::replicate
