// What must hold where shunt chooses how a partition gets its offsets:
//
//   - whichever way was chosen, that way's rules hold (identical_checker.h, mapped_checker.h)
//   - no partition that has a record of the source, or padding, by the one way goes on by the other, whatever befalls the
//     source between two lives
//   - offsets are mapped where others' records are in the way, and not where the target has nothing of others and the
//     source's head is short
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "tests/sim/checker.h"
#include "tests/sim/identical_checker.h"
#include "tests/sim/mapped_checker.h"

namespace shunt::sim {

class AutoChecker final : public Checker {
 public:
  /// As MappedChecker; `others` have written before the first process begins, and do not any more.
  AutoChecker(Writers& writers, const RetiredWriters& retired, Writers& others, FakeCluster& source,
              FakeCluster& target, Rules rules);

  void handle_start() override;
  void handle_restart() override;
  [[nodiscard]] const std::string& failure() const override;
  [[nodiscard]] bool is_mirrored(const PartitionKey& key) const override { return of(key).is_mirrored(key); }
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
  void check_syncs(const PartitionKey& key, const StoredBatch& batch, const Listener& listener);
  [[nodiscard]] std::string judge_map(const PartitionKey& source) const;
  void add_up();

  Writers& others_;
  std::unique_ptr<IdenticalChecker> identical_;
  std::unique_ptr<MappedChecker> mapped_;
  Listener identical_listener_;
  Listener mapped_listener_;
  std::set<PartitionKey> begun_identical_;  // a record, or padding, is there, and no map
  std::set<PartitionKey> with_map_;
};

}  // namespace shunt::sim
