// The producers of one partition, its cleaner and its retention: they write everything a real log holds, and know what a
// reader must see of it. For a source's partition that is the oracle of the simulation: no code of shunt has a part in
// it. A target's partition, where offsets are mapped, has producers of its own, which write between what shunt does.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "tests/sim/fake_cluster.h"
#include "tests/sim/world.h"

namespace shunt::sim {

struct Habits {
  bool transactions = false;
  bool compaction = false;
  bool append_times = false;
  bool codecs = false;
  bool large_batches = false;
  std::int64_t opposite =
      -1;  // producer id of a flow in the other direction, which writes here, too; -1: there is none
};

class LogWriter {
 public:
  /// What the log holds, or held, at one offset.
  struct Entry {
    // returned: by the flow in the other direction, from where this log is mirrored to
    enum class State { nothing, pending, committed, aborted, returned } state = State::nothing;
    std::uint64_t digest = 0;  // of a record
    std::int64_t timestamp_ms = 0;
    bool is_removed = false;  // by the cleaner, or with the head
  };

  /// The cluster must outlive it, and the partition be there, empty.
  LogWriter(World& world, FakeCluster& cluster, PartitionKey key, Habits habits);

  /// The log begins at `offset`: what was before it is gone.
  void begin_at(std::int64_t offset);
  /// A batch, or the end of a transaction.
  void write();
  /// Every transaction ends.
  void end_transactions();
  /// What the cleaner leaves of a part of the log.
  void clean();
  /// Retention takes what is before `offset`, which may be inside a batch.
  void expire(std::int64_t offset);
  /// An unclean leader has not the last `batches`, at most; ends of transactions it has all. False: nothing is lost.
  bool lose(std::int64_t batches);

  /// The topic is about to be deleted: from now on only what was written here is known, and log() is not.
  void retire() { last_start_ = log().start(); }
  /// No batch is to begin in [low, high], nor the log to end there.
  void avoid(std::int64_t low, std::int64_t high) { avoided_ = {low, high}; }
  /// One is to begin there: a mistake planted on purpose.
  void meet(std::int64_t offset) { met_ = offset; }

  [[nodiscard]] PartitionLog& log() const { return cluster_.log(key_); }
  /// The log's first offset.
  [[nodiscard]] std::int64_t start() const { return last_start_ ? *last_start_ : log().start(); }
  /// Behind everything that was written here.
  [[nodiscard]] std::int64_t end() const { return static_cast<std::int64_t>(entries_.size()); }
  /// What is before that is decided: no transaction is open there.
  [[nodiscard]] std::int64_t stable_end() const { return last_start_ ? end() : log().last_stable_offset(); }
  [[nodiscard]] const Entry& at(std::int64_t offset) const { return entries_.at(static_cast<std::size_t>(offset)); }
  /// The offset of the record that looks like this: no two do, whoever wrote them. Empty: none was written here.
  [[nodiscard]] std::optional<std::int64_t> find(std::uint64_t digest) const;
  /// It was written here, and lost.
  [[nodiscard]] bool has_lost(std::uint64_t digest) const { return lost_.contains(digest); }
  /// Its markers carry this producer id.
  [[nodiscard]] bool has_producer(std::int64_t producer_id) const;
  /// A batch that may be forwarded as it is, by its base offset, as it was written. Null: none began there.
  [[nodiscard]] const std::vector<std::byte>* plain_batch(std::int64_t base) const;

 private:
  static constexpr std::int64_t first_transactional_producer = 3000;

  void pass_others();
  void write_batch(std::int64_t producer_id, std::optional<std::int64_t> size = {});
  void end_transaction(std::int64_t producer_id);
  void append_marker(std::int64_t producer_id, bool is_commit);

  World& world_;
  FakeCluster& cluster_;
  const PartitionKey key_;
  const Habits habits_;
  std::vector<Entry> entries_;                               // by offset
  std::unordered_map<std::uint64_t, std::int64_t> offsets_;  // of records, by digest
  std::set<std::uint64_t> lost_;                             // digests
  std::map<std::int64_t, std::vector<std::byte>> plain_batches_;
  std::map<std::int64_t, std::int32_t> sequences_;          // by producer id: the next one
  std::map<std::int64_t, std::vector<std::int64_t>> open_;  // transactions: their offsets
  std::int64_t next_producer_id_ = first_transactional_producer;
  std::optional<std::int64_t> last_start_;
  std::optional<std::pair<std::int64_t, std::int64_t>> avoided_;  // while the log ends before it
  std::optional<std::int64_t> met_;                               // the same
};

}  // namespace shunt::sim
