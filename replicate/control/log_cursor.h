// The records a reader of one partition sees, one after the other, batch by batch where that is enough.
//
//   LogCursor cursor(cluster, partition, from, end, isolation);
//   while (co_await cursor.settle()) {        // a batch, or a record in it, is current
//     ... cursor.batch() ... cursor.skip_batch();           or
//     ... cursor.record() ... cursor.next_record();
//   }
//
// Holds one stretch of the log and one decompressed batch at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "protocol/stored_records.h"
#include "replicate/control/cluster.h"
#include "replicate/control/read_log.h"
#include "replicate/loop_guard.h"

namespace shunt::replicate {

/// A log that cannot be read: its leader does not give it, or what it holds is damaged. what() names cluster, partition
/// and offset.
class LogError : public std::runtime_error {
 public:
  explicit LogError(const std::string& reason, bool is_damaged = false)
      : std::runtime_error(reason), is_damaged_(is_damaged) {}
  [[nodiscard]] bool is_damaged() const { return is_damaged_; }

 private:
  bool is_damaged_;
};

class LogCursor {
 public:
  /// Records at offsets in [from, end). With read_uncommitted everything but markers, with read_committed what was
  /// committed.
  /// `writer`: only what was written under that producer id, as a mapped flow's records among others'. `loop_guard`: not what
  /// it meets.
  LogCursor(Cluster& cluster, TopicPartition partition, protocol::Offset from, protocol::Offset end,
            Isolation isolation, std::optional<protocol::ProducerId> writer = {}, LoopGuard loop_guard = {});

  /// False: there is no further record. Throws LogError, and UnauthorizedError.
  net::Awaitable<bool> settle();

  /// The current batch, whole; only while no record of it was taken and all of them lie within the range. Not where
  /// messages are stored in formats 0 and 1.
  [[nodiscard]] std::optional<std::span<const std::byte>> batch() const;
  /// Of that batch, or of the one that holds the current record; valid when settle() was true. Not of formats 0 and 1.
  [[nodiscard]] protocol::RecordBatchHeader header() const { return current().header(); }
  /// Of the batch that header() is of; formats 0 and 1 know no writers.
  [[nodiscard]] bool is_met_by(const LoopGuard& guard) const {
    return current().kind != BatchKind::old_format && guard.meets(current().header());
  }
  /// Where the batch has not been opened. Throws LogError when it is damaged.
  void check_batch() const;
  void skip_batch();

  /// The current record; valid until the next one is. Throws LogError when the batch is damaged.
  const protocol::Record& record();
  void next_record();

  /// The current record's time is that at which its broker has appended it.
  [[nodiscard]] bool has_append_time() const;

  /// Where the next record is looked for.
  [[nodiscard]] protocol::Offset position() const { return position_; }
  /// Goes on there; not backwards.
  void jump(protocol::Offset offset);

  [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  net::Awaitable<> read_stretch();
  void open_batch();
  [[nodiscard]] const LogBatch& current() const { return stretch_.batches[current_]; }
  [[nodiscard]] bool is_read() const { return current_ == stretch_.batches.size(); }
  [[nodiscard]] std::string where() const;

  Cluster& cluster_;
  const TopicPartition partition_;
  const protocol::Offset end_;
  const Isolation isolation_;
  const std::optional<protocol::ProducerId> writer_;
  const LoopGuard loop_guard_;
  protocol::Offset position_;
  std::uint64_t bytes_read_ = 0;
  int empty_answers_ = 0;  // one after the other

  LogStretch stretch_;
  std::size_t current_ = 0;  // in its batches

  std::optional<protocol::StoredRecords> reader_;  // of the current batch
  std::optional<protocol::Record> record_;
};

/// Of the first record in [from, end), whoever has written it; nothing: there is none. As LogCursor.
net::Awaitable<std::optional<protocol::Offset>> first_record(Cluster& cluster, TopicPartition partition,
                                                             protocol::Offset from, protocol::Offset end);

/// Of a mirror that has copied the source's records below `from`: up to where, and at most to `end`, there is nothing else to
/// copy. As LogCursor.
net::Awaitable<protocol::Offset> copied_up_to(Cluster& source, TopicPartition partition, protocol::Offset from,
                                              protocol::Offset end, Isolation isolation, LoopGuard loop_guard);

/// The target's current record can be a copy of the source's, wherever it is.
bool is_copy(LogCursor& source, LogCursor& target);

}  // namespace shunt::replicate
