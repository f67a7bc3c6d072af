#include "net/token_login.h"

#include <algorithm>
#include <random>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <pthread.h>

#include "net/backoff.h"
#include "net/machine.h"

namespace shunt::net {
namespace {

using std::chrono::milliseconds;

std::string shown_time(std::int64_t unix_time_ms) {
  return fmt::format("{:%F %T} UTC", fmt::gmtime(static_cast<std::time_t>(unix_time_ms / 1000)));
}

}  // namespace

// As Kafka's clients reckon (ExpiringCredentialRefreshingLogin).
std::int64_t TokenRenewal::due_ms(const sasl::BearerToken& token, std::int64_t now_ms, double chance) const {
  const double part = window_factor + window_jitter * chance;
  const auto part_of = [part](std::int64_t life_ms) {
    return static_cast<std::int64_t>(static_cast<double>(life_ms) * part);
  };
  const std::int64_t min_period_ms = milliseconds(min_period).count();
  const std::int64_t buffer_ms = milliseconds(buffer).count();
  const std::int64_t soonest = now_ms + 1000;
  const std::int64_t left_ms = token.expires_ms - now_ms;
  if (left_ms <= min_period_ms + buffer_ms) return std::max(now_ms + part_of(left_ms), soonest);
  const std::int64_t issued_ms = std::min(token.issued_ms.value_or(now_ms), now_ms);
  std::int64_t due = issued_ms + part_of(token.expires_ms - issued_ms);
  due = std::min(due, token.expires_ms - buffer_ms);
  return std::max({due, now_ms + min_period_ms, soonest});
}

TokenLogin::TokenLogin(Settings settings) : settings_(std::move(settings)) {}

TokenLogin::~TokenLogin() {
  stop();
}

void TokenLogin::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ending_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void TokenLogin::start() {
  std::call_once(started_, [this] {
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "token");
      run();
    });
  });
}

void TokenLogin::run() {
  Backoff backoff(settings_.renewal.backoff, settings_.renewal.backoff_max, random_seed());
  std::minstd_rand random(static_cast<std::minstd_rand::result_type>(random_seed()));
  std::uniform_real_distribution<double> chance(0, 1);
  while (!stopping_) {
    if (renew()) {
      backoff.reset();
      wait_until(settings_.renewal.due_ms(*current_->get().token, unix_ms(), chance(random)));
    } else if (current_->get().is_final) {
      wait(settings_.renewal.backoff_max);
    } else {
      wait(backoff.next());
    }
  }
}

/// False: there is no new token that is any good.
bool TokenLogin::renew() {
  sasl::FetchedToken fetched = settings_.source(stopping_);
  if (stopping_) return false;
  std::string why;
  auto token = fetched.why.empty() ? sasl::parse_bearer_token(fetched.text.reveal(), settings_.subject_claim, why)
                                   : std::nullopt;
  const auto before = current_->get().token;
  if (token && token->expires_ms > unix_ms()) {
    if (std::exchange(in_trouble_, false)) {
      tell(false, fmt::format("a token was had again; it ends at {}", shown_time(token->expires_ms)));
    }
    current_->set(std::move(*token));
    return true;
  }
  bool is_final = fetched.is_final;
  if (token) {
    // Brokers judge by their own clocks: it is used, as the best there is.
    why = fmt::format("the token that was had ended at {}, or this machine's clock is wrong",
                      shown_time(token->expires_ms));
    current_->set(std::move(*token));
    is_final = false;
  } else if (fetched.why.empty()) {
    why = "what was had is not taken for a token: " + why;
  } else {
    why = std::move(fetched.why);
  }
  current_->fail(why, is_final);
  if (!std::exchange(in_trouble_, true) && before) {
    tell(true, fmt::format("no new token ({}); the one in use ends at {}; trying again", why,
                           shown_time(before->expires_ms)));
  }
  return false;
}

void TokenLogin::tell(bool is_trouble, const std::string& what) const {
  if (settings_.tell) settings_.tell(is_trouble, what);
}

void TokenLogin::wait_until(std::int64_t due_ms) {
  // In pieces, for the clock may be set meanwhile.
  constexpr std::int64_t longest_ms = 60'000;
  while (!stopping_) {
    const std::int64_t left_ms = due_ms - unix_ms();
    if (left_ms <= 0) return;
    wait(milliseconds(std::min(left_ms, longest_ms)));
  }
}

void TokenLogin::wait(std::chrono::nanoseconds duration) {
  std::unique_lock lock(mutex_);
  ending_.wait_for(lock, duration, [this] { return stopping_.load(); });
}

}  // namespace shunt::net
