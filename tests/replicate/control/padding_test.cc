#include "replicate/control/padding.h"

#include <gtest/gtest.h>

#include "protocol/record.h"

namespace shunt::replicate {
namespace {

using protocol::Codec;

constexpr protocol::Stamp stamp{.producer_id = protocol::ProducerId(5),
                                .producer_epoch = protocol::ProducerEpoch(0),
                                .base_sequence = protocol::Sequence(9)};

TEST(Padding, IsRecognisedAndSmall) {
  for (const std::int32_t records : {1, 2, 1000, 100'000}) {
    const std::vector<std::byte> batch = padding_batch(records, 1'700'000'000'000, stamp);
    EXPECT_TRUE(is_padding(batch)) << records;
    EXPECT_LT(batch.size(), 200 + static_cast<std::size_t>(records)) << records;
  }
}

TEST(Padding, IsNothingElse) {
  const auto text = [](std::string_view bytes) { return std::as_bytes(std::span(bytes)); };
  const auto built = [&](std::optional<std::span<const std::byte>> key,
                         std::optional<std::span<const std::byte>> value) {
    protocol::Record record;
    record.timestamp_ms = 1;
    record.headers = text(std::string_view("\0", 1));
    protocol::RecordBatchBuilder builder(Codec::lz4);
    record.key = text("shunt.padding");
    builder.append(record);
    record.key = key;
    record.value = value;
    builder.append(record);
    return builder.finish(stamp);
  };
  EXPECT_TRUE(is_padding(built(text("shunt.padding"), std::nullopt))) << "recompressed by the target";
  EXPECT_FALSE(is_padding(built(text("shunt.padding"), text("")))) << "a value";
  EXPECT_FALSE(is_padding(built(text("k"), std::nullopt)));
  EXPECT_FALSE(is_padding(built(std::nullopt, std::nullopt)));
  std::vector<std::byte> damaged = padding_batch(10, 1, stamp);
  damaged.back() ^= std::byte{1};
  EXPECT_FALSE(is_padding(damaged));
  EXPECT_FALSE(is_padding({}));
}

}  // namespace
}  // namespace shunt::replicate
