// Which topics a duty has seen to: new ones are seen to at once, not when the duty's interval is over.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "replicate/control/known_topics.h"

namespace shunt::replicate {

class TopicNews {
 public:
  explicit TopicNews(std::shared_ptr<const KnownTopics> topics) : topics_(std::move(topics)) {}

  /// Some were never seen to.
  [[nodiscard]] bool has_news() const { return topics_->version() != seen_; }
  /// All there are. They have been seen to with done().
  std::vector<TopicPair> take() {
    taken_ = topics_->version();
    return topics_->list();
  }
  void done() { seen_ = taken_; }

 private:
  std::shared_ptr<const KnownTopics> topics_;
  std::uint64_t taken_ = 0;
  std::uint64_t seen_ = 0;
};

}  // namespace shunt::replicate
