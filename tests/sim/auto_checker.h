// What must hold where shunt chooses how a partition gets its offsets, by shunt.offsets=auto, or because others write to it
// and shunt.on.foreign.writer is continue:
//
//   - whichever way was chosen, that way's rules hold (identical_checker.h, mapped_checker.h); of what was mirrored with
//     identical offsets before they were mapped, those of mapped offsets, too: nothing twice, nothing left out
//   - a partition that has a record of the source, or padding, with identical offsets keeps them until others write to it,
//     whatever befalls the source between two lives; one with a map keeps it
//   - nothing has identical offsets behind others' records; and offsets are not mapped where the target has nothing of
//     others, and the source's head is short
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "tests/sim/checker.h"
#include "tests/sim/identical_checker.h"
#include "tests/sim/mapped_checker.h"

namespace shunt::sim {

class AutoChecker final : public Checker {
 public:
  /// As MappedChecker.
  AutoChecker(Writers& writers, const RetiredWriters& retired, Writers& others, FakeCluster& source,
              FakeCluster& target, Rules rules);

  void handle_start() override;
  void handle_restart() override;
  [[nodiscard]] const std::string& failure() const override;
  [[nodiscard]] bool is_mirrored(const PartitionKey& key) const override;
  [[nodiscard]] std::int64_t position_of(const PartitionKey& key) const override { return of(key).position_of(key); }
  [[nodiscard]] bool has_all_before(const PartitionKey& key, std::int64_t end) const override {
    return of(key).has_all_before(key, end);
  }
  [[nodiscard]] std::string progress_of(const PartitionKey& key) const override { return of(key).progress_of(key); }
  [[nodiscard]] bool may_have_stopped(const PartitionKey& key) const override { return of(key).may_have_stopped(key); }

  /// Of those with a map.
  [[nodiscard]] const MappedChecker& mapped() const { return *mapped_; }

 private:
  using Listener = std::function<void(const PartitionKey&, const StoredBatch&)>;

  [[nodiscard]] bool has_records_of_others(const PartitionKey& key) const;
  [[nodiscard]] const Checker& of(const PartitionKey& key) const;
  void check(const PartitionKey& key, const StoredBatch& batch);
  void check_own(const PartitionKey& key, const StoredBatch& batch);
  void check_syncs(const PartitionKey& key, const StoredBatch& batch, const Listener& listener);
  [[nodiscard]] std::string judge_map(const PartitionKey& source) const;
  void handle_target_deleted(const std::string& topic);
  void note_end_of_identical(const PartitionKey& key);
  void add_up();

  Writers& others_;
  FakeCluster& target_;
  std::unique_ptr<IdenticalChecker> identical_;
  std::unique_ptr<MappedChecker> mapped_;
  Listener identical_listener_;
  Listener mapped_listener_;
  bool has_started_ = false;                  // a process
  std::set<PartitionKey> begun_identical_;    // a record, or padding, and not behind others' or a map
  std::map<PartitionKey, net::Time> undone_;  // identical until then: others have come behind that, or a map
  std::set<PartitionKey> with_map_;
};

}  // namespace shunt::sim
