#include "replicate/control/topic_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::replicate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

TopicPair pair(const std::string& source, const std::string& target, bool must_exist = false) {
  TopicPair made;
  made.source = source;
  made.target = target;
  made.must_exist = must_exist;
  return made;
}

TEST(TopicNamesTest, OfTwoThatWouldBeOneNeitherIsMirroredUnlessItIsAlready) {
  EXPECT_THAT(refused_names({pair("a", "x"), pair("b", "x"), pair("c", "c")}, {}, "B"),
              ElementsAre(Pair("a", HasSubstr("a and b would both be called x on B")), Pair("b", HasSubstr("x on B"))));
  EXPECT_THAT(refused_names({pair("a", "x", true), pair("b", "x")}, {}, "B"),
              ElementsAre(Pair("b", HasSubstr("x on B"))));
}

TEST(TopicNamesTest, WhatWouldGoRoundForEverIsNamed) {
  const auto loop_of = [](std::string_view topic) { return topic == "a" ? std::string("A->B and B->A") : ""; };
  EXPECT_THAT(refused_names({pair("a", "a"), pair("b", "b")}, loop_of, "B"),
              ElementsAre(Pair("a", HasSubstr("for ever: A->B and B->A select it"))));
  EXPECT_THAT(refused_names({pair("b", "b")}, loop_of, "B"), IsEmpty());
}

}  // namespace
}  // namespace shunt::replicate
