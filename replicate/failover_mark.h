// What says that a flow has failed over to its target: records of a compacted topic on the target cluster, so that every
// mirror of the flow finds it, wherever it runs. No local state remembers it.
//
//   key     "A->B"           value  {"version":1,"failed_over_ms":1700000000000,"forced":false,"topics":2}
//   key     "A->B orders"    value  {"version":1,"ends":[100,-1]}      the target's log ends then, by partition; -1: not known
//
// The first one counts, and is written last. Both are deleted (a null value) when the flow has failed back, the first one
// first. Aliases and names of topics hold no blanks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocol/ids.h"

namespace shunt::replicate {

struct FailoverMark {
  std::string flow;  // "A->B"
  std::int64_t time_ms = 0;
  bool is_forced = false;
  /// Where the target's logs ended; by topic, and there by partition.
  std::map<std::string, std::vector<protocol::Offset>> ends;

  bool operator==(const FailoverMark&) const = default;
};

struct FailoverRecord {
  std::vector<std::byte> key;
  std::optional<std::vector<std::byte>> value;  // unset: a tombstone
};

/// In the order in which they are to be written.
std::vector<FailoverRecord> records_of(const FailoverMark& mark);
std::vector<FailoverRecord> tombstones_of(const FailoverMark& mark);

/// What the topic's records say of one flow, taken in their order.
class FailoverMarkReader {
 public:
  explicit FailoverMarkReader(std::string flow) : flow_(std::move(flow)) {}

  /// False: nobody can make sense of it. It is then taken for a mark all the same if its key is the flow's.
  bool take(std::span<const std::byte> key, const std::optional<std::span<const std::byte>>& value);
  /// Empty: the flow has not failed over.
  [[nodiscard]] std::optional<FailoverMark> mark() const;

 private:
  bool take_mark(std::span<const std::byte> value);
  bool take_ends(const std::string& topic, std::span<const std::byte> value);

  const std::string flow_;
  std::optional<FailoverMark> mark_;  // without the ends
  std::map<std::string, std::vector<protocol::Offset>> ends_;
};

}  // namespace shunt::replicate
