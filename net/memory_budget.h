// How much of the machine the answers of brokers may take while they are received and read: one account for all
// connections of the control plane, whatever a peer announces. One thread.
#pragma once

#include <cstddef>

namespace shunt::net {

class MemoryBudget {
 public:
  explicit MemoryBudget(std::size_t limit) : limit_(limit) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  /// False: there is not so much left, and nothing was taken.
  [[nodiscard]] bool take(std::size_t bytes) {
    if (bytes > left()) return false;
    taken_ += bytes;
    return true;
  }
  void give_back(std::size_t bytes) { taken_ -= bytes; }

  [[nodiscard]] std::size_t limit() const { return limit_; }
  [[nodiscard]] std::size_t left() const { return limit_ - taken_; }
  /// Of one answer: reading it takes as much again.
  [[nodiscard]] std::size_t largest_answer() const { return limit_ / 2; }

 private:
  std::size_t limit_;
  std::size_t taken_ = 0;
};

}  // namespace shunt::net
