#include "replicate/condition.h"

#include <set>

#include <gtest/gtest.h>

namespace shunt::replicate {
namespace {

TEST(ConditionTest, NamesAreKeysWithoutTheirBeginning) {
  std::set<std::string> names;
  for (const ConditionInfo& info : condition_table()) {
    EXPECT_TRUE(info.key.starts_with("shunt.on.")) << info.key;
    EXPECT_EQ("shunt.on." + to_string(info.condition), info.key);
    EXPECT_TRUE(names.insert(to_string(info.condition)).second) << info.key;
    EXPECT_FALSE(info.meaning.empty()) << info.key;
  }
  EXPECT_EQ(to_string(Condition::source_recreated), "source.recreated");
}

TEST(ConditionTest, WhatMayBeChosenStopsUnlessItIsChosen) {
  const Policies policies;
  for (const ConditionInfo& info : condition_table()) {
    EXPECT_EQ(policies.of(info.condition), info.standard);
    if (info.alternative) {
      EXPECT_EQ(info.standard, Policy::stop) << info.key;
    }
  }
}

TEST(ConditionTest, OnePolicyIsSetWithoutTheOthers) {
  Policies policies;
  policies.set(Condition::target_deleted, Policy::recreate);
  EXPECT_EQ(policies.of(Condition::target_deleted), Policy::recreate);
  EXPECT_EQ(policies.of(Condition::source_recreated), Policy::stop);
}

}  // namespace
}  // namespace shunt::replicate
