// How much of the machine the answers of brokers may take while they are received and read: one account for all
// connections outside the data path, whatever a peer announces. Any thread.
#pragma once

#include <atomic>
#include <cstddef>

namespace shunt::net {

class MemoryBudget {
 public:
  explicit MemoryBudget(std::size_t limit) : limit_(limit) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  /// False: there is not so much left, and nothing was taken.
  [[nodiscard]] bool take(std::size_t bytes) {
    std::size_t taken = taken_.load(std::memory_order_relaxed);
    do {
      if (bytes > limit_ - taken) return false;
    } while (!taken_.compare_exchange_weak(taken, taken + bytes, std::memory_order_relaxed));
    return true;
  }
  void give_back(std::size_t bytes) { taken_.fetch_sub(bytes, std::memory_order_relaxed); }

  [[nodiscard]] std::size_t limit() const { return limit_; }
  [[nodiscard]] std::size_t left() const { return limit_ - taken_.load(std::memory_order_relaxed); }
  /// Of one answer: reading it takes as much again.
  [[nodiscard]] std::size_t largest_answer() const { return limit_ / 2; }

 private:
  const std::size_t limit_;
  std::atomic<std::size_t> taken_ = 0;  // never above the limit
};

}  // namespace shunt::net
