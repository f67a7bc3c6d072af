// The codec's rules, each on a message small enough to write its bytes down.
#include "protocol/codec.h"

#include <string>

#include <gtest/gtest.h>

#include "protocol/ids.h"

namespace shunt::protocol {
namespace {

struct SampleResponse;

struct SampleRequest {
  using Response = SampleResponse;
  static constexpr Api api{.key = 999, .name = "Sample", .versions = {0, 3}, .flexible = 2};

  struct Item {
    PartitionIndex index;
    std::optional<std::string> name;

    static void fields(auto&& f, auto& m) {
      f("Index", m.index);
      f("Name", m.name, nullable_since(1));
    }
    bool operator==(const Item&) const = default;
  };

  std::int16_t code = 0;
  std::vector<Item> items;
  std::int32_t important = -1;
  std::int32_t hint = 0;
  std::optional<std::int32_t> tagged_number;
  std::vector<std::string> tagged_names;
  std::optional<std::string> tagged_text;

  static void fields(auto&& f, auto& m) {
    f("Code", m.code);
    f("Items", m.items);
    f("Important", m.important, since(1));
    f("Hint", m.hint, since(1).ignorable());
    f("TaggedNumber", m.tagged_number, since(2).tag(0));
    f("TaggedNames", m.tagged_names, since(2).tag(3));
    f("TaggedText", m.tagged_text, since(3).tag(4).nullable());
  }
  bool operator==(const SampleRequest&) const = default;
};

struct RecordsResponse {
  static constexpr Api api{.key = 999, .name = "Records", .versions = {0, 1}, .flexible = 1};
  std::optional<Records> records;

  static void fields(auto&& f, auto& m) { f("Records", m.records); }
  bool operator==(const RecordsResponse&) const = default;
};

Bytes bytes(std::initializer_list<int> values) {
  Bytes out;
  for (const int value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

template <class M = SampleRequest>
std::string refusal(const Bytes& body, std::int16_t version) {
  std::string why;
  EXPECT_FALSE(decode<M>(body, version, &why));
  return why;
}

SampleRequest sample() {
  SampleRequest request;
  request.code = 5;
  request.items = {{PartitionIndex(7), "ab"}};
  return request;
}

TEST(Codec, OrdinaryForm) {
  const Bytes expected = bytes({0, 5, 0, 0, 0, 1, 0, 0, 0, 7, 0, 2, 'a', 'b'});
  EXPECT_EQ(encode(sample(), 0), expected);
  EXPECT_EQ(decode<SampleRequest>(expected, 0), sample());
}

TEST(Codec, CompactForm) {
  const Bytes expected = bytes({0, 5, 2, 0, 0, 0, 7, 3, 'a', 'b', 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0});
  EXPECT_EQ(encode(sample(), 2), expected);
  EXPECT_EQ(decode<SampleRequest>(expected, 2), sample());
}

TEST(Codec, NullIsNotEmpty) {
  SampleRequest request;
  request.items = {{PartitionIndex(0), std::nullopt}, {PartitionIndex(0), ""}};
  for (std::int16_t version = 1; version <= 3; ++version) {
    EXPECT_EQ(decode<SampleRequest>(encode(request, version), version), request) << version;
  }
}

TEST(Codec, NullWhereTheVersionHasNoneIsRefusedBothWays) {
  SampleRequest request;
  request.items = {{PartitionIndex(0), std::nullopt}};
  EXPECT_THROW(encode(request, 0), EncodeError);
  const Bytes with_null = bytes({0, 5, 0, 0, 0, 1, 0, 0, 0, 7, 0xff, 0xff});
  EXPECT_EQ(refusal(with_null, 0), "SampleRequest v0: Items[0].Name: null, where there must be a value (byte 12)");
}

TEST(Codec, RecordsKeepNullAndEmptyApart) {
  RecordsResponse empty{.records = Records()};
  RecordsResponse null;
  RecordsResponse some{.records = bytes({1, 2, 3})};
  for (std::int16_t version = 0; version <= 1; ++version) {
    for (const auto& response : {empty, null, some}) {
      EXPECT_EQ(decode<RecordsResponse>(encode(response, version), version), response);
    }
  }
  EXPECT_EQ(encode(null, 0), bytes({0xff, 0xff, 0xff, 0xff}));
  EXPECT_EQ(encode(empty, 0), bytes({0, 0, 0, 0}));
  EXPECT_EQ(encode(some, 1), bytes({4, 1, 2, 3, 0}));
}

TEST(Codec, TaggedFieldsInAscendingOrderAndOnlyWhenHeld) {
  SampleRequest request;
  request.tagged_number = 1;
  request.tagged_names = {"x"};
  const Bytes expected = bytes({0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 2, 0, 4, 0, 0, 0, 1, 3, 3, 2, 2, 'x'});
  EXPECT_EQ(encode(request, 2), expected);
  EXPECT_EQ(decode<SampleRequest>(expected, 2), request);
}

TEST(Codec, UnknownTagsAreSkipped) {
  SampleRequest request;
  request.tagged_names = {"x"};
  const Bytes body = bytes({0,    0,    1,    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 3,  //
                            1,    2,    0xaa, 0xbb,                                   // tag 1: from the future
                            3,    3,    2,    2,    'x',                              // tag 3: known
                            0x80, 0x01, 1,    0xcc});                                 // tag 128: from the future
  EXPECT_EQ(decode<SampleRequest>(body, 2), request);
}

TEST(Codec, TaggedNullCountsAsAbsentWhereItIsAllowed) {
  const Bytes head = bytes({0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 1});
  Bytes body = head;
  for (const int value : {4, 1, 0}) body.push_back(static_cast<std::byte>(value));
  EXPECT_EQ(decode<SampleRequest>(body, 3), SampleRequest{});
  body = head;
  for (const int value : {3, 1, 0}) body.push_back(static_cast<std::byte>(value));
  EXPECT_NE(refusal(body, 3).find("TaggedNames: null"), std::string::npos);
}

TEST(Codec, BrokenTagsAreRefused) {
  const auto with_tags = [](std::initializer_list<int> tags) {
    Bytes body = bytes({0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0});
    for (const int value : tags) body.push_back(static_cast<std::byte>(value));
    return body;
  };
  EXPECT_NE(refusal(with_tags({2, 0, 4, 0, 0, 0, 1, 0, 4, 0, 0, 0, 1}), 2).find("ascending"), std::string::npos);
  EXPECT_NE(refusal(with_tags({2, 3, 1, 1, 0, 4, 0, 0, 0, 1}), 2).find("ascending"), std::string::npos);
  EXPECT_NE(refusal(with_tags({1, 0, 5, 0, 0, 0, 1, 0}), 2).find("tagged field 0 is 4 bytes, not 5"),
            std::string::npos);
  EXPECT_NE(refusal(with_tags({1, 9, 5, 0}), 2).find("5 bytes wanted, 1 left"), std::string::npos);
  EXPECT_NE(refusal(with_tags({0xff, 0xff, 0xff, 0xff, 0x0f}), 2).find("bytes wanted"), std::string::npos);
}

TEST(Codec, AFieldThatIsSetDoesNotVanish) {
  SampleRequest request;
  request.important = 3;
  EXPECT_THROW(encode(request, 0), EncodeError);
  EXPECT_NO_THROW(encode(request, 1));
  request = {};
  request.tagged_number = 3;
  EXPECT_THROW(encode(request, 1), EncodeError);
  request = {};
  request.tagged_names = {"x"};
  EXPECT_THROW(encode(request, 1), EncodeError);
  try {
    request = {};
    request.important = 3;
    encode(request, 0);
    FAIL();
  } catch (const EncodeError& error) {
    EXPECT_STREQ(error.what(), "SampleRequest: Important is set, but does not exist in version 0");
  }
}

TEST(Codec, AnIgnorableFieldMayVanish) {
  SampleRequest request;
  request.hint = 3;
  EXPECT_EQ(decode<SampleRequest>(encode(request, 0), 0), SampleRequest{});
}

TEST(Codec, VersionsThatAreNotSpokenAreRefusedBothWays) {
  EXPECT_THROW(encode(sample(), 4), EncodeError);
  EXPECT_THROW(encode(sample(), -1), EncodeError);
  EXPECT_NE(refusal(bytes({0}), 4).find("only versions 0 to 3 are spoken"), std::string::npos);
}

TEST(Codec, WhatDoesNotFitItsWireTypeIsRefused) {
  SampleRequest request = sample();
  request.items[0].name = std::string(32767, 'x');
  EXPECT_EQ(decode<SampleRequest>(encode(request, 0), 0), request);
  request.items[0].name = std::string(32768, 'x');
  EXPECT_THROW(encode(request, 0), EncodeError);
  EXPECT_THROW(encode(request, 2), EncodeError);
}

TEST(Codec, AStringBeyond16BitsIsRefusedInCompactFormToo) {
  Bytes body = bytes({0, 5, 2, 0, 0, 0, 7, 0x81, 0x80, 0x02});  // 32768 + 1
  body.resize(body.size() + 40000);
  EXPECT_NE(refusal(body, 2).find("Items[0].Name: a length of 32768"), std::string::npos) << refusal(body, 2);
}

TEST(Codec, TrailingBytesAreRefused) {
  Bytes body = encode(sample(), 1);
  body.push_back(std::byte{0});
  EXPECT_NE(refusal(body, 1).find("1 bytes too many"), std::string::npos);
}

TEST(Codec, CountsAreBoundedByTheBytesLeft) {
  // Two thousand million items in four bytes: refused before any memory is taken for them.
  EXPECT_EQ(refusal(bytes({0, 5, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 7}), 0),
            "SampleRequest v0: Items: a length of 2147483647 with 4 bytes left (byte 6)");
  EXPECT_NE(refusal(bytes({0, 5, 0xff, 0xff, 0xff, 0xff, 0x0f, 0}), 2).find("a length of 4294967294"),
            std::string::npos);
  EXPECT_NE(refusal(bytes({0, 5, 0xff, 0xff, 0xff, 0xfe}), 0).find("a length of -2"), std::string::npos);
  EXPECT_NE(
      refusal(bytes({0, 5, 0, 0, 0, 1, 0, 0, 0, 7, 0x7f, 0xff, 'a'}), 0).find("a length of 32767 with 1 bytes left"),
      std::string::npos);
}

TEST(Codec, AMessageTakesNoMoreMemoryThanItMay) {
  SampleRequest request;
  request.items.resize(1000);
  const Bytes body = encode(request, 2);
  const std::size_t needed = 1000 * sizeof(SampleRequest::Item);
  std::string why;
  EXPECT_TRUE(decode<SampleRequest>(body, 2, &why, 2 * needed)) << why;
  EXPECT_FALSE(decode<SampleRequest>(body, 2, &why, needed));
  EXPECT_NE(why.find("Items: 1000 elements of "), std::string::npos) << why;

  SampleRequest named;
  named.items.emplace_back().name = std::string(5000, 'x');
  const Bytes long_name = encode(named, 2);
  EXPECT_FALSE(decode<SampleRequest>(long_name, 2, &why, 4000));
  EXPECT_NE(why.find("Items[0].Name"), std::string::npos) << why;
}

TEST(Codec, WhyIsOptional) {
  EXPECT_FALSE(decode<SampleRequest>({}, 0));
}

}  // namespace
}  // namespace shunt::protocol
