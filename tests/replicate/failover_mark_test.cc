#include "replicate/failover_mark.h"

#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::replicate {
namespace {

using protocol::Offset;

FailoverMark mark() {
  FailoverMark made;
  made.flow = "A->B";
  made.time_ms = 1'700'000'000'000;
  made.is_forced = true;
  made.ends = {{"orders", {Offset(100), Offset(-1)}}, {"clicks.web", {Offset(7)}}};
  return made;
}

std::string text(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void give(FailoverMarkReader& reader, const std::vector<FailoverRecord>& records) {
  for (const FailoverRecord& record : records) {
    std::optional<std::span<const std::byte>> value;
    if (record.value) value = std::span<const std::byte>(*record.value);
    EXPECT_TRUE(reader.take(record.key, value));
  }
}

void give(FailoverMarkReader& reader, std::string_view key, std::string_view value, bool is_understood) {
  EXPECT_EQ(reader.take(std::as_bytes(std::span(key)), std::as_bytes(std::span(value))), is_understood);
}

TEST(FailoverMarkTest, IsWrittenLastAndReadBack) {
  const std::vector<FailoverRecord> records = records_of(mark());
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(text(records.front().key), "A->B clicks.web");
  EXPECT_EQ(text(*records.front().value), R"({"version":1,"ends":[7]})");
  EXPECT_EQ(text(records.back().key), "A->B");
  EXPECT_EQ(text(*records.back().value), R"({"version":1,"failed_over_ms":1700000000000,"forced":true,"topics":2})");
  FailoverMarkReader reader("A->B");
  for (std::size_t i = 0; i + 1 < records.size(); ++i) {
    give(reader, {records[i]});
    EXPECT_FALSE(reader.mark()) << "ends alone are no mark";
  }
  give(reader, {records.back()});
  EXPECT_EQ(reader.mark(), mark());
}

TEST(FailoverMarkTest, IsGoneWithItsTombstonesTheMarkFirst) {
  FailoverMarkReader reader("A->B");
  give(reader, records_of(mark()));
  const std::vector<FailoverRecord> tombstones = tombstones_of(mark());
  EXPECT_EQ(text(tombstones.front().key), "A->B");
  give(reader, {tombstones.front()});
  EXPECT_FALSE(reader.mark());
  give(reader, tombstones);
  give(reader, records_of(mark()));
  EXPECT_EQ(reader.mark(), mark()) << "it may fail over again";
}

TEST(FailoverMarkTest, OtherFlowsMarksAreNone) {
  FailoverMarkReader reader("A->C");
  give(reader, records_of(mark()));
  EXPECT_FALSE(reader.mark());
}

TEST(FailoverMarkTest, WhatNobodyUnderstandsStopsTheFlowAllTheSame) {
  FailoverMarkReader reader("A->B");
  give(reader, "A->B orders", "{", false);
  EXPECT_FALSE(reader.mark());
  give(reader, "A->B", R"({"version":2})", false);
  ASSERT_TRUE(reader.mark());
  EXPECT_EQ(reader.mark()->flow, "A->B");
}

}  // namespace
}  // namespace shunt::replicate
