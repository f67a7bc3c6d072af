// What a batch of the source's log is to a mirror, told without opening it.
#pragma once

#include <algorithm>
#include <set>
#include <vector>

#include "protocol/ids.h"
#include "protocol/record_batch.h"

namespace shunt::replicate {

/// Tells which batches of an answer that was read committed belong to aborted transactions: the broker sends them all,
/// with a list of the transactions to leave out (KIP-98).
class AbortedTransactions {
 public:
  struct Entry {
    protocol::ProducerId producer_id;
    protocol::Offset first_offset;
  };

  /// The list that came with an answer; entries as Fetch responses have them. Replaces what was there.
  template <class Entries>
  void start(const Entries& entries) {
    pending_.clear();
    aborted_.clear();
    for (const auto& entry : entries)
      pending_.push_back({.producer_id = entry.producer_id, .first_offset = entry.first_offset});
    // The next one is at the back.
    std::sort(pending_.begin(), pending_.end(),
              [](const Entry& a, const Entry& b) { return a.first_offset > b.first_offset; });
  }

  /// To be asked for every batch of the answer, in order.
  bool covers(const protocol::RecordBatchHeader& header) {
    if (pending_.empty() && aborted_.empty()) return false;
    while (!pending_.empty() && pending_.back().first_offset < header.next_offset()) {
      aborted_.insert(pending_.back().producer_id);
      pending_.pop_back();
    }
    // A producer's transactions come one after the other, so its next marker ends the aborted one.
    if (header.is_control()) return aborted_.erase(header.producer_id()) > 0;
    return header.is_transactional() && aborted_.contains(header.producer_id());
  }

 private:
  std::vector<Entry> pending_;  // that begin further on
  std::set<protocol::ProducerId> aborted_;
};

enum class BatchKind {
  plain,       // can be forwarded as it is
  nothing,     // holds no record for a reader: a marker, aborted, emptied by compaction
  rewrite,     // holds records, but not as a Produce request may carry them: gaps inside (compaction), append times
  old_format,  // holds records in message format 0 or 1 (protocol/message_set.h): to be rewritten, and without a header
};

/// Of a batch of format 2.
inline BatchKind kind_of(const protocol::RecordBatchHeader& header, bool is_aborted) {
  if (header.is_control() || is_aborted || header.record_count() == 0) return BatchKind::nothing;
  return header.is_dense() && !header.is_log_append_time() ? BatchKind::plain : BatchKind::rewrite;
}

/// Of the next batch of format 2 behind `position`: between there and its end the log had records for readers, perhaps, that
/// it has no more (compaction, retention). Others may have read them.
inline bool has_gap(const protocol::RecordBatchHeader& header, BatchKind kind, protocol::Offset position) {
  const bool is_thinned = kind == BatchKind::rewrite && !header.is_dense();
  return header.base_offset() > position || header.record_count() == 0 || is_thinned;
}

}  // namespace shunt::replicate
