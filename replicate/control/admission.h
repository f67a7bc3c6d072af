// May a partition be mirrored with identical offsets, and from where? Decided from facts before its flow starts, and
// said in words when it may not. The target's log is left as it is either way.
//
//   target   [start ......... end)                    start at the target's end when
//   source      [start .............. end)              source start <= target end <= source end, and
//                            ^                          the target's last batch of data is the source's at the same
//                                                       offset (behind it there may be markers, which fill holes, or
//                                                       what others have aborted, where the source has nothing)
//   target   [ )      source    [ ...... end)         with the head filled first when the target is empty
//
// The decision is a pure function of the facts; admit() gathers them, many partitions at a time, with one request per
// leader and question. A partition whose target is empty needs none but its two log ends.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "protocol/ids.h"
#include "replicate/condition.h"
#include "replicate/control/batch_print.h"
#include "replicate/control/cluster.h"
#include "replicate/control/leaders.h"
#include "replicate/isolation.h"
#include "replicate/offset_map.h"

namespace shunt::replicate {

struct Admission {
  enum class Verdict {
    start,      // at `start`; `reason` may hold something worth knowing
    fill_head,  // then start at `start`, where the source's log begins
    overtaken,  // the source's log begins at `start`, beyond the target's end: records were deleted before they were
                // mirrored; going on there or not is the user's choice
    refuse,     // needs an operator: `reason`
    retry,      // cannot be told now (no leader, broker away, a follower behind): `reason`
  };
  Verdict verdict = Verdict::retry;
  protocol::Offset start{-1};
  std::string reason;
  std::optional<Condition> condition;     // what stands in the way, where that has a name
  protocol::Offset target_end{-1};        // where the target's log ended when it was looked at
  std::optional<protocol::Offset> begun;  // the target has what was mirrored from there on; unset: markers do not tell
  bool ends_in_padding = false;           // fill_head: padding is there already, and must go again
  bool ends_in_markers = false;           // start: an earlier life may have been writing them
  bool may_be_half_a_head = false;        // start: of which it may have sent the rest, where the source has records
  /// start: the source has nothing left to compare with, and the target's last data are not by this mirror.
  bool is_unproven = false;
  bool is_new = false;              // start, fill_head: the mirror has not begun yet, and may begin further on
  std::int32_t last_sequence = -1;  // of our producer id in the target's log, where it was asked; -1: not known there

  static Admission refused(std::string reason, std::optional<Condition> condition = {});
  static Admission postponed(std::string reason, Condition condition);  // Verdict::retry
};

struct AdmissionFacts {
  TopicPartition source;
  TopicPartition target;
  protocol::Offset source_start;
  protocol::Offset source_end;  // the true one, read after the target's
  protocol::Offset target_start;
  protocol::Offset target_end;            // the true one
  std::int32_t last_sequence = -1;        // of our producer id in this partition of the target; -1: it does not know it
  bool is_source_first_epoch = false;     // no leader of the source partition was elected since the topic was created
  protocol::ProducerId identity;          // of everything this flow writes
  std::optional<protocol::Offset> begin;  // where a new mirror is to begin, if not where the source does
  /// Whatever has begun to fill what is before `begin` meant the same place. Otherwise another life may have meant an
  /// earlier one, and have come there: markers do not tell.
  bool is_begin_certain = false;

  /// Before this a new mirror has only what fills offsets.
  [[nodiscard]] protocol::Offset head_end() const { return std::max(source_start, begin.value_or(source_start)); }

  [[nodiscard]] bool knows_identity() const { return last_sequence >= 0; }

  bool has_only_markers = false;  // the target's log, from its start to its end
  bool ends_in_padding = false;   // the target's log: a head was being filled

  /// The target's last batch of data, and the source's batch at its last offset; what is missing was answered with
  /// OFFSET_OUT_OF_RANGE.
  std::optional<BatchPrint> source_tail;
  std::optional<BatchPrint> target_tail;
  std::string tails_differ;                // how their records do, where the batches are no copies; empty: they do not
  bool has_common_tail = false;            // the source has records of the target's last batch of data
  std::optional<bool> has_common_records;  // or of what is before it; unset: not compared
  std::optional<OffsetRun> displaced;      // a record of the target's last batch that is elsewhere on the source
  std::optional<protocol::Offset> others_at;  // behind which, on the target, our last batches lie; unset: nobody's
};

/// From the logs' bounds alone. Empty: the last batches must be compared.
std::optional<Admission> decide_by_bounds(const AdmissionFacts& facts);
/// For facts that decide_by_bounds() leaves open. Markers at the target's end are not looked at.
Admission decide_by_tails(const AdmissionFacts& facts);
/// Of those markers, from `markers` on, where the source has a record at `record`.
Admission decide_by_markers(const AdmissionFacts& facts, protocol::Offset markers, protocol::Offset record);

struct AdmissionQuestion {
  TopicPartition source;
  TopicPartition target;
  protocol::ProducerId identity;               // of everything this flow writes
  std::optional<protocol::Offset> begin = {};  // as in AdmissionFacts
  bool is_begin_certain = false;               // the same
};

/// One admission for every question, in their order. Throws nothing of the clusters: a cluster that cannot be asked is
/// every partition's Verdict::retry.
net::Awaitable<std::vector<Admission>> admit(Cluster& source, Cluster& target, std::vector<AdmissionQuestion> questions,
                                             Isolation isolation, LeaderSettings settings = {});

}  // namespace shunt::replicate
