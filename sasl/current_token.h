// The token that stands for a user now, shared by whoever gets new ones (one thread) and by the exchanges that say it (any
// thread). Nobody ever waits for a token here: the lock is held for as long as it takes to copy a pointer.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "sasl/bearer_token.h"

namespace shunt::sasl {

class CurrentToken {
 public:
  struct State {
    std::shared_ptr<const BearerToken> token;  // null: there never was one
    std::string failure;                       // of the last attempt to get one; empty: it succeeded, or none was made
    bool is_final = false;                     // the failure would be the same another time
  };

  [[nodiscard]] State get() const {
    const std::lock_guard lock(mutex_);
    return state_;
  }
  void set(BearerToken token) {
    auto made = std::make_shared<const BearerToken>(std::move(token));
    const std::lock_guard lock(mutex_);
    state_ = {.token = std::move(made), .failure = {}, .is_final = false};
  }
  /// The token that is there stays.
  void fail(std::string failure, bool is_final) {
    const std::lock_guard lock(mutex_);
    state_.failure = std::move(failure);
    state_.is_final = is_final;
  }

 private:
  mutable std::mutex mutex_;
  State state_;
};

}  // namespace shunt::sasl
