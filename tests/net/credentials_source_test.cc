#include "net/credentials_source.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::net {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

sasl::Credentials alice(const std::string& password) {
  sasl::Credentials credentials;
  credentials.user = "alice";
  credentials.password = sasl::Secret(password);
  return credentials;
}

class CredentialsSourceTest : public ::testing::Test {
 protected:
  CredentialsSourceTest() {
    fs::remove_all(home_);
    fs::create_directories(home_);
    write("pencil");
    source_.emplace(alice("pencil"), FileWatch({file_}), [this](std::string& why) -> std::optional<sasl::Credentials> {
      std::ifstream in(file_);
      const std::string password((std::istreambuf_iterator<char>(in)), {});
      if (!password.empty()) return alice(password);
      why = "it is empty";
      return std::nullopt;
    });
  }
  ~CredentialsSourceTest() override { fs::remove_all(home_); }

  /// By rename, so that it is another file whatever the clock says.
  void write(const std::string& password) {
    std::ofstream(home_ / "new") << password;
    fs::rename(home_ / "new", file_);
  }
  [[nodiscard]] std::string password() const { return std::string(source_->current()->password.reveal()); }

  const fs::path home_ = fs::path(::testing::TempDir()) / "credentials_source_test";
  const std::string file_ = home_ / "password";
  std::optional<CredentialsSource> source_;
};

TEST_F(CredentialsSourceTest, AChangedFileIsReadWhenItStandsStill) {
  EXPECT_FALSE(source_->look());
  const auto before = source_->current();
  write("eraser");
  EXPECT_FALSE(source_->look()) << "whoever writes may not be done";
  EXPECT_EQ(password(), "pencil");
  const auto news = source_->look();
  ASSERT_TRUE(news);
  EXPECT_TRUE(news->is_good);
  EXPECT_THAT(news->text, AllOf(HasSubstr(file_), HasSubstr("alice"), Not(HasSubstr("eraser"))));
  EXPECT_EQ(password(), "eraser");
  EXPECT_EQ(before->password.reveal(), "pencil") << "an exchange that is under way goes on with what it has";
  EXPECT_FALSE(source_->look());
}

TEST_F(CredentialsSourceTest, WhatCannotBeUsedChangesNothing) {
  write("");
  source_->look();
  const auto news = source_->look();
  ASSERT_TRUE(news);
  EXPECT_FALSE(news->is_good);
  EXPECT_THAT(news->text, HasSubstr("it is empty"));
  EXPECT_EQ(password(), "pencil");
  EXPECT_FALSE(source_->look()) << "said once";
  write("eraser");
  source_->look();
  source_->look();
  EXPECT_EQ(password(), "eraser");
}

TEST(CredentialsSource, WhatComesFromNoFileNeverChanges) {
  CredentialsSource source(alice("pencil"));
  EXPECT_FALSE(source.look());
  EXPECT_FALSE(source.look());
}

}  // namespace
}  // namespace shunt::net
