#include "replicate/control/batch_print.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/replicate/control/fake_kafka.h"

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
  EXPECT_EQ(difference(print(source), print(target)), "");
}

TEST(BatchPrint, TellsBatchesApart) {
  const FakeBatch source = batch(100, 3, "payload");
  const struct {
    FakeBatch target;
    const char* difference;
  } cases[] = {
      {batch(100, 3, "another"), "other content at offset 100"},
      {batch(100, 3, "payload+"), "68 and 69 bytes"},
      {batch(100, 2, "payload"), "offsets 100 to 102 on the source, of 100 to 101 on the target"},
      {batch(99, 3, "payload"), "of 99 to 101 on the target"},
  };
  for (const auto& one : cases) EXPECT_THAT(difference(print(source), print(one.target)), HasSubstr(one.difference));
  FakeBatch marker = source;
  marker.attributes = 0x30;
  EXPECT_THAT(difference(print(source), print(marker)), HasSubstr("a transaction marker at offset 100 on the target"));
  EXPECT_EQ(difference(print(marker), print(marker)), "");
}

TEST(BatchPrint, ComparesWhatSurvivesRecompressionAndCompaction) {
  FakeBatch source = batch(100, 3, "compressed");
  source.attributes = 0x03;
  FakeBatch recompressed = batch(100, 3, "packed");
  recompressed.attributes = 0x04;
  EXPECT_EQ(difference(print(source), print(recompressed)), "");
  recompressed.base_timestamp_ms = 2000;
  EXPECT_THAT(difference(print(source), print(recompressed)), HasSubstr("other timestamps"));

  BatchPrint thinned = print(batch(100, 3, "rest"));
  thinned.record_count = 1;
  EXPECT_EQ(difference(print(source), thinned), "");
  thinned.base_offset = protocol::Offset(101);
  EXPECT_NE(difference(print(source), thinned), "");
}

TEST(BatchPrint, RefusesWhatIsNoWholeBatchOfTheCurrentFormat) {
  const std::vector<std::byte> whole = batch(100, 3, "payload").bytes();
  std::string why;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    why.clear();
    EXPECT_FALSE(BatchPrint::of(std::span(whole).first(size), why)) << size;
    EXPECT_THAT(why, HasSubstr("cut off"));
  }
  FakeBatch old = batch(100, 3, "payload");
  old.magic = 1;
  EXPECT_FALSE(BatchPrint::of(old.bytes(), why));
  EXPECT_THAT(why, HasSubstr("old message format 1"));
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
