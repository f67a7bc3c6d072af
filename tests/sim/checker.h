// What must hold whatever happens: every batch that comes into a target log is looked at.
//
//   - a record lies at its source offset, and is the source's; of a transaction, committed when it comes
//   - a batch that could be forwarded as it is has the same bytes
//   - a marker lies where the source has nothing for a reader
//   - padding lies before the source's first offset, and is gone before anything follows
//
// That an offset of a log is written once makes the rest: nothing twice, nothing in another order.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "replicate/isolation.h"
#include "tests/sim/fake_cluster.h"
#include "tests/sim/source_writer.h"

namespace shunt::sim {

using Writers = std::map<PartitionKey, SourceWriter>;

class Checker {
 public:
  struct Rules {
    replicate::Isolation isolation = replicate::Isolation::read_committed;
    bool may_lose_expired = false;  // shunt.on.overtaken=continue
  };

  /// Listens to `target`; all must outlive it.
  Checker(Writers& writers, FakeCluster& target, Rules rules);

  /// The first rule that was broken.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  /// A marker was written by a request that was executed later than shunt waits for, or twice by a coordinator. That
  /// cannot be prevented, and shunt may stop there.
  [[nodiscard]] bool had_late_marker(const PartitionKey& key) const { return late_.contains(key); }
  /// A marker lies where a record belongs, and the source still has that record: to go on behind it is a failure.
  [[nodiscard]] bool has_record(const SourceWriter& writer, std::int64_t offset) const;
  [[nodiscard]] bool is_displaced(const PartitionKey& key) const;

  struct Counters {
    std::uint64_t forwarded = 0;
    std::uint64_t rewritten = 0;
    std::uint64_t markers = 0;
    std::uint64_t padding = 0;
  };
  Counters counters;

 private:
  void check(const PartitionKey& key, const StoredBatch& batch);
  void check_marker(const PartitionKey& key, const StoredBatch& batch);
  void check_data(const PartitionKey& key, const StoredBatch& batch);
  void fail(const PartitionKey& key, const StoredBatch& batch, const std::string& what);

  Writers& writers_;
  FakeCluster& target_;
  const Rules rules_;
  std::string failure_;
  std::set<PartitionKey> with_data_;             // something but markers and padding was written
  std::map<PartitionKey, std::int64_t> padded_;  // up to there
  std::set<PartitionKey> late_;
  std::map<PartitionKey, std::set<std::int64_t>> displaced_;  // markers
};

}  // namespace shunt::sim
