// A partition of a replication, as the control plane keeps it: what it is, where it stands on its way
// (control/replication.h has the picture), and what has been learnt of it.
//
// Belongs to the control thread. Other threads read status_of() under the replication's mutex; what it reads is written
// under that mutex as well.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "net/loop.h"
#include "replicate/control/detour.h"
#include "replicate/control/recovery.h"
#include "replicate/data/flow.h"
#include "replicate/status.h"

namespace shunt::replicate {

enum class Phase {
  held,  // for its topic (control/mirrored_topic.h)
  admitting,
  assignable,
  running,
  waiting_for_detour,
  detouring,
  doubtful,  // it has failed, unless a look at its topics explains why
  done,
  stopped,
  failed,
};

/// What is known of a side's quotas.
struct Throttling {
  std::uint64_t heard_ms = 0;  // of FlowProgress::*_throttled_ms
  net::Time until{};           // the end of the last pause that a broker has asked for
};

struct MirroredPartition {
  MirroredPartition(FlowSpec flow, const Recovery& how) : spec(std::move(flow)), recovery(how) {}

  [[nodiscard]] std::int64_t position() const { return spec.progress->position.load(std::memory_order_relaxed); }
  /// The same, or where it begins while nothing is known of the target's log.
  [[nodiscard]] std::int64_t reached() const { return std::max(start, position()); }
  /// Nobody else is to change what it is about.
  [[nodiscard]] bool is_taken() const { return is_in_shard || is_busy; }
  [[nodiscard]] bool has_ended() const {
    return phase == Phase::done || phase == Phase::stopped || phase == Phase::failed;
  }

  FlowSpec spec;
  Recovery recovery;
  Phase phase = Phase::admitting;
  bool is_in_shard = false;                // from its assignment until it was heard of as parked
  bool is_busy = false;                    // a task of the control plane has it
  std::optional<std::string> readmission;  // when either has ended: why it is to be admitted again
  net::Time due{};                         // admitting, assignable, waiting_for_detour: not before
  std::string reason;
  std::optional<Condition> condition;  // what holds it up or has stopped it; kept until it is on its way again
  std::int64_t held_up_at = -1;        // the position then
  net::Time assigned_at{};
  Route route;                     // as assigned
  bool is_leaving_broker = false;  // the shard was told that the route leads nowhere any more
  std::optional<Standing> standing;
  std::optional<Standing> compared;  // Assignment::compared
  bool is_fence_due = false;  // a detour has ended early: what it had begun is fenced by the next one, before any data
  bool is_in_doubt = false;   // DetourStart::is_in_doubt, of the next detour
  bool awaits_late_markers = false;                   // the same
  std::optional<protocol::LeaderEpoch> source_epoch;  // under which everything below its position was read or compared
  Throttling source_throttling;
  Throttling target_throttling;
  std::optional<HeadFill> head;              // to be filled by the next detour
  std::optional<protocol::Offset> begin;     // from there on the source is mirrored, once that is known
  bool is_begin_guessed = false;             // by a log of which some may be a head that a life before has filled
  std::optional<protocol::Offset> admitted;  // the target's log end when it was compared, until a flow has run
  std::int64_t start = -1;
  std::int64_t goal = -1;
  std::uint64_t interruptions = 0;
  std::unique_ptr<Detour> detour;  // made when the first one is needed
};

/// Forgets what was mirrored: under another identity, into a topic that has taken the place of the one before.
void begin_anew(MirroredPartition& partition, protocol::ProducerId identity, const Recovery& recovery);

/// Without the flow's name.
PartitionStatus status_of(const MirroredPartition& partition);

}  // namespace shunt::replicate
