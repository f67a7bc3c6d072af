// What a running mirror tells of itself: the picture that progress, summary, metrics and tests are made from.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "replicate/condition.h"

namespace shunt::replicate {

enum class PartitionState {
  waiting,  // for a leader, a connection, a retry
  running,
  done,  // --until-caught-up: it has reached its end
  stopped,
  failed,  // will not be tried again; `reason` says why
};
const char* to_string(PartitionState state);

struct PartitionStatus {
  std::string flow;  // "A->B"
  std::string source_topic;
  std::string target_topic;
  std::int32_t partition = 0;
  PartitionState state = PartitionState::waiting;
  std::string reason;                  // why it is waiting or failed; empty otherwise
  std::optional<Condition> condition;  // what it waits for or has failed of, where that has a name
  std::int64_t start = -1;             // the source offset this process began at; -1: not known yet
  std::int64_t position = -1;          // the target has everything below this source offset; -1: not known yet
  std::int64_t source_end = -1;        // its high watermark, as last heard
  std::int64_t stable_end = -1;        // its last stable offset, as last heard
  std::int64_t goal = -1;              // --until-caught-up: the offset to reach
  bool is_mapped = false;              // its offsets; else they are identical
  std::uint64_t records = 0;           // confirmed by the target in this process's life
  std::uint64_t batches = 0;
  std::uint64_t bytes = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t refetched_bytes = 0;
  std::int64_t in_flight_bytes = 0;
  std::uint64_t slow_path_batches = 0;
  std::uint64_t filled_offsets = 0;
  std::uint64_t lost_offsets = 0;         // deleted on the source before they were mirrored
  std::uint64_t source_throttled_ms = 0;  // pauses that brokers have asked for
  std::uint64_t target_throttled_ms = 0;
  std::uint64_t interruptions = 0;  // times it was parked and assigned again

  /// Offsets that an open transaction of the source holds back.
  [[nodiscard]] std::int64_t held_back() const {
    return source_end < 0 || stable_end < 0 ? 0 : std::max<std::int64_t>(0, source_end - stable_end);
  }
  [[nodiscard]] std::int64_t lag() const {
    return source_end < 0 || position < 0 ? -1 : std::max<std::int64_t>(0, source_end - position);
  }
};

/// How often a condition was met: once for every partition in an episode, once for all of a topic where it is the
/// topic's.
struct ConditionCount {
  std::string flow;  // "A->B"
  std::string source_topic;
  Condition condition{};
  std::uint64_t count = 0;
};

struct ShardStatus {
  std::string io;  // "io_uring" or "epoll"
  std::uint64_t connections_lost = 0;
  std::uint64_t loop_waits = 0;
  std::uint64_t receive_calls = 0;
  std::uint64_t send_calls = 0;
};

/// Of the admin path (admin/duty.h).
struct DutyStatus {
  std::string flow;  // "A->B"
  std::string duty;
  std::uint64_t done = 0;
  std::uint64_t failed = 0;
  std::string reason;  // the last time was a failure: of what; empty otherwise
};

/// How a consumer group of the source fares on the target.
enum class GroupState {
  current,  // its offsets are there, or further on
  waiting,  // for the mirror, or for a coordinator: tried again
  active,   // it has members on the target, and is left to them
  deleted,  // it was written, and deleted on the target: it comes back when the source's group moves
  refused,  // the target does not take its offsets
};
inline constexpr std::size_t group_states = 5;
const char* to_string(GroupState state);

/// Of the groups of a flow (admin/group_sync.h), as of the last round.
struct GroupsStatus {
  std::string flow;                                // "A->B"
  std::array<std::size_t, group_states> groups{};  // by GroupState; where group offsets are written
  std::size_t partitions = 0;                      // with an offset of a group
  std::size_t before_start = 0;                    // of these: clamped to where the target's log begins
  std::size_t not_copied = 0;                      // to what was copied
  std::size_t past_end = 0;                        // to the end, and the source's log ends before, too
  std::uint64_t committed = 0;                     // offsets written to groups of the target
  std::uint64_t checkpoints = 0;
  struct Refused {
    std::string group;
    std::string reason;
  };
  std::vector<Refused> refused;  // at most a hundred
};

struct MirrorStatus {
  std::vector<PartitionStatus> partitions;  // sorted by flow, source topic, partition
  std::vector<ConditionCount> conditions;   // those that were met
  std::vector<ShardStatus> shards;
  std::vector<DutyStatus> duties;
  std::vector<GroupsStatus> groups;
  bool discovering = true;                // the first look at both clusters is not complete
  std::vector<std::string> topic_errors;  // topics that cannot be mirrored at all, each with its reason
  std::string fatal;                      // not empty: the process cannot go on, and why
  std::chrono::steady_clock::duration running{};
  [[nodiscard]] bool any_failed() const;
};

}  // namespace shunt::replicate
