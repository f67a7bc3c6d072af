#include "protocol/record_headers.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "protocol/record.h"

namespace shunt::protocol {
namespace {

using Headers = std::vector<std::byte>;

Headers list(std::initializer_list<std::pair<std::string, std::string>> headers) {
  Headers all(std::begin(no_headers), std::end(no_headers));
  for (const auto& [key, value] : headers) all = with_header(all, key, value);
  return all;
}

/// As a reader of a batch takes them: malformed ones it refuses.
bool is_readable(const Headers& headers) {
  RecordBatchBuilder builder(Codec::none);
  builder.append({.offset = Offset(0), .timestamp_ms = 0, .key = {}, .value = {}, .headers = headers});
  const std::vector<std::byte> batch = builder.finish(no_producer);
  const auto payload = std::span(batch).subspan(record_batch_header_size);
  RecordReader reader(RecordBatchHeader::of(batch), payload);
  Record record;
  return reader.next(record) && std::ranges::equal(record.headers, headers) && !reader.next(record) && reader.ok();
}

TEST(RecordHeaders, OneMoreComesLast) {
  const Headers one = list({{"k", "v"}});
  const std::byte expected[] = {std::byte{2}, std::byte{2}, std::byte{'k'}, std::byte{2}, std::byte{'v'}};
  EXPECT_TRUE(std::ranges::equal(one, expected));
  const Headers many = list({{"k", "v"}, {"", ""}, {"k", std::string(300, 'x')}});
  EXPECT_TRUE(is_readable(many));
  EXPECT_TRUE(has_header(many, "k", "v"));
  EXPECT_TRUE(has_header(many, "", ""));
  EXPECT_TRUE(has_header(many, "k", std::string(300, 'x')));
  EXPECT_FALSE(has_header(many, "k", "x"));
  EXPECT_FALSE(has_header(many, "", "v"));
}

TEST(RecordHeaders, MoreThanFitIntoOneByteOfTheirCount) {
  Headers headers = list({});
  for (int i = 0; i < 64; ++i) headers = with_header(headers, "k" + std::to_string(i), "v");
  EXPECT_TRUE(is_readable(headers));
  EXPECT_EQ(without_last_headers(with_header(headers, "last", ""), "last"), headers);
}

TEST(RecordHeaders, OnlyTheLastOnesGo) {
  EXPECT_EQ(without_last_headers(list({}), "s"), list({}));
  EXPECT_EQ(without_last_headers(list({{"a", "1"}}), "s"), list({{"a", "1"}}));
  EXPECT_EQ(without_last_headers(list({{"s", "1"}}), "s"), list({}));
  EXPECT_EQ(without_last_headers(list({{"a", "1"}, {"s", "1"}, {"s", "2"}}), "s"), list({{"a", "1"}}));
  EXPECT_EQ(without_last_headers(list({{"s", "1"}, {"a", "1"}, {"s", "2"}}), "s"), list({{"s", "1"}, {"a", "1"}}));
}

TEST(RecordHeaders, ANullIsNoValue) {
  const std::byte null_value[] = {std::byte{2}, std::byte{2}, std::byte{'s'}, std::byte{1}};
  EXPECT_FALSE(has_header(null_value, "s", ""));
  EXPECT_TRUE(is_readable(with_header(null_value, "s", "A")));
  EXPECT_EQ(without_last_headers(null_value, "s"), list({}));
}

}  // namespace
}  // namespace shunt::protocol
