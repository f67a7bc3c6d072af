// Whether a group's offset on the target is to be written: forwards only, and nothing that somebody has changed there by
// hand. What was written last (checkpoint.h) tells what is news of the source from what is a deed on the target.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "protocol/ids.h"
#include "replicate/checkpoint.h"

namespace shunt::replicate {

/// Brokers forget the offsets of a group without members after a while (offsets.retention.minutes, seven days unless
/// changed), though the source's group may be at work all the time: so they are written again.
inline constexpr std::chrono::hours committed_is_renewed_after{24};
/// Not renewed for so long (no mirror was running), they may have been forgotten rather than deleted.
inline constexpr std::chrono::hours committed_is_certain_for{72};

struct GroupQuestion {
  protocol::Offset source;  // committed there
  protocol::Offset target;  // where that is
  std::optional<Checkpoint::Committed> committed;
  std::int64_t now_ms = 0;
  bool is_shared = false;  // another flow has the group on that partition, too
};

/// There is something to find out on the target. False: what is there is as it was left, or as somebody wants it.
bool is_due(const GroupQuestion& question);

enum class GroupDecision {
  write,
  nothing,  // the target's offset is that one already
  ahead,    // the target's group is further on
  deleted,  // it was written, and deleted on the target
  moved,    // it was written, and moved backwards on the target
};

/// `there`: the target's committed offset; nothing: it has none.
GroupDecision decide(const GroupQuestion& question, std::optional<protocol::Offset> there, bool may_rewind);

}  // namespace shunt::replicate
