// Partitions by topic, its name or its id, and index. A name is found without making a string: messages have views into
// the frame.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "protocol/ids.h"
#include "protocol/uuid.h"

namespace shunt::replicate {

/// `Topic`: std::string or Uuid.
template <class Topic, class Value>
class PartitionMap {
 public:
  /// Null when there is none. The pointer is valid until the map changes.
  [[nodiscard]] Value* find(const auto& topic, protocol::PartitionIndex partition) {
    const auto topic_entry = topics_.find(topic);
    if (topic_entry == topics_.end()) return nullptr;
    const auto entry = topic_entry->second.find(partition);
    return entry == topic_entry->second.end() ? nullptr : &entry->second;
  }

  /// Adds or replaces.
  void set(const Topic& topic, protocol::PartitionIndex partition, Value value) {
    topics_[topic].insert_or_assign(partition, std::move(value));
  }

  void erase(const Topic& topic, protocol::PartitionIndex partition) {
    const auto topic_entry = topics_.find(topic);
    if (topic_entry == topics_.end()) return;
    topic_entry->second.erase(partition);
    if (topic_entry->second.empty()) topics_.erase(topic_entry);
  }

  [[nodiscard]] bool empty() const { return topics_.empty(); }

  template <class Visit>
  void for_each(Visit&& visit) {
    for (auto& [topic, partitions] : topics_) {
      for (auto& [partition, value] : partitions) visit(value);
    }
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const noexcept { return std::hash<std::string_view>{}(name); }
    std::size_t operator()(const protocol::Uuid& id) const noexcept { return std::hash<protocol::Uuid>{}(id); }
  };
  using Partitions = std::unordered_map<protocol::PartitionIndex, Value>;
  std::unordered_map<Topic, Partitions, Hash, std::equal_to<>> topics_;
};

}  // namespace shunt::replicate
