// What must hold of a target whose offsets are identical:
//
//   - a record lies at its source offset, and is the source's; of a transaction, committed when it comes
//   - a batch that could be forwarded as it is has the same bytes
//   - a marker lies where the source has nothing for a reader
//   - a mirror that begins later has markers, or padding, where the source has records of before; none of its own
//   - nothing follows a record that the source has lost
//   - padding lies before the source's first offset, and is gone before anything follows
//   - a log has the records of one topic of the source: nothing of another one that has taken its place, or had it before
//
// That an offset of a log is written once makes the rest: nothing twice, nothing in another order.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "net/machine.h"
#include "tests/sim/checker.h"

namespace shunt::sim {

class IdenticalChecker final : public Checker {
 public:
  /// Listens to `target`; all must outlive it.
  IdenticalChecker(Writers& writers, const RetiredWriters& retired, FakeCluster& target, Rules rules);

  [[nodiscard]] bool is_mirrored(const PartitionKey& key) const override;
  [[nodiscard]] std::int64_t position_of(const PartitionKey& key) const override;
  [[nodiscard]] bool has_all_before(const PartitionKey& key, std::int64_t end) const override;
  [[nodiscard]] std::string progress_of(const PartitionKey& key) const override;
  /// A marker was written by a request that was executed later than shunt waits for, or behind a loss that came after it
  /// was sent, or twice by a coordinator; or what was meant for a topic came to the one that has taken its place.
  [[nodiscard]] bool may_have_stopped(const PartitionKey& key) const override;
  void handle_target_loss(const PartitionKey& key) override;
  void handle_source_loss(const PartitionKey& key) override;
  [[nodiscard]] bool has_lost_records(const PartitionKey& key) const override;
  [[nodiscard]] bool is_of_another(const PartitionKey& key) const override;
  [[nodiscard]] bool has_begun_early(const PartitionKey& key) const override;
  void handle_begun(const PartitionKey& key, std::int64_t offset) override;
  void handle_restart() override;
  void handle_source_deleted() override;

 private:
  /// What a log of the target is.
  struct Copy {
    const LogWriter* of = nullptr;           // whose; null: nothing has come yet
    std::optional<std::int64_t> first_data;  // where something but markers and padding was written first
    std::optional<std::int64_t> padded;      // up to there
    std::optional<std::int64_t> lost;        // from there on it has what the source has lost
    std::int64_t source_cut = 0;             // where the source's log ended when it lost its end last
    net::Time source_cut_at{};
    bool is_late = false;
    bool has_begun_early = false;
    bool is_half_filled = false;       // with markers, when a process began that cannot know how far they were to go
    net::Time last_moved{};            // its end: by a loss, or by a marker that has no place there
    net::Time cut_off{};               // until when markers may come that were meant for the log as it was before
    std::set<std::int64_t> displaced;  // markers
    std::set<std::int64_t> producers;  // of data
    /// Producers of what was meant for another log (its predecessor, or itself before a loss), and of what was sent before
    /// that was known: since when.
    std::map<std::int64_t, net::Time> misplaced;
    std::int64_t misplaced_at = 0;  // the first of that
  };

  void check(const PartitionKey& key, const StoredBatch& batch);
  [[nodiscard]] const LogWriter* owner_of(const PartitionKey& key, const StoredBatch& batch) const;
  [[nodiscard]] std::string check_padding(Copy& copy, const PartitionKey& key, const StoredBatch& batch);
  [[nodiscard]] std::string check_marker(Copy& copy, const PartitionKey& key, const StoredBatch& batch);
  [[nodiscard]] std::string check_beginning(const Copy& copy, const PartitionKey& key, const StoredBatch& batch) const;
  [[nodiscard]] std::string check_data(Copy& copy, const PartitionKey& key, const StoredBatch& batch);
  [[nodiscard]] std::int64_t data_end_before(const PartitionKey& key, std::int64_t end) const;
  [[nodiscard]] bool is_shifted(const Copy& copy, const StoredBatch& batch) const;
  [[nodiscard]] bool is_hole(const PartitionKey& key, const LogWriter& writer, const Copy& copy,
                             std::int64_t offset) const;
  [[nodiscard]] bool is_head(const PartitionKey& key, const LogWriter& writer, std::int64_t begin,
                             std::int64_t end) const;
  [[nodiscard]] bool are_holes(const PartitionKey& key, const LogWriter& writer, std::int64_t begin,
                               std::int64_t end) const;
  /// A marker lies where a record belongs, and the source still has that record: to go on behind it is a failure.
  [[nodiscard]] bool is_displaced(const Copy& copy) const;
  [[nodiscard]] bool cannot_be_told(const PartitionKey& key, const StoredBatch& batch) const;
  [[nodiscard]] const Copy* find(const PartitionKey& key) const;
  Copy& copy_at(const PartitionKey& key);
  void handle_target_deleted(const std::string& topic);

  FakeCluster& target_;
  std::map<PartitionKey, Copy> copies_;
  bool has_started_ = false;                                         // a process
  std::optional<net::Time> restarted_;                               // the last time
  std::optional<net::Time> source_deleted_;                          // the same
  std::map<PartitionKey, std::set<std::int64_t>> former_producers_;  // of logs that are gone
  std::map<std::string, net::Time> deleted_;                         // topics of the target, the last time
};

}  // namespace shunt::sim
