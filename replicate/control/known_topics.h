// The topics that a flow mirrors, for whoever else does something for them: those of which a partition was found fit for
// mirroring, and none whose records others have written. From any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "replicate/control/topics.h"

namespace shunt::replicate {

class KnownTopics {
 public:
  void add(const std::string& source, const std::string& target) {
    const std::lock_guard lock(mutex_);
    if (topics_.emplace(source, target).second) version_.fetch_add(1, std::memory_order_release);
  }
  /// Others have written to it: it is nobody's business here, whatever is said of it later.
  void bar(const std::string& source) {
    const std::lock_guard lock(mutex_);
    topics_[source] = std::nullopt;
  }

  [[nodiscard]] std::vector<TopicPair> list() const {
    const std::lock_guard lock(mutex_);
    std::vector<TopicPair> pairs;
    for (const auto& [source, target] : topics_) {
      if (target) pairs.push_back({.source = source, .target = *target});
    }
    return pairs;
  }
  /// Another one with each topic that is added.
  [[nodiscard]] std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::optional<std::string>> topics_;  // target by source; nothing: barred
  std::atomic<std::uint64_t> version_ = 0;
};

}  // namespace shunt::replicate
