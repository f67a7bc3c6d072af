// Where a partition with mapped offsets begins or goes on. (control/admission.h is for identical ones.)
//
//   no map      a new one: from the source's beginning (or its end); or, where this mirror has written the partition with
//               identical offsets, from there on, with what another writer has displaced in its new place; or behind what
//               MirrorMaker 2 has copied (control/take_over.h)
//   a map       what was written behind its end is found again (map_recovery.h), and the mirror goes on there; once the
//               source has gaps, behind a fence and in an epoch of its own (control/producer_fence.h)
//
// The map is begun or brought up to date in `syncs`. It must be stored before anything is written: where records of this
// mirror are on the target, and no map, they may all be out of their places, and another instance would go on with
// identical offsets behind them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/ids.h"
#include "replicate/condition.h"
#include "replicate/control/cluster.h"
#include "replicate/control/offset_syncs.h"
#include "replicate/data/flow.h"
#include "replicate/isolation.h"
#include "replicate/loop_guard.h"
#include "replicate/start_position.h"

namespace shunt::replicate {

/// How a producer id stands in the target's log; -1: it is not known there.
struct ProducerPlace {
  std::int32_t epoch = -1;
  std::int32_t last_sequence = -1;

  bool operator==(const ProducerPlace&) const = default;
};

struct MappedQuestion {
  TopicPartition source;
  TopicPartition target;
  protocol::ProducerId identity;  // of all that the mirror writes there
  /// As it was known before anything was asked for.
  SourceLog source_log;
  /// How it stood with identical offsets, if this process has seen that: everything below is at the source's offsets.
  std::optional<Standing> standing;
  StartPosition start = {};
  LoopGuard loop_guard = {};  // of what is mirrored with mapped offsets
  std::optional<protocol::Offset> connect_next =
      {};                          // as Connect's offset topic has it of MirrorMaker 2 (connect_offset.h)
  bool may_fence = true;           // otherwise nothing is written to the target, and the answer is good for a plan only
  bool is_fence_due = false;       // the source lacks records that others may have mirrored
  bool goes_on_overtaken = false;  // MappedAdmission::Verdict::overtaken: the user's choice
  /// Raised before, and nothing was sent in it.
  std::optional<protocol::ProducerEpoch> own_epoch = {};
  /// Another instance has fenced this one out: as long as it goes on from there, it is left alone.
  std::optional<ProducerPlace> another_at = {};
};

struct MappedAdmission {
  enum class Verdict {
    start,      // at `standing`
    overtaken,  // the source's log begins at `source_start`, beyond `standing`: records were deleted before they were
                // mirrored; going on there or not is the user's choice
    refuse,     // needs an operator: `reason`
    retry,      // cannot be told now: `reason`
  };
  Verdict verdict = Verdict::retry;
  std::string reason;
  bool lacks_map = false;              // refuse: the target holds records of this mirror, and there is no map of them,
                                       // unless it was stored since the maps were read
  std::optional<Condition> condition;  // what stands in the way, where that has a name
  Standing standing;
  protocol::Offset source_start;
  bool is_taken_over = false;                        // start: it goes on behind what MirrorMaker 2 has copied
  bool is_unfenced = false;                          // start: a fence was due, and the user may not have one
  bool stops_at_gaps = true;                         // FlowSpec::stops_at_gaps
  std::optional<protocol::ProducerEpoch> own_epoch;  // MappedQuestion::own_epoch, of the next question
  ProducerPlace producer;                            // as it was seen
};

/// One for every question, in their order. Throws nothing of the clusters.
net::Awaitable<std::vector<MappedAdmission>> admit_mapped(Cluster& source, Cluster& target, OffsetSyncs& syncs,
                                                          std::vector<MappedQuestion> questions, Isolation isolation);

}  // namespace shunt::replicate
