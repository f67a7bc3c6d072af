// Keeps the token of a user current: gets the first one when start() is called, and each next one before the last ends, on
// a thread of its own. Exchanges take what is there (sasl/current_token.h) and wait for nothing.
//
// A token that cannot be had is asked for again with back-off, for as long as it takes; the old one stays in use.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "net/token_sources.h"
#include "sasl/current_token.h"

namespace shunt::net {

/// As Kafka's keys sasl.login.refresh.* and sasl.login.retry.* say it.
struct TokenRenewal {
  double window_factor = 0.8;   // of a token's life
  double window_jitter = 0.05;  // at most, on top of it
  std::chrono::seconds min_period{60};
  std::chrono::seconds buffer{300};  // to be left of its life
  std::chrono::milliseconds backoff{100};
  std::chrono::milliseconds backoff_max{10'000};

  /// When to get the next token (since 1970). `chance`: 0 to 1. Never in the past, as long as the token is good, and then
  /// never within a second.
  [[nodiscard]] std::int64_t due_ms(const sasl::BearerToken& token, std::int64_t now_ms, double chance) const;
};

class TokenLogin {
 public:
  struct Settings {
    TokenSource source;
    std::string subject_claim = "sub";
    TokenRenewal renewal;
    /// What people should know: that a token could not be renewed (once), and that it could again. Called on the thread.
    std::function<void(bool is_trouble, const std::string& what)> tell = {};
  };

  explicit TokenLogin(Settings settings);
  ~TokenLogin();  // stops
  TokenLogin(const TokenLogin&) = delete;
  TokenLogin& operator=(const TokenLogin&) = delete;

  /// Any thread, any number of times.
  void start();
  /// Waits for an attempt that is under way to be cut short; the token stays, and nothing is told any more. Not together with
  /// start().
  void stop();

  [[nodiscard]] const std::shared_ptr<sasl::CurrentToken>& current() const { return current_; }

 private:
  void run();
  bool renew();
  void tell(bool is_trouble, const std::string& what) const;
  void wait_until(std::int64_t due_ms);
  void wait(std::chrono::nanoseconds duration);

  const Settings settings_;
  const std::shared_ptr<sasl::CurrentToken> current_ = std::make_shared<sasl::CurrentToken>();
  std::once_flag started_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable ending_;
  std::atomic<bool> stopping_ = false;  // set under mutex_
  bool in_trouble_ = false;             // the thread's own
};

}  // namespace shunt::net
