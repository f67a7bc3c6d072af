// What must hold of a target whose offsets are identical:
//
//   - a record lies at its source offset, and is the source's; of a transaction, committed when it comes
//   - a batch that could be forwarded as it is has the same bytes
//   - a marker lies where the source has nothing for a reader
//   - nothing follows a record that the source has lost
//   - padding lies before the source's first offset, and is gone before anything follows
//
// That an offset of a log is written once makes the rest: nothing twice, nothing in another order.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "tests/sim/checker.h"

namespace shunt::sim {

class IdenticalChecker final : public Checker {
 public:
  /// Listens to `target`; all must outlive it.
  IdenticalChecker(Writers& writers, FakeCluster& target, Rules rules);

  [[nodiscard]] bool is_mirrored(const PartitionKey& key) const override;
  [[nodiscard]] std::int64_t position_of(const PartitionKey& key) const override;
  [[nodiscard]] std::string progress_of(const PartitionKey& key) const override;
  /// A marker was written by a request that was executed later than shunt waits for, or behind a loss that came after it
  /// was sent, or twice by a coordinator.
  [[nodiscard]] bool may_have_stopped(const PartitionKey& key) const override { return late_.contains(key); }
  void handle_target_loss(const PartitionKey& key) override;
  void handle_source_loss(const PartitionKey& key) override;
  [[nodiscard]] bool has_lost_records(const PartitionKey& key) const override { return lost_.contains(key); }

 private:
  void check(const PartitionKey& key, const StoredBatch& batch);
  void check_marker(const PartitionKey& key, const StoredBatch& batch);
  void check_data(const PartitionKey& key, const StoredBatch& batch);
  /// A marker lies where a record belongs, and the source still has that record: to go on behind it is a failure.
  [[nodiscard]] bool is_displaced(const PartitionKey& key) const;

  FakeCluster& target_;
  std::map<PartitionKey, std::int64_t> first_data_;  // where something but markers and padding was written first
  std::map<PartitionKey, std::int64_t> padded_;      // up to there
  std::map<PartitionKey, std::int64_t> lost_;        // from there on the target has what the source has lost
  std::set<PartitionKey> late_;
  std::map<PartitionKey, net::Time> cut_off_;  // until when markers may come that were meant for the log before
  std::map<PartitionKey, std::set<std::int64_t>> displaced_;  // markers
};

}  // namespace shunt::sim
