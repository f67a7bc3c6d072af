#include "protocol/error.h"

#include <gtest/gtest.h>

namespace shunt::protocol {
namespace {

TEST(Error, NamesAreThoseOfKafka) {
  EXPECT_EQ(error_name(0), "NONE (0)");
  EXPECT_EQ(error_name(6), "NOT_LEADER_OR_FOLLOWER (6)");
  EXPECT_EQ(error_name(-1), "UNKNOWN_SERVER_ERROR (-1)");
}

TEST(Error, EveryRowIsFound) {
  for (const ErrorInfo& row : error_table()) EXPECT_EQ(find_error(row.code), &row);
}

TEST(Error, WhatToRefresh) {
  EXPECT_EQ(what_to_refresh(6), Refresh::metadata);
  EXPECT_EQ(what_to_refresh(41), Refresh::metadata);
  EXPECT_EQ(what_to_refresh(16), Refresh::coordinator);
  EXPECT_EQ(what_to_refresh(19), Refresh::nothing);
}

TEST(Error, UnknownCodesAreNamedAndNotRepeated) {
  for (const std::int16_t code : {std::int16_t{-2}, std::int16_t{999}, std::int16_t{32767}, std::int16_t{-32768}}) {
    EXPECT_EQ(find_error(code), nullptr);
    EXPECT_FALSE(is_retriable(code));
    EXPECT_EQ(what_to_refresh(code), Refresh::nothing);
    EXPECT_NE(error_name(code).find(std::to_string(code)), std::string::npos);
  }
}

}  // namespace
}  // namespace shunt::protocol
