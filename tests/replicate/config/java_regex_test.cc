#include "replicate/config/java_regex.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replicate/config/pattern_list.h"
#include "replicate/config/topic_filter.h"

namespace shunt::replicate {
namespace {

using ::testing::HasSubstr;

/// The printable characters that match by themselves.
std::string characters(std::string_view expression) {
  const JavaRegex regex(expression);
  std::string result;
  for (char c = '!'; c <= '~'; ++c) {
    if (regex.full_match(std::string_view(&c, 1))) result += c;
  }
  return result;
}

std::string error_of(std::string_view expression) {
  try {
    const JavaRegex regex(expression);
    return "";
  } catch (const RegexError& error) {
    return error.what();
  }
}

TEST(JavaRegex, MatchesWholeNames) {
  EXPECT_TRUE(JavaRegex("orders").full_match("orders"));
  EXPECT_FALSE(JavaRegex("orders").full_match("orders-1"));
  EXPECT_TRUE(JavaRegex("a|ab").full_match("ab"));
  EXPECT_TRUE(JavaRegex("a.b").full_match("a.b"));
  EXPECT_TRUE(JavaRegex("a.b").full_match("axb"));
  EXPECT_FALSE(JavaRegex("a\\.b").full_match("axb"));
  EXPECT_TRUE(JavaRegex("^(orders|pay(ments)?)-\\d{2,}$").full_match("pay-17"));
  EXPECT_TRUE(JavaRegex("").full_match(""));
  EXPECT_TRUE(JavaRegex(".*").full_match("\xC3\xA9"));
}

// Expected values are those of java.util.regex (OpenJDK 17).
TEST(JavaRegex, ReadsClassesAsJava) {
  EXPECT_EQ(characters("[a-c]"), "abc");
  EXPECT_EQ(characters("[]a]"), "]a");
  EXPECT_EQ(characters("[a-]"), "-a");
  EXPECT_EQ(characters("[-a]"), "-a");
  EXPECT_EQ(characters("[a^]"), "^a");
  EXPECT_EQ(characters("[a&b]"), "&ab");
  EXPECT_EQ(characters("[a-b-c]"), "-abc");
  EXPECT_EQ(characters("[\\d-z]"), "-0123456789z");
  EXPECT_EQ(characters("[a-\\x63]"), "abc");
  EXPECT_EQ(characters("[\\Qa-z\\E]"), "-az");
}

TEST(JavaRegex, KnowsNestedClassesAndIntersections) {
  EXPECT_EQ(characters("[a-e&&[^b]]"), "acde");
  EXPECT_EQ(characters("[a-c[x]&&b-z]"), "bcx");
  EXPECT_EQ(characters("[a-c[x-z]]"), "abcxyz");
  EXPECT_EQ(characters("[a&&b]"), "");
  EXPECT_EQ(characters("[&&a]"), "a");
  EXPECT_EQ(characters("[a&&]"), "a");
  EXPECT_EQ(characters("[^b[a]&&!-e]").find('a'), std::string::npos);
  EXPECT_EQ(characters("[^!-`b[a]]"), "cdefghijklmnopqrstuvwxyz{|}~") << "the ^ is about the whole class";
}

TEST(JavaRegex, KnowsEscapes) {
  EXPECT_EQ(characters("\\_"), "_");
  EXPECT_EQ(characters("\\-"), "-");
  EXPECT_EQ(characters("\\0101"), "A");
  EXPECT_EQ(characters("\\x41|\\x{42}|\\u0043"), "ABC");
  EXPECT_EQ(characters("\\p{Upper}"), "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  EXPECT_EQ(characters("[\\p{XDigit}&&\\D]"), "ABCDEFabcdef");
  EXPECT_TRUE(JavaRegex("\\Qa.b*\\E-c").full_match("a.b*-c"));
  EXPECT_TRUE(JavaRegex("\\ud83d\\ude00").full_match("\xF0\x9F\x98\x80"));
}

TEST(JavaRegex, KnowsFlags) {
  EXPECT_EQ(characters("(?i)a"), "Aa");
  EXPECT_EQ(characters("(?i)[^!-@\\[-`b-z{-~]"), "Aa") << "both cases are taken out";
  EXPECT_EQ(characters("(?i)\\p{Lower}"), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
  EXPECT_TRUE(JavaRegex("(?i:ab)c").full_match("ABc"));
  EXPECT_FALSE(JavaRegex("(?i:ab)c").full_match("ABC"));
  EXPECT_TRUE(JavaRegex("a((?i)b)c").full_match("aBc"));
  EXPECT_FALSE(JavaRegex("a((?i)b)c").full_match("aBC"));
  EXPECT_TRUE(JavaRegex("(?<name>a)+?").full_match("aa"));
}

TEST(JavaRegex, RefusesWhatHasNoLinearTimeEquivalent) {
  EXPECT_THAT(error_of("(?!test).*"), HasSubstr("the expression \"(?!test).*\": lookahead"));
  EXPECT_THAT(error_of("(?=a)"), HasSubstr("lookahead"));
  EXPECT_THAT(error_of("(?<!a)b"), HasSubstr("lookbehind"));
  EXPECT_THAT(error_of("(?<=a)b"), HasSubstr("lookbehind"));
  EXPECT_THAT(error_of("(a)\\1"), HasSubstr("back references"));
  EXPECT_THAT(error_of("(?<n>a)\\k<n>"), HasSubstr("back references"));
  EXPECT_THAT(error_of("a*+"), HasSubstr("possessive"));
  EXPECT_THAT(error_of("a{2}+"), HasSubstr("possessive"));
  EXPECT_THAT(error_of("(?>a)"), HasSubstr("atomic"));
  EXPECT_THAT(error_of("\\p{IsGreek}"), HasSubstr("\\p{IsGreek} is not supported"));
}

TEST(JavaRegex, RefusesWhatJavaRefuses) {
  for (const char* expression :
       {"*",   "a**",   "a|*",   "+a",      "(",    ")",      "(a",    "a)",     "[",      "[a",
        "[]",  "[[]",   "[z-a]", "[a-\\d]", "a{",   "{a}",    "a{,3}", "a{2,1}", "a{1|2}", "\\",
        "\\y", "(?z)a", "(?i",   "(?<1>a)", "\\x4", "\\u004", "\\08",  "[&&&a]", "\\p{",   "\xFF"}) {
    EXPECT_NE(error_of(expression), "") << expression;
  }
}

TEST(JavaRegex, IsBounded) {
  EXPECT_THAT(error_of("a{1001}"), HasSubstr("more than 1000"));
  EXPECT_THAT(error_of(std::string(101, '(')), HasSubstr("too deeply"));
  EXPECT_THAT(error_of(std::string(102, '[')), HasSubstr("too deeply"));
  EXPECT_THAT(error_of(std::string(70'000, 'a')), HasSubstr("at most"));
  EXPECT_NE(error_of("((((((a{100}){100}){100}){100}){100}){100})"), "");
}

TEST(PatternList, TakesItemsAsAlternatives) {
  const PatternList list({"orders", "pay.*"});
  EXPECT_TRUE(list.matches("orders"));
  EXPECT_TRUE(list.matches("payments"));
  EXPECT_FALSE(list.matches("orders2"));
  EXPECT_FALSE(PatternList().matches(""));
  EXPECT_FALSE(PatternList(std::vector<std::string>()).matches("orders"));
  EXPECT_TRUE(PatternList({"(a", "b)c"}).matches("bc")) << "as in MirrorMaker 2, a comma in a group splits no group";
}

TEST(PatternList, BlamesTheItem) {
  try {
    const PatternList list({"good", "a(?!b)"});
    FAIL();
  } catch (const RegexError& error) {
    EXPECT_THAT(error.what(), HasSubstr("the expression \"a(?!b)\""));
  }
}

TEST(TopicFilter, ExcludeWins) {
  const TopicFilter filter(PatternList({".*"}), PatternList({"mm2.*\\.internal", ".*\\.replica", "__.*"}));
  EXPECT_TRUE(filter.selects("orders"));
  EXPECT_FALSE(filter.selects("orders.replica"));
  EXPECT_FALSE(filter.selects("__consumer_offsets"));
  EXPECT_FALSE(TopicFilter().selects("orders"));
}

}  // namespace
}  // namespace shunt::replicate
