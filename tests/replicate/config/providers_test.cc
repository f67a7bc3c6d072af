#include "replicate/config/providers.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace shunt::replicate {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kDeclared[] = R"(
config.providers = env, file, dir
config.providers.env.class = org.apache.kafka.common.config.provider.EnvVarConfigProvider
config.providers.file.class = org.apache.kafka.common.config.provider.FileConfigProvider
config.providers.dir.class = org.apache.kafka.common.config.provider.DirectoryConfigProvider
)";

class Providers : public ::testing::Test {
 protected:
  Providers() : folder_(std::filesystem::path(::testing::TempDir()) / ("providers_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_ / "secrets");
    std::ofstream(folder_ / "p.properties") << "pass = geheim\nuser: me\nnested = ${env:USER}\n";
    std::ofstream(folder_ / "secrets" / "token") << "abc\n";
  }
  ~Providers() override { std::filesystem::remove_all(folder_); }

  /// The value of `k` after expansion, or the first error.
  std::string expand(const std::string& value, const std::string& declarations = kDeclared) {
    Diagnostics diagnostics;
    Properties properties = parse_properties(declarations + "\nk = " + value + "\n", "f", diagnostics);
    expand_providers(
        properties, [this](const std::string& name) { return lookup(name); }, diagnostics);
    from_provider_ = properties.at("k").from_provider;
    if (diagnostics.has_errors()) return diagnostics.sorted().front().to_string();
    return std::string(properties.at("k").value.reveal());
  }

  std::optional<std::string> lookup(const std::string& name) const {
    const auto found = environment_.find(name);
    return found == environment_.end() ? std::nullopt : std::optional(found->second);
  }

  std::filesystem::path folder_;
  std::map<std::string, std::string> environment_{{"USER", "me"}, {"PASS", "${env:USER}"}, {"EMPTY", ""}};
  bool from_provider_ = false;
};

TEST_F(Providers, ReadTheEnvironment) {
  EXPECT_EQ(expand("${env:USER}"), "me");
  EXPECT_TRUE(from_provider_);
  EXPECT_EQ(expand("${env::USER}"), "me");
  EXPECT_EQ(expand("a ${env:USER}-${env:EMPTY}-${env:USER} b"), "a me--me b");
  EXPECT_EQ(expand("${env:PASS}"), "${env:USER}") << "what comes out is not looked at again";
}

TEST_F(Providers, LeaveOtherTextAlone) {
  for (const char* text : {"plain", "$USER", "${USER}", "${}", "$${", "a${b", "x{1}"}) {
    EXPECT_EQ(expand(text), text);
    EXPECT_FALSE(from_provider_);
  }
}

TEST_F(Providers, ReadFiles) {
  const std::string path = (folder_ / "p.properties").string();
  EXPECT_EQ(expand("${file:" + path + ":user}/${file:" + path + ":pass}"), "me/geheim");
  EXPECT_EQ(expand("${file:" + path + ":nested}"), "${env:USER}");
  EXPECT_THAT(expand("${file:" + path + ":none}"), HasSubstr("has no key none"));
  EXPECT_THAT(expand("${file:/nowhere/x:k}"), HasSubstr("cannot read /nowhere/x: No such file"));
  EXPECT_THAT(expand("${file:k}"), HasSubstr("the path is missing"));
}

TEST_F(Providers, ReadDirectories) {
  const std::string path = (folder_ / "secrets").string();
  EXPECT_EQ(expand("${dir:" + path + ":token}"), "abc\n");
  EXPECT_THAT(expand("${dir:" + path + ":none}"), HasSubstr("No such file"));
  EXPECT_THAT(expand("${dir:" + path + ":../p.properties}"), HasSubstr("is not the name of a file"));
  EXPECT_THAT(expand("${dir:" + path + ":..}"), HasSubstr("is not the name of a file"));
}

TEST_F(Providers, ReadAgainWhatFilesHoldLater) {
  Diagnostics diagnostics;
  const std::string file = (folder_ / "p.properties").string();
  const std::string token = (folder_ / "secrets").string();
  const std::string text = std::string(kDeclared) + "\nk = ${env:USER}:${file:" + file + ":pass}:${dir:" + token +
                           ":token}\nother = ${env:USER}\n";
  Properties properties = parse_properties(text, "f", diagnostics);
  expand_providers(
      properties, [this](const std::string& name) { return lookup(name); }, diagnostics);
  ASSERT_FALSE(diagnostics.has_errors());
  EXPECT_EQ(properties.at("other").provided, nullptr) << "an environment does not change";
  const auto provided = properties.at("k").provided;
  ASSERT_TRUE(provided);
  EXPECT_THAT(provided->files, testing::ElementsAre(file, token + "/token"));
  EXPECT_EQ(provided->read().reveal(), "me:geheim:abc\n");
  std::ofstream(file) << "pass = neu\n";
  EXPECT_EQ(provided->read().reveal(), "me:neu:abc\n");
  std::filesystem::remove(token + "/token");
  try {
    provided->read();
    FAIL();
  } catch (const std::runtime_error& failure) {
    EXPECT_THAT(failure.what(), AllOf(HasSubstr("No such file"), Not(HasSubstr("neu"))));
  }
}

TEST_F(Providers, SayWhatIsMissing) {
  EXPECT_THAT(expand("${env:NONE}"),
              HasSubstr("f:7: error: k: ${env:NONE} cannot be resolved: the environment variable NONE is not set"));
  EXPECT_THAT(expand("${env:p:USER}"), HasSubstr("has no path"));
  EXPECT_THAT(expand("${vault:a:b}"), HasSubstr("config.providers does not name \"vault\""));
  EXPECT_THAT(expand("${env:USER}", ""), HasSubstr("config.providers does not name \"env\""));
  EXPECT_THAT(expand("v", "config.providers = v\nconfig.providers.v.class = com.acme.Vault"),
              HasSubstr("f:1: error: config provider v: the class com.acme.Vault is not known"));
  EXPECT_THAT(expand("v", "config.providers = v"), HasSubstr("config.providers.v.class is not set"));
}

TEST_F(Providers, KeepToWhatIsAllowed) {
  const std::string names = std::string(kDeclared) + "config.providers.env.param.allowlist.pattern = US.*\n";
  EXPECT_EQ(expand("${env:USER}", names), "me");
  EXPECT_THAT(expand("${env:PASS}", names), HasSubstr("param.allowlist.pattern"));

  const std::string paths = std::string(kDeclared) + "config.providers.file.param.allowed.paths = /none, " +
                            (folder_ / "secrets/").string() + "\n";
  EXPECT_THAT(expand("${file:" + (folder_ / "p.properties").string() + ":user}", paths),
              HasSubstr("param.allowed.paths"));
  EXPECT_THAT(expand("${file:" + (folder_ / "secrets/../p.properties").string() + ":user}", paths),
              HasSubstr("param.allowed.paths"));
  EXPECT_THAT(expand("${file:" + (folder_ / "secretsX").string() + ":user}", paths), HasSubstr("param.allowed.paths"));
  EXPECT_THAT(expand("${file:" + (folder_ / "secrets/token").string() + ":abc}", paths), Not(HasSubstr("error")));
}

}  // namespace
}  // namespace shunt::replicate
