#include "net/token_login.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/machine.h"
#include "sasl/base64url.h"

namespace shunt::net {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(TokenRenewal, IsDueWhenKafkasClientsTakeItToBe) {
  const TokenRenewal renewal;  // 0.8 + 0.05, 60 s, 300 s
  const auto due = [&renewal](std::int64_t issued_s, std::int64_t expires_s, std::int64_t now_s, double chance = 0) {
    const sasl::BearerToken token{
        .text = {}, .user = "u", .issued_ms = issued_s * 1000, .expires_ms = expires_s * 1000};
    return static_cast<double>(renewal.due_ms(token, now_s * 1000, chance)) / 1000;
  };
  EXPECT_EQ(due(1000, 4600, 1000), 3880);     // 0.8 of an hour
  EXPECT_EQ(due(1000, 4600, 1000, 1), 4060);  // 0.85
  EXPECT_EQ(due(1000, 4600, 1500), 3880);     // of its whole life
  EXPECT_EQ(due(1000, 2000, 1000), 1700);     // 300 s must be left
  EXPECT_EQ(due(0, 1000, 600), 700);          // and those begin at 700
  EXPECT_EQ(due(0, 100000, 90000), 90060);    // late already: not within 60 s
  EXPECT_EQ(due(1000, 1360, 1000), 1288);     // a life too short for both: 0.8 of what is left
  EXPECT_EQ(due(0, 1100, 1000), 1080);
  EXPECT_EQ(due(1000, 1001, 1000), 1001);  // never within a second
  EXPECT_EQ(due(1000, 900, 1000), 1001);   // not even if it has ended
  EXPECT_EQ(due(5000, 8600, 1000), 7080);  // issued in the future, by another clock
}

/// A source that is told what to say, and what it led to.
class TokenLoginTest : public ::testing::Test {
 protected:
  static std::string token(std::int64_t lasts_s) {
    const auto encoded = [](const std::string& text) {
      const auto bytes = sasl::encode_base64url(text);
      return std::string(bytes.begin(), bytes.end());
    };
    return encoded("{}") + "." + encoded(fmt::format(R"({{"sub":"u","exp":{}}})", unix_ms() / 1000 + lasts_s)) + ".s";
  }
  static sasl::FetchedToken good(std::int64_t lasts_s = 3600) {
    return {.text = sasl::Secret(token(lasts_s)), .why = {}, .is_final = false};
  }
  static sasl::FetchedToken bad(std::string why, bool is_final = false) {
    return {.text = {}, .why = std::move(why), .is_final = is_final};
  }

  /// The last of them is said for ever.
  void start(std::deque<sasl::FetchedToken> answers) {
    TokenLogin::Settings settings;
    settings.renewal.backoff = 1ms;
    settings.renewal.backoff_max = 2ms;
    settings.source = [this, answers](const std::atomic<bool>&) mutable {
      const sasl::FetchedToken answer = answers.front();
      if (answers.size() > 1) answers.pop_front();
      const std::lock_guard lock(mutex_);
      ++asked_;
      changed_.notify_all();
      return answer;
    };
    settings.tell = [this](bool is_trouble, const std::string& what) {
      const std::lock_guard lock(mutex_);
      told_.push_back((is_trouble ? "trouble: " : "") + what);
      changed_.notify_all();
    };
    login_ = std::make_unique<TokenLogin>(std::move(settings));
    login_->start();
    login_->start();
  }
  /// False: not within a minute.
  template <class Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 1min, condition);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int asked_ = 0;
  std::vector<std::string> told_;
  std::unique_ptr<TokenLogin> login_;
};

TEST_F(TokenLoginTest, AsksUntilThereIsAToken) {
  start({bad("down"), bad("refused", true), bad("down"), good()});
  ASSERT_TRUE(wait([this] { return asked_ == 4; }));
  while (!login_->current()->get().token) std::this_thread::yield();
  EXPECT_EQ(login_->current()->get().token->user, "u");
  EXPECT_EQ(login_->current()->get().failure, "");
  login_.reset();
  EXPECT_EQ(asked_, 4);
  // Before the first token whoever wants one is told.
  EXPECT_THAT(told_, testing::ElementsAre(HasSubstr("a token was had again")));
}

TEST_F(TokenLoginTest, TroubleIsToldOnceAndTheOldTokenStays) {
  start({good(2), bad("down"), bad("down still"), bad("down still"), good()});
  ASSERT_TRUE(wait([this] { return told_.size() == 2; }));
  EXPECT_THAT(told_[0], testing::AllOf(HasSubstr("trouble: no new token (down)"), HasSubstr("the one in use ends at")));
  EXPECT_THAT(told_[1], HasSubstr("a token was had again"));
  EXPECT_EQ(asked_, 5);
  while (!login_->current()->get().failure.empty()) std::this_thread::yield();
  login_.reset();
}

TEST_F(TokenLoginTest, WhatIsNoTokenOrHasEndedIsTrouble) {
  start({bad("down"), {.text = sasl::Secret("hunter2"), .why = {}, .is_final = false}});
  ASSERT_TRUE(wait([this] { return asked_ > 3; }));
  EXPECT_THAT(login_->current()->get().failure,
              testing::AllOf(HasSubstr("no JWT"), testing::Not(HasSubstr("hunter2"))));
  EXPECT_FALSE(login_->current()->get().token);
  login_.reset();
  start({good(-5)});
  ASSERT_TRUE(wait([this] { return asked_ > 6; }));
  // The broker may see it otherwise.
  EXPECT_TRUE(login_->current()->get().token);
  EXPECT_THAT(login_->current()->get().failure, HasSubstr("clock is wrong"));
}

TEST_F(TokenLoginTest, EndsWhileItWaits) {
  start({good()});
  ASSERT_TRUE(wait([this] { return asked_ == 1; }));
  login_.reset();
  EXPECT_THAT(told_, IsEmpty());
  TokenLogin::Settings never;
  const TokenLogin not_started(std::move(never));
  EXPECT_FALSE(not_started.current()->get().token);
}

}  // namespace
}  // namespace shunt::net
