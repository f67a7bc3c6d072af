// The checkpoints topic of a flow (checkpoint.h has the records): what was written to it, read once, and what is to be.
// Where none is to be written, the same in memory alone.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "replicate/checkpoint.h"
#include "replicate/control/own_topic.h"

namespace shunt::replicate {

struct CheckpointsSettings {
  std::string topic;  // empty: none is written
  std::int16_t replication_factor = 3;
  std::int32_t produce_timeout_ms = 30'000;
};

class Checkpoints {
 public:
  /// `target` must outlive it.
  Checkpoints(Cluster& target, const CheckpointsSettings& settings);

  /// What the topic holds of groups that `selects` takes, unless it was read before. Throws as OwnTopic.
  net::Awaitable<> load(const std::function<bool(std::string_view group)>& selects);
  /// Records of the topic that nobody can make sense of.
  [[nodiscard]] std::size_t unreadable() const { return unreadable_; }
  [[nodiscard]] const std::string& last_complaint() const { return last_complaint_; }

  /// Null: none was written. Valid until the next set() of the group.
  [[nodiscard]] const Checkpoint* find(const std::string& group, const TopicPartition& target) const;
  /// To be written, if it is not what is there.
  void set(Checkpoint checkpoint);
  /// Writes what was set; how many records. Throws as OwnTopic: what is not written then is written the next time.
  net::Awaitable<std::size_t> store();

 private:
  struct Entry {
    Checkpoint checkpoint;
    bool is_stored = false;
  };

  const bool is_kept_;  // in the topic
  OwnTopic topic_;
  bool is_loaded_ = false;
  std::size_t unreadable_ = 0;
  std::string last_complaint_;
  std::map<std::string, std::map<TopicPartition, Entry>> groups_;
};

}  // namespace shunt::replicate
