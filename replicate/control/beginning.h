// How a partition begins, from the comparison of both logs (control/admission.h) and from what its user wants: identical
// offsets from where on, what has to be filled before, mapped offsets, or not at all. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/ids.h"
#include "replicate/condition.h"
#include "replicate/control/admission.h"
#include "replicate/control/detour.h"
#include "replicate/control/filling_estimate.h"

namespace shunt::replicate {

inline constexpr std::string_view mapped_by_auto = "shunt.offsets=auto";
inline constexpr std::string_view mapped_behind_others = "shunt.on.foreign.writer";

struct BeginningQuestion {
  TopicPartition source;
  TopicPartition target;
  std::optional<protocol::Offset> begin;  // where a new mirror is to; unset: where the source does
  bool may_map = false;                   // shunt.offsets=auto, and its offsets are not mapped yet
  bool maps_behind_others = false;        // shunt.on.foreign.writer=continue, and the same
  bool goes_on_overtaken = false;         // shunt.on.overtaken=continue
  bool is_own_topic = false;              // the target topic was created by this process, or would be
  bool is_mapping = false;                // its name on the target is of shunt.topic.mapping
  std::int64_t most_padding = 0;          // shunt.offsets.padding.max
};

struct Beginning {
  enum class Kind {
    start,      // with identical offsets, at the admission's `start`; `reason` may hold something worth knowing
    fill_head,  // what `head` says first; where records are lost by it (head.is_lost), `reason` says which
    map,        // with mapped offsets, by `setting`, because of `reason`
    refuse,     // `reason`, which says what helps
    retry,      // cannot be told now
  };
  Kind kind = Kind::retry;
  std::string reason;
  std::optional<Condition> condition;
  HeadFill head;             // fill_head
  std::string_view setting;  // map
};

Beginning decide_beginning(const Admission& admission, const BeginningQuestion& question);

/// Why the offsets of a partition that the target has nothing of are better mapped, where they may be; empty: they are not.
std::string too_much_filling(const FillingEstimate& estimate, const TopicPartition& source);

}  // namespace shunt::replicate
