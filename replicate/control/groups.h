// What a cluster knows of consumer groups: which there are, their committed offsets, and how to commit some from outside.
//
// A group's offsets are with its coordinator, one of the brokers. Questions about many groups go to each coordinator in few
// requests; coordinators that have moved are looked for again until `patience` is over. One group's error never affects
// another's answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/ids.h"
#include "replicate/control/cluster.h"
#include "replicate/control/leaders.h"

namespace shunt::replicate {

struct ListedGroup {
  protocol::BrokerId coordinator{-1};
  std::string state;  // "Empty", "Stable", ...; the broker's word
  std::string
      type;  // "classic", "consumer", "streams", "share"; empty: the broker knows classic ones only (before 3.8)

  /// It has members, or is about to: whoever is none of them cannot commit for it.
  [[nodiscard]] bool is_active() const { return !state.empty() && state != "Empty" && state != "Dead"; }
  [[nodiscard]] bool is_share() const { return type == "share"; }
};

struct GroupList {
  std::map<std::string, ListedGroup, std::less<>> groups;
  std::vector<std::string> failures;  // brokers that did not tell which groups they coordinate
};

/// Of every broker of the cluster, as last heard. Brokers list the groups that the user may describe.
net::Awaitable<GroupList> list_groups(Cluster& cluster);

/// Coordinators of groups, as last heard.
class Coordinators {
 public:
  /// `cluster` must outlive it.
  explicit Coordinators(Cluster& cluster) : cluster_(cluster) {}

  [[nodiscard]] Cluster& cluster() { return cluster_; }
  void learn(const GroupList& list);
  void set(const std::string& group, protocol::BrokerId broker) { known_[group] = broker; }
  void forget(const std::string& group) { known_.erase(group); }
  /// -1: not known.
  [[nodiscard]] protocol::BrokerId find(const std::string& group) const;

 private:
  Cluster& cluster_;
  std::map<std::string, protocol::BrokerId> known_;
};

struct CommittedOffset {
  protocol::Offset offset;
  std::string metadata;
  bool operator==(const CommittedOffset&) const = default;
};
using CommittedOffsets = std::map<TopicPartition, CommittedOffset>;

template <class T>
using GroupAnswers = std::map<std::string, Answered<T>>;

struct GroupSettings {
  net::Duration patience = std::chrono::seconds(5);
  /// So long an offset that a transaction is about to commit is waited for; then the one before it counts (KIP-447).
  net::Duration stable_patience = std::chrono::milliseconds(500);
  std::size_t concurrency = 16;  // requests under way
};

/// All offsets of each group. A group that does not exist has none. Throws ClusterError when no broker can be asked.
net::Awaitable<GroupAnswers<CommittedOffsets>> committed_offsets(Coordinators& coordinators,
                                                                 std::vector<std::string> groups,
                                                                 GroupSettings settings = {});

/// The same of share groups (KIP-932): where each begins. Final for brokers that know none.
net::Awaitable<GroupAnswers<CommittedOffsets>> share_group_offsets(Coordinators& coordinators,
                                                                   std::vector<std::string> groups,
                                                                   GroupSettings settings = {});

/// The error of each partition; 0: committed.
using CommitErrors = std::map<TopicPartition, std::int16_t>;
/// Commits as nobody's member, which brokers take only for groups that have none (UNKNOWN_MEMBER_ID otherwise); under no
/// leader epoch, which would be another cluster's. A group that does not exist comes to be.
net::Awaitable<GroupAnswers<CommitErrors>> commit_offsets(Coordinators& coordinators,
                                                          const std::map<std::string, CommittedOffsets>& offsets,
                                                          GroupSettings settings = {});

/// The same for share groups, which brokers take likewise only when they have no members (NON_EMPTY_GROUP).
net::Awaitable<GroupAnswers<CommitErrors>> set_share_group_offsets(
    Coordinators& coordinators, const std::map<std::string, CommittedOffsets>& offsets, GroupSettings settings = {});

}  // namespace shunt::replicate
