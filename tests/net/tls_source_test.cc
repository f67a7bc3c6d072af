#include "net/tls_source.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/tls_certificates.h"

namespace shunt::net {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using tests::Authority;

/// A directory with a trust store, as somebody replaces it.
class TlsSourceTest : public ::testing::Test {
 protected:
  TlsSourceTest() {
    fs::remove_all(home_);
    fs::create_directories(home_);
    write(store_, authority_.certificate());
    TlsSettings settings;
    settings.trust.emplace().path = store_;
    std::string why;
    source_ = TlsSource::make(std::move(settings), why);
    EXPECT_TRUE(source_) << why;
    before_ = source_->current();
  }
  ~TlsSourceTest() override { fs::remove_all(home_); }

  static void write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }
  /// A file of another time: one test is faster than the clocks of file systems.
  void age(const fs::path& path) {
    fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(++age_));
  }
  /// What is said when what has changed stands still.
  std::optional<FileNews> look() {
    EXPECT_FALSE(source_->look()) << "whoever writes may not be done";
    return source_->look();
  }
  void expect_new_context() {
    const auto news = look();
    ASSERT_TRUE(news);
    EXPECT_TRUE(news->is_good) << news->text;
    EXPECT_THAT(news->text, HasSubstr(store_));
    EXPECT_NE(source_->current(), before_);
    before_ = source_->current();
    EXPECT_FALSE(source_->look());
    EXPECT_EQ(source_->current(), before_);
  }

  const fs::path home_ = fs::path(::testing::TempDir()) / "tls_source_test";
  const std::string store_ = home_ / "store.pem";
  const Authority authority_;
  std::shared_ptr<TlsSource> source_;
  std::shared_ptr<const TlsContext> before_;
  int age_ = 0;
};

TEST_F(TlsSourceTest, WhatIsTheSameIsNotReadAgain) {
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(source_->look());
  EXPECT_EQ(source_->current(), before_);
}

TEST_F(TlsSourceTest, ReadsAgainWhatWasWrittenInPlaceOrRenamedOrLinkedAnew) {
  write(store_, Authority("second").certificate());
  age(store_);
  expect_new_context();

  write(home_ / "new", Authority("third").certificate());
  fs::rename(home_ / "new", store_);
  expect_new_context();

  // As Kubernetes does it: the file is a link into ..data, which is a link to a directory, which is replaced as a whole.
  for (const char* version : {"v1", "v2"}) {
    fs::create_directory(home_ / version);
    write(home_ / version / "store.pem", Authority(version).certificate());
  }
  fs::create_directory_symlink("v1", home_ / "..data");
  fs::remove(store_);
  fs::create_symlink("..data/store.pem", store_);
  expect_new_context();
  fs::create_directory_symlink("v2", home_ / "..data_tmp");
  fs::rename(home_ / "..data_tmp", home_ / "..data");
  expect_new_context();
}

TEST_F(TlsSourceTest, WhatIsHalfWrittenOrGoneChangesNothingAndIsToldOnce) {
  const std::string whole = Authority("second").certificate();
  const auto expect_refusal = [this](const std::string& why) {
    const auto news = look();
    ASSERT_TRUE(news);
    EXPECT_FALSE(news->is_good);
    EXPECT_THAT(news->text, HasSubstr(why));
    EXPECT_EQ(source_->current(), before_);
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(source_->look());
  };
  write(store_, whole.substr(0, whole.size() / 2));
  expect_refusal("cut off");
  fs::remove(store_);
  expect_refusal("No such file");
  write(store_, whole);
  age(store_);
  expect_new_context();
}

TEST_F(TlsSourceTest, WhatElseTheSettingsComeFromIsReadAgainToo) {
  const std::string secret = home_ / "secret";
  write(secret, authority_.certificate());
  const TlsSource::Read read = [&](std::string& why) -> std::optional<TlsSettings> {
    std::ifstream file(secret);
    if (!file) {
      why = "there is no secret";
      return std::nullopt;
    }
    TlsSettings settings;
    settings.trust.emplace().certificates =
        sasl::Secret(std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()));
    return settings;
  };
  std::string why;
  source_ = TlsSource::make(read, {secret}, why);
  ASSERT_TRUE(source_) << why;
  before_ = source_->current();
  fs::remove(secret);
  const auto gone = look();
  ASSERT_TRUE(gone);
  EXPECT_FALSE(gone->is_good);
  EXPECT_THAT(gone->text, HasSubstr("cannot be used: there is no secret"));
  EXPECT_EQ(source_->current(), before_);
  write(secret, Authority("second").certificate());
  const auto there = look();
  ASSERT_TRUE(there);
  EXPECT_TRUE(there->is_good) << there->text;
  EXPECT_NE(source_->current(), before_);
  EXPECT_FALSE(TlsSource::make([](std::string& reason) { return reason = "no", std::nullopt; }, {}, why));
  EXPECT_EQ(why, "no");
}

TEST_F(TlsSourceTest, WhatIsStillBeingWrittenIsLeftAlone) {
  for (int i = 0; i < 5; ++i) {
    write(store_, "part");
    age(store_);
    EXPECT_FALSE(source_->look()) << i;
  }
  EXPECT_EQ(source_->current(), before_);
}

}  // namespace
}  // namespace shunt::net
