// One partition's log as its leader keeps it: batches, what it remembers of producers and their transactions, and the
// rules by which it takes what is appended. As real brokers were seen to do; no replicas, no network.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "protocol/messages/fetch.h"
#include "protocol/record_batch.h"

namespace shunt::sim {

using PartitionKey = std::pair<std::string, std::int32_t>;

struct StoredBatch {
  std::int64_t base = 0;
  std::int64_t next = 0;
  std::vector<std::byte> bytes;  // as a fetch returns them

  [[nodiscard]] protocol::RecordBatchHeader header() const { return protocol::RecordBatchHeader::of(bytes); }
};

/// What a leader remembers of one producer id (KIP-98).
struct ProducerState {
  struct Batch {
    std::int32_t first_sequence;
    std::int32_t last_sequence;
    std::int64_t base;
  };
  std::int16_t epoch = 0;
  std::deque<Batch> recent;             // the last five
  std::int32_t last_sequence = -1;      // -1: it has written markers only
  std::int32_t coordinator_epoch = -1;  // of its last marker
  std::int64_t open_since = -1;         // its transaction's first offset; -1: none is open
};

class PartitionLog {
 public:
  struct Outcome {
    std::int16_t error = 0;
    std::int64_t base = -1;
    bool is_duplicate = false;
  };

  // ---- who leads it ----
  std::int32_t leader = 0;
  std::int32_t leader_epoch = 0;
  /// A new leader, in the next epoch.
  void lead(std::int32_t broker);
  /// Where `epoch` ends, and the epoch that is the log's last one up to it, as OffsetForLeaderEpoch answers; -1, -1: later
  /// than any here.
  [[nodiscard]] std::pair<std::int32_t, std::int64_t> epoch_end(std::int32_t epoch) const;

  // ---- appending ----
  /// The record data of a Produce request.
  Outcome produce(std::span<const std::byte> records);
  /// A transaction's end, by the coordinator or whoever may write markers.
  Outcome write_marker(std::int64_t producer_id, std::int16_t epoch, std::int32_t coordinator_epoch, bool is_commit);
  /// A batch of the source's own producers: idempotent, transactional or neither; its base offset is the log's end.
  void append(std::vector<std::byte> batch);

  /// Every batch that came in by one of the three ways.
  std::function<void(const StoredBatch&)> on_append;
  /// Sequences are not looked at: a mistake planted on purpose.
  bool forgets_sequences = false;
  /// A duplicate is said to lie at the log's end: another one.
  bool misplaces_duplicates = false;

  // ---- reading ----
  [[nodiscard]] const std::vector<StoredBatch>& batches() const { return batches_; }
  [[nodiscard]] const std::map<std::int64_t, ProducerState>& producers() const { return producers_; }
  [[nodiscard]] std::int64_t start() const { return start_; }
  [[nodiscard]] std::int64_t end() const { return end_; }
  [[nodiscard]] std::int64_t last_stable_offset() const;
  /// The bytes a fetch gets: whole batches from the one that holds `offset`, and a part of the one that reaches
  /// `most_bytes`; the first one whole if `is_first`.
  [[nodiscard]] std::vector<std::byte> read(std::int64_t offset, std::int64_t most_bytes, bool is_first,
                                            bool is_committed_only) const;
  /// Transactions that reach into [from, to).
  [[nodiscard]] std::vector<protocol::FetchResponse::AbortedTransaction> aborted(std::int64_t from,
                                                                                 std::int64_t to) const;

  // ---- losing ----
  /// DeleteRecords, or retention.
  void delete_before(std::int64_t offset);
  /// The cleaner: `batch` is what is left of the one at `index`.
  void replace(std::size_t index, std::vector<std::byte> batch);
  void remove(std::size_t index);
  /// What the next leader, `broker`, has that was not in sync: the last `count` batches are gone, as if they had never been.
  /// Only what was appended lately can go, and nothing that `broker` has appended itself, or that is before start().
  void lose_batches(std::int64_t count, std::int32_t broker);
  /// An empty log that begins at `offset`.
  void begin_at(std::int64_t offset) { start_ = end_ = offset; }

 private:
  struct Aborted {
    std::int64_t producer_id;
    std::int64_t first;
    std::int64_t last;  // its marker
  };
  /// What the leader knew when the log ended there.
  struct Memory {
    std::int64_t end;
    std::int32_t leader;
    std::map<std::int64_t, ProducerState> producers;
    std::size_t aborted;
  };
  void store(std::vector<std::byte> bytes, std::int64_t next);

  std::vector<StoredBatch> batches_;
  std::map<std::int64_t, ProducerState> producers_;
  std::vector<Aborted> aborted_;
  std::deque<Memory> memories_;  // of the last appends
  std::map<std::int32_t, std::int64_t> epoch_starts_{{0, 0}};
  std::int64_t start_ = 0;
  std::int64_t end_ = 0;
};

}  // namespace shunt::sim
