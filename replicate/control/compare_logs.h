// Whether two partitions hold the same records at the same offsets, or where a map says, and if not, what the first
// difference is.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "replicate/control/log_cursor.h"
#include "replicate/offset_map.h"

namespace shunt::replicate {

struct Difference {
  enum class Kind {
    missing,  // the source has a record where the target has none
    extra,    // the target has a record where the source has none
    content,  // another key, value, header or timestamp at the same place
    damaged,  // a batch that cannot be read: its checksum does not fit, or what it holds is malformed
  };
  Kind kind = Kind::content;
  protocol::Offset offset;  // of the source; extra: of the target
  std::string text;         // in words, with both sides
};
const char* to_string(Difference::Kind kind);

struct Comparison {
  std::uint64_t records = 0;          // found equal
  std::uint64_t equal_batches = 0;    // whole batches whose stored bytes are equal
  std::uint64_t decoded_records = 0;  // compared one by one, where they are not
  std::uint64_t missing = 0;          // tolerated: compacted away on one side
  std::uint64_t extra = 0;
  std::uint64_t left_out = 0;            // batches, or single records, that came from the target (loop_guard.h)
  std::optional<Difference> difference;  // the first
};

struct ComparisonSettings {
  /// Of a compacted topic either side may have lost records that the other still has: they are counted.
  bool is_compacted = false;
  /// Of so many stretches one is compared.
  std::int64_t sample = 1;
  /// Where the source's records are on the target; null: at their own offsets. Must outlive the comparison.
  const OffsetMap* map = nullptr;
  /// Whose batches may be in no place that the map has.
  LoopGuard loop_guard = {};
};

/// Walks both to their ends, or to the first difference. Times count, unless the target's are its own
/// (message.timestamp.type=LogAppendTime). `read(bytes)` hears how much more of both was read. Throws LogError when one
/// cannot be.
net::Awaitable<Comparison> compare_logs(LogCursor& source, LogCursor& target, ComparisonSettings settings,
                                        std::function<void(std::uint64_t)> read);

}  // namespace shunt::replicate
