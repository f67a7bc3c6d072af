// What keeps records from going round: two flows mirror the same topics in opposite directions, and whatever one of them
// has written must not be taken back by the other. Everything a flow writes carries its tag in the producer id
// (identity.h), so its batches are told by their headers alone, without any state. A flow that gives records a header which
// says where they were taken from (source_header.h) knows by it the ones that have been on its target, too, whatever
// way they went since.
//
// Leaving batches out shifts what follows, so this is for mapped offsets. With identical ones nothing can go round: a record
// that came from the target is there already, at its offset.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

#include "protocol/record.h"
#include "protocol/record_batch.h"
#include "replicate/identity.h"
#include "replicate/source_header.h"

namespace shunt::replicate {

enum class LoopPrevention : std::uint8_t {
  off,        // they are records like all others
  leave_out,  // they are nothing to a reader
  stop,       // nobody has said which of the two: the partition stops at the first of them
};

/// Trivially copyable: g++ 12 destroys twice what is not, and is a coroutine's default argument or a part of one.
struct LoopGuard {
  LoopPrevention prevention = LoopPrevention::off;
  std::uint16_t tag = 0;  // of the flow in the other direction
  /// As records' headers name it; empty: nobody looks at them. The settings it is from outlive all that ask.
  std::string_view target = {};

  [[nodiscard]] bool is_about_records() const { return prevention != LoopPrevention::off && !target.empty(); }
  /// The batch has come from the target, and that matters.
  [[nodiscard]] bool meets(const protocol::RecordBatchHeader& header) const {
    return prevention != LoopPrevention::off && carries_tag(header.producer_id(), tag);
  }
  /// The record has.
  [[nodiscard]] bool meets(const protocol::Record& record) const {
    return is_about_records() && protocol::has_header(record.headers, source_header, target);
  }
};

static_assert(std::is_trivially_copyable_v<LoopGuard>);

}  // namespace shunt::replicate
