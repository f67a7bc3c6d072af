// The flows of a connection by their topic, its name or its id (KIP-516), and partition, of the side that the connection
// goes to. A name is found without making a string: messages have views into the frame.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "protocol/ids.h"
#include "protocol/uuid.h"
#include "replicate/data/flow.h"

namespace shunt::replicate {

class FlowMap {
 public:
  explicit FlowMap(MirrorSide side) : side_(side) {}

  /// Adds it, or puts it in the place of another one of its topic and partition.
  void add(Flow& flow) {
    by_name_[topic_of(flow)][flow.spec().partition] = &flow;
    if (const protocol::Uuid& id = id_of(flow); id.is_zero()) {
      ++without_id_;
    } else {
      by_id_[id][flow.spec().partition] = &flow;
    }
  }

  /// One that was added.
  void remove(const Flow& flow) {
    erase(by_name_, topic_of(flow), flow.spec().partition);
    if (const protocol::Uuid& id = id_of(flow); id.is_zero()) {
      --without_id_;
    } else {
      erase(by_id_, id, flow.spec().partition);
    }
  }

  /// Null when there is none.
  [[nodiscard]] Flow* find(std::string_view topic, protocol::PartitionIndex partition) const {
    return find_in(by_name_, topic, partition);
  }
  [[nodiscard]] Flow* find(const protocol::Uuid& topic_id, protocol::PartitionIndex partition) const {
    return find_in(by_id_, topic_id, partition);
  }

  [[nodiscard]] bool have_all_ids() const { return without_id_ == 0; }
  [[nodiscard]] const std::string& topic_of(const Flow& flow) const {
    return side_ == MirrorSide::source ? flow.spec().source_topic : flow.spec().target_topic;
  }
  [[nodiscard]] const protocol::Uuid& id_of(const Flow& flow) const { return flow.route().of(side_).topic_id; }

  /// `visit` must not add or remove.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [topic, partitions] : by_name_) {
      for (const auto& [partition, flow] : partitions) visit(flow);
    }
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const noexcept { return std::hash<std::string_view>{}(name); }
  };
  using Partitions = std::unordered_map<protocol::PartitionIndex, Flow*>;

  static Flow* find_in(const auto& topics, const auto& topic, protocol::PartitionIndex partition) {
    const auto partitions = topics.find(topic);
    if (partitions == topics.end()) return nullptr;
    const auto flow = partitions->second.find(partition);
    return flow == partitions->second.end() ? nullptr : flow->second;
  }
  static void erase(auto& topics, const auto& topic, protocol::PartitionIndex partition) {
    const auto partitions = topics.find(topic);
    if (partitions == topics.end()) return;
    partitions->second.erase(partition);
    if (partitions->second.empty()) topics.erase(partitions);
  }

  const MirrorSide side_;
  std::unordered_map<std::string, Partitions, Hash, std::equal_to<>> by_name_;
  std::unordered_map<protocol::Uuid, Partitions> by_id_;  // those that have one
  std::size_t without_id_ = 0;
};

}  // namespace shunt::replicate
