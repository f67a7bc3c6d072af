#include "protocol/message_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/stored_records.h"
#include "protocol/wire.h"
#include "tests/support/message_sets.h"

namespace shunt::protocol {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::OldMessage;
using Bytes = std::vector<std::byte>;

constexpr std::size_t most = 1 << 20;
constexpr Codec codecs[] = {Codec::gzip, Codec::snappy, Codec::lz4};

std::string text_of(const std::optional<std::span<const std::byte>>& bytes) {
  return bytes ? std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()) : "null";
}

/// "offset@time key=value" of each record; the reason last where it does not end well.
std::vector<std::string> read(const Bytes& bytes) {
  MessageSetReader reader(bytes, most);
  std::vector<std::string> records;
  for (Record record; reader.next(record);) {
    records.push_back(std::to_string(record.offset.value()) + "@" + std::to_string(record.timestamp_ms) + " " +
                      text_of(record.key) + "=" + text_of(record.value));
    EXPECT_EQ(record.headers.size(), 1U);  // the count: 0
  }
  if (!reader.ok()) records.push_back(reader.why());
  return records;
}

OldMessage message(std::int64_t offset, std::int8_t magic, std::optional<std::string_view> key = {},
                   std::optional<std::string_view> value = {}, std::int64_t timestamp_ms = 1000) {
  return {.offset = offset, .magic = magic, .attributes = 0, .timestamp_ms = timestamp_ms, .key = key, .value = value};
}

// Wire bytes put down by hand from Kafka's protocol guide, not by the builder.
TEST(MessageSet, ReadsTheBytesOfTheProtocolGuide) {
  const unsigned char bytes[] = {
      0, 0, 0, 0, 0,   0, 0, 9, 0, 0, 0, 16,  // offset, size
      0, 0, 0, 0,                             // CRC, below
      0, 0,                                   // magic, attributes
      0, 0, 0, 1, 'k',                        // key
      0, 0, 0, 1, 'v',                        // value
  };
  Bytes entry(std::as_bytes(std::span(bytes)).begin(), std::as_bytes(std::span(bytes)).end());
  tests::seal_message(entry);
  EXPECT_THAT(read(entry), ElementsAre("9@-1 k=v"));
  EXPECT_EQ(entry, tests::message_bytes(message(9, 0, "k", "v")));
}

TEST(MessageSet, ReadsBothFormatsSideBySide) {
  const OldMessage messages[] = {message(5, 0, "a", "b"), message(6, 0), message(9, 1, "", "c", 7),
                                 message(10, 1, {}, "", -1)};
  EXPECT_THAT(read(tests::joined(messages)), ElementsAre("5@-1 a=b", "6@-1 null=null", "9@7 =c", "10@-1 null="));
}

TEST(MessageSet, OpensWrappersWithTheOffsetsTheyHold) {
  for (const Codec codec : codecs) {
    const OldMessage inside[] = {message(40, 0, "a", "b"), message(42, 0, "c", "d")};
    EXPECT_THAT(read(tests::wrapped(message(42, 0), codec, inside)), ElementsAre("40@-1 a=b", "42@-1 c=d"));
  }
}

TEST(MessageSet, OpensWrappersWithDistances) {
  for (const Codec codec : codecs) {
    // Compaction has taken the second of four.
    const OldMessage inside[] = {message(0, 1, "a", "b", 5), message(2, 1, "c", "d", 4), message(3, 1, "e", {}, 6)};
    OldMessage wrapper = message(103, 1, {}, {}, 6);
    EXPECT_THAT(read(tests::wrapped(wrapper, codec, inside)), ElementsAre("100@5 a=b", "102@4 c=d", "103@6 e=null"));
    wrapper.attributes = 0x08;  // the broker's append time is that of all
    EXPECT_THAT(read(tests::wrapped(wrapper, codec, inside)), ElementsAre("100@6 a=b", "102@6 c=d", "103@6 e=null"));
  }
}

TEST(MessageSet, KeepsTheRecordsOfAWrapperToItsEnd) {
  const OldMessage inside[] = {message(0, 1, "a", "b"), message(1, 1, "c", "d")};
  const Bytes bytes = tests::wrapped(message(1, 1), Codec::gzip, inside);
  StoredRecords stored(bytes, most);
  std::vector<Record> records;
  for (Record record; stored.next(record);) records.push_back(record);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(text_of(records[0].key) + text_of(records[0].value), "ab");
  EXPECT_EQ(text_of(records[1].key) + text_of(records[1].value), "cd");
}

TEST(MessageSet, GoesFromWrapperToWrapper) {
  Bytes all;
  for (std::int64_t last = 1; last <= 5; last += 2) {
    const OldMessage inside[] = {message(0, 1, {}, "x"), message(1, 1, {}, "y")};
    const Bytes wrapper = tests::wrapped(message(last, 1), Codec::lz4, inside);
    all.insert(all.end(), wrapper.begin(), wrapper.end());
  }
  const Bytes plain = tests::message_bytes(message(6, 1, {}, "z"));
  all.insert(all.end(), plain.begin(), plain.end());
  EXPECT_THAT(read(all), ElementsAre("0@1000 null=x", "1@1000 null=y", "2@1000 null=x", "3@1000 null=y",
                                     "4@1000 null=x", "5@1000 null=y", "6@1000 null=z"));
}

TEST(MessageSet, TakesLz4FramesWithEitherChecksum) {
  const OldMessage inside[] = {message(7, 0, "a", "b")};
  Bytes compressed = compress(Codec::lz4, tests::joined(inside));
  std::string why;
  tests::break_lz4_descriptor_checksum(compressed);
  EXPECT_FALSE(decompress(Codec::lz4, compressed, most, why)) << "no library takes it as it is";
  OldMessage wrapper = message(7, 0);
  EXPECT_THAT(read(tests::wrapped(wrapper, Codec::lz4, inside)), ElementsAre("7@-1 a=b"));
  const Bytes right = compress(Codec::lz4, tests::joined(inside));
  wrapper.attributes = static_cast<std::uint8_t>(Codec::lz4);
  wrapper.value = std::string_view(reinterpret_cast<const char*>(right.data()), right.size());
  EXPECT_THAT(read(tests::message_bytes(wrapper)), ElementsAre("7@-1 a=b"));
}

TEST(MessageSet, RefusesWhatIsDamaged) {
  const OldMessage inside[] = {message(0, 1, "a", "b"), message(1, 1, "c", "d")};
  for (const Bytes& whole :
       {tests::message_bytes(message(5, 0, "key", "value")), tests::wrapped(message(5, 1), Codec::gzip, inside)}) {
    for (std::size_t size = 1; size < whole.size(); ++size)
      EXPECT_THAT(read(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))),
                  ElementsAre(HasSubstr("cut off")));
    for (std::size_t at = 12; at < whole.size(); ++at) {  // what the CRC covers, and the CRC
      Bytes damaged = whole;
      damaged[at] ^= std::byte{0x10};
      EXPECT_THAT(read(damaged), ElementsAre(HasSubstr(at == 16 ? "among older ones" : "offset 5 is damaged"))) << at;
    }
  }
  OldMessage damaged_inside = message(5, 1);
  Bytes entries = tests::joined(inside);
  entries.back() ^= std::byte{1};
  const Bytes compressed = compress(Codec::snappy, entries);
  damaged_inside.attributes = static_cast<std::uint8_t>(Codec::snappy);
  damaged_inside.value = std::string_view(reinterpret_cast<const char*>(compressed.data()), compressed.size());
  EXPECT_THAT(read(tests::message_bytes(damaged_inside)), ElementsAre("4@1000 a=b", HasSubstr("is damaged")));
}

TEST(MessageSet, RefusesWhatNoBrokerWrites) {
  const OldMessage plain[] = {message(0, 1, {}, "x")};
  const OldMessage backwards[] = {message(3, 1, {}, "x"), message(2, 1, {}, "y")};
  const OldMessage nested[] = {{.offset = 0, .magic = 1, .attributes = 1, .timestamp_ms = 0, .key = {}, .value = "x"}};
  const OldMessage beyond[] = {message(9, 0, {}, "x")};
  const struct {
    Bytes bytes;
    const char* why;
  } cases[] = {
      {tests::joined(backwards), "offset 2 after 3"},
      {tests::message_bytes(message(-1, 1)), "offset -1"},
      {tests::message_bytes(message(0, 2)), "format 2 among older ones"},
      {tests::wrapped(message(5, 1), Codec::gzip, nested), "inside a compressed one"},
      {tests::wrapped(message(5, 0), Codec::gzip, beyond), "offset 9 in a compressed message that ends at 5"},
      {tests::wrapped(message(5, 1), Codec::gzip, beyond), "the last message inside says 9"},
      {tests::wrapped(message(5, 1), Codec::gzip, {}), "nothing is inside"},
      {tests::wrapped(message(5, 1), Codec::zstd, plain), "a codec that its format does not know"},
      {tests::wrapped(message(INT64_MAX, 1), Codec::gzip, plain), "no log gets there"},
  };
  for (const auto& one : cases) EXPECT_THAT(read(one.bytes).back(), HasSubstr(one.why));
  std::string large(100, 'x');
  const OldMessage inside[] = {message(0, 1, {}, large)};
  const Bytes bomb = tests::wrapped(message(0, 1), Codec::gzip, inside);
  MessageSetReader reader(bomb, 50);
  Record record;
  EXPECT_FALSE(reader.next(record));
  EXPECT_THAT(reader.why(), HasSubstr("more than 50 bytes"));
}

TEST(StoredRecords, TellsTheFormatsApart) {
  const OldMessage inside[] = {message(0, 1, {}, "x")};
  const Bytes old = tests::wrapped(message(8, 1), Codec::snappy, inside);
  StoredRecords messages(old, most);
  EXPECT_EQ(messages.codec(), Codec::snappy);
  Record record;
  ASSERT_TRUE(messages.next(record));
  EXPECT_EQ(record.offset, Offset(8));
  EXPECT_FALSE(messages.next(record));
  EXPECT_TRUE(messages.ok());

  // What comes out of the old format goes into the new one, and reads the same.
  RecordBatchBuilder builder(Codec::lz4);
  builder.append(record);
  const Bytes batch = builder.finish({});
  StoredRecords records(batch, most);
  EXPECT_EQ(records.codec(), Codec::lz4);
  Record again;
  ASSERT_TRUE(records.next(again));
  EXPECT_EQ(text_of(again.value), "x");
  EXPECT_EQ(again.timestamp_ms, 1000);
  EXPECT_FALSE(records.next(again));
  EXPECT_TRUE(records.ok());

  Bytes damaged = batch;
  damaged.back() ^= std::byte{1};
  StoredRecords nothing(damaged, most);
  EXPECT_FALSE(nothing.next(again));
  EXPECT_THAT(nothing.why(), HasSubstr("is damaged"));
  EXPECT_FALSE(StoredRecords(std::span(batch).first(10), most).ok());
}

}  // namespace
}  // namespace shunt::protocol
