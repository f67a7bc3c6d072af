// What must hold whatever happens: every batch that comes into a log is looked at when it comes. What that is depends on
// how a mirror gives offsets: identical_checker.h, mapped_checker.h.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>

#include "replicate/isolation.h"
#include "replicate/start_position.h"
#include "tests/sim/fake_cluster.h"
#include "tests/sim/log_writer.h"

namespace shunt::sim {

using Writers = std::map<PartitionKey, LogWriter>;
/// Of topics that were deleted.
using RetiredWriters = std::list<Writers::node_type>;

class Checker {
 public:
  struct Rules {
    replicate::Isolation isolation = replicate::Isolation::read_committed;
    bool may_lose_expired = false;  // shunt.on.overtaken=continue
    replicate::StartPosition start = {};
  };

  /// `writers`, of the source's partitions, and those `retired` must outlive it.
  Checker(Writers& writers, const RetiredWriters& retired, Rules rules)
      : writers_(writers), retired_(retired), rules_(rules) {}
  virtual ~Checker() = default;
  Checker(const Checker&) = delete;
  Checker& operator=(const Checker&) = delete;

  /// The first process begins now.
  virtual void handle_start();
  /// Processes that live mirror this partition of the source from `offset` on: what comes behind is not left out.
  virtual void handle_begun(const PartitionKey& source, std::int64_t offset) { begun_.try_emplace(source, offset); }
  /// A process begins anew: it does not know what the one before knew.
  virtual void handle_restart() { begun_.clear(); }
  /// Of the source: the next one of its name begins at its beginning.
  virtual void handle_source_deleted();

  /// The first rule that was broken.
  [[nodiscard]] virtual const std::string& failure() const { return failure_; }
  /// Nothing of this partition of the source is missing.
  [[nodiscard]] virtual bool is_mirrored(const PartitionKey& source) const = 0;
  /// The source's offset up to which the target has everything.
  [[nodiscard]] virtual std::int64_t position_of(const PartitionKey& source) const = 0;
  /// The target has everything of before that offset of the source.
  [[nodiscard]] virtual bool has_all_before(const PartitionKey& source, std::int64_t end) const = 0;
  /// What a process that begins now sees of the source.
  [[nodiscard]] std::int64_t readable_end(const LogWriter& writer) const;
  /// How far it has come, for people.
  [[nodiscard]] virtual std::string progress_of(const PartitionKey& source) const = 0;
  /// An unclean leader has cut a log off.
  virtual void handle_target_loss(const PartitionKey&) {}
  virtual void handle_source_loss(const PartitionKey&) {}
  /// The target has what the source has lost: a partition that goes on is not that of the source any more.
  [[nodiscard]] virtual bool has_lost_records(const PartitionKey&) const { return false; }
  /// The target has records of a topic of the source that is no longer there: one that has taken its place cannot be mirrored
  /// there.
  [[nodiscard]] virtual bool is_of_another(const PartitionKey&) const { return false; }
  /// The target's log has begun so soon after the one before was deleted that it may be with what was meant for that one.
  [[nodiscard]] virtual bool has_begun_early(const PartitionKey&) const { return false; }
  /// What cannot be prevented has befallen a partition, and it may have stopped there.
  [[nodiscard]] virtual bool may_have_stopped(const PartitionKey&) const { return false; }

  struct Counters {
    std::uint64_t forwarded = 0;
    std::uint64_t rewritten = 0;
    std::uint64_t markers = 0;
    std::uint64_t padding = 0;
    std::uint64_t others = 0;       // batches that other producers wrote to a mapped partition
    std::uint64_t stored_maps = 0;  // batches of offset syncs
    std::uint64_t fences = 0;       // markers that raise the epoch of a mapped flow
    std::uint64_t misplaced = 0;    // batches, which nothing could have prevented
  };
  Counters counters;

 protected:
  /// For a reader, now or when its transaction ends.
  [[nodiscard]] bool has_record(const LogWriter& writer, std::int64_t offset) const;
  /// The transaction it belongs to has ended well when that matters.
  [[nodiscard]] bool may_be_mirrored(LogWriter::Entry::State state) const;
  /// The batch holds what the source has at [base, next): is it the source's batch, byte by byte? Empty: the source has
  /// no such batch that could have been forwarded as it was.
  [[nodiscard]] std::optional<bool> is_forwarded(const LogWriter& writer, std::int64_t base, std::int64_t next,
                                                 const StoredBatch& batch) const;
  /// A mirror that begins where its source does not may leave this record out: it is before the place to begin at.
  [[nodiscard]] bool may_begin_behind(const PartitionKey& key, const LogWriter& writer, std::int64_t offset) const;
  /// No mirror begins before that.
  [[nodiscard]] std::int64_t first_beginning(const PartitionKey& key) const;
  void fail(const PartitionKey& key, const StoredBatch& batch, const std::string& what);

  Writers& writers_;
  const RetiredWriters& retired_;
  const Rules rules_;

 private:
  std::string failure_;
  std::map<PartitionKey, std::int64_t> first_beginnings_;
  std::map<PartitionKey, std::int64_t> begun_;
};

}  // namespace shunt::sim
