#include "replicate/config/properties.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace shunt::replicate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct Parsed {
  Properties properties;
  std::vector<Diagnostic> diagnostics;

  [[nodiscard]] Pairs pairs() const {
    Pairs result;
    for (const auto& [key, entry] : properties) result.emplace_back(key, entry.value.reveal());
    return result;
  }
};

Parsed parse(std::string_view text) {
  Diagnostics diagnostics;
  Properties properties = parse_properties(text, "f", diagnostics);
  return {std::move(properties), diagnostics.sorted()};
}

TEST(Properties, SeparatesKeyAndValue) {
  const Pairs want{{"k", "v"}};
  for (const char* text : {"k=v", "k:v", "k v", "k = v", "k\t:\fv", "  k=v", "k   v\n", "k=v\r\n", "\r\rk=v\r"}) {
    EXPECT_EQ(parse(text).pairs(), want) << text;
  }
  EXPECT_EQ(parse("k==v").pairs(), (Pairs{{"k", "=v"}}));
  EXPECT_EQ(parse("k v w").pairs(), (Pairs{{"k", "v w"}}));
  EXPECT_EQ(parse("k\nl=").pairs(), (Pairs{{"k", ""}, {"l", ""}}));
  EXPECT_EQ(parse("clusters: a, b ").pairs(), (Pairs{{"clusters", "a, b "}}))
      << "blanks at the end are part of the value";
  EXPECT_EQ(parse("A->B.enabled = true").pairs(), (Pairs{{"A->B.enabled", "true"}}));
}

TEST(Properties, SkipsCommentsAndBlankLines) {
  EXPECT_EQ(parse("# a=b\n  ! c=d\\\n\n \t \nk=v # w\n").pairs(), (Pairs{{"k", "v # w"}}));
}

TEST(Properties, JoinsContinuedLines) {
  EXPECT_EQ(parse("k=a,\\\n   b,\\\r\n\tc").pairs(), (Pairs{{"k", "a,b,c"}}));
  EXPECT_EQ(parse("k=a\\\\\nl=b").pairs(), (Pairs{{"k", "a\\"}, {"l", "b"}}))
      << "an escaped backslash continues nothing";
  EXPECT_EQ(parse("k=a\\\n# b").pairs(), (Pairs{{"k", "a# b"}})) << "no comment inside of a line";
  EXPECT_EQ(parse("k=a\\\n\nl=b").pairs(), (Pairs{{"k", "a"}, {"l", "b"}}));
  EXPECT_EQ(parse("k=a\\").pairs(), (Pairs{{"k", "a"}}));
  EXPECT_EQ(parse("\\\n# c\nk=v").pairs(), (Pairs{{"k", "v"}}))
      << "nothing of a line yet: this is a comment, as in Java";
}

TEST(Properties, ResolvesEscapes) {
  EXPECT_EQ(parse("a\\=b\\:c\\ d=e").pairs(), (Pairs{{"a=b:c d", "e"}}));
  EXPECT_EQ(parse("k=\\t\\n\\r\\f\\\\\\q\\=").pairs(), (Pairs{{"k", "\t\n\r\f\\q="}}));
  EXPECT_EQ(parse("k=\\u0041\\u00e9\\u20AC\\uD83D\\uDE00").pairs(),
            (Pairs{{"k", "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"}}));
  EXPECT_EQ(parse("k=\\  v").pairs(), (Pairs{{"k", "  v"}}));
}

TEST(Properties, RefusesBadUnicodeEscapes) {
  for (const char* text :
       {"k=\\u12", "k=\\u12G4", "k=\\uD83D", "k=\\uD83Dx", "k=\\uD83D\\u0041", "k=\\uDE00", "k=\\u0000"}) {
    const Parsed parsed = parse(text);
    ASSERT_EQ(parsed.diagnostics.size(), 1u) << text;
    EXPECT_EQ(parsed.diagnostics[0].severity, Severity::error) << text;
  }
}

TEST(Properties, KeepsLinesForMessages) {
  const Parsed parsed = parse("# c\r\na=1\\\r\n 2\r\n\r\nb=3\nc=4");
  EXPECT_EQ(parsed.properties.at("a").where, (Location{"f", 2}));
  EXPECT_EQ(parsed.properties.at("b").where, (Location{"f", 5}));
  EXPECT_EQ(parsed.properties.at("c").where, (Location{"f", 6}));
}

TEST(Properties, TakesTheLaterOfTwo) {
  const Parsed parsed = parse("k=1\nk=2");
  EXPECT_EQ(parsed.pairs(), (Pairs{{"k", "2"}}));
  ASSERT_EQ(parsed.diagnostics.size(), 1u);
  EXPECT_EQ(parsed.diagnostics[0].to_string(), "f:2: warning: k was set before, on line 1; this later value is used");
}

TEST(Properties, ReadsUtf8AndFallsBackToLatin1) {
  EXPECT_EQ(parse("k=\xC3\xA9").pairs(), (Pairs{{"k", "\xC3\xA9"}}));
  EXPECT_EQ(parse("\xEF\xBB\xBFk=v").pairs(), (Pairs{{"k", "v"}})) << "byte order mark";
  const Parsed latin1 = parse("a=b\nk=\xE9");
  EXPECT_EQ(latin1.properties.at("k").value.reveal(), "\xC3\xA9");
  ASSERT_EQ(latin1.diagnostics.size(), 1u);
  EXPECT_THAT(latin1.diagnostics[0].to_string(), HasSubstr("f:2: warning: not valid UTF-8"));
}

TEST(Properties, IsBounded) {
  EXPECT_THAT(parse(std::string(kPropertiesFileLimitBytes + 1, ' ')).diagnostics[0].message,
              HasSubstr("at most 1048576"));
  EXPECT_EQ(parse("k=" + std::string(kPropertiesValueLimitBytes, 'v')).diagnostics.size(), 0u);
  EXPECT_THAT(parse("k=" + std::string(kPropertiesValueLimitBytes + 1, 'v')).diagnostics[0].message,
              HasSubstr("a value of"));
  EXPECT_THAT(parse(std::string(kPropertiesKeyLimitBytes + 1, 'k')).diagnostics[0].message, HasSubstr("a key of"));
  std::string many;
  for (std::size_t i = 0; i <= kPropertiesEntryLimit; ++i) many += "k" + std::to_string(i) + "=\n";
  EXPECT_THAT(parse(many).diagnostics[0].message, HasSubstr("more than 10000"));
  EXPECT_THAT(parse(std::string_view("k=v\n\0", 5)).diagnostics[0].to_string(), HasSubstr("f:2: error: a zero byte"));
}

TEST(Properties, IgnoresAValueWithoutKey) {
  EXPECT_THAT(parse("=v\nk=v").pairs(), ElementsAre(Pair("k", "v")));
  EXPECT_EQ(parse("=v").diagnostics[0].severity, Severity::warning);
}

class PropertiesFile : public ::testing::Test {
 protected:
  PropertiesFile()
      : folder_(std::filesystem::path(::testing::TempDir()) / ("properties_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~PropertiesFile() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

TEST_F(PropertiesFile, IsRead) {
  const std::string path = (folder_ / "mm2.properties").string();
  std::ofstream(path) << "k = v\n";
  Diagnostics diagnostics;
  EXPECT_EQ(read_properties(path, diagnostics).at("k").where.to_string(), path + ":1");
  EXPECT_THAT(diagnostics.sorted(), IsEmpty());
}

TEST_F(PropertiesFile, MustBeAFileThatCanBeRead) {
  const std::string pipe = (folder_ / "pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const std::string large = (folder_ / "large").string();
  std::ofstream(large) << std::string(kPropertiesFileLimitBytes + 1, '\n');
  for (const auto& [path, why] : Pairs{{(folder_ / "none").string(), "No such file"},
                                       {folder_.string(), "it is a directory"},
                                       {pipe, "it is not a regular file"},
                                       {large, "it is larger than"}}) {
    Diagnostics diagnostics;
    EXPECT_THAT(read_properties(path, diagnostics), IsEmpty());
    ASSERT_TRUE(diagnostics.has_errors());
    EXPECT_THAT(diagnostics.sorted()[0].to_string(),
                ::testing::AllOf(HasSubstr("cannot read " + path), HasSubstr(why)));
  }
}

}  // namespace
}  // namespace shunt::replicate
