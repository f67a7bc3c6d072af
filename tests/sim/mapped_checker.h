// What must hold of a target whose offsets are mapped, and of the maps in the offset syncs topic. A record is known by its
// content, whoever wrote it:
//
//   - the records of a source's partition come in its order, each of them once, none left out; of a transaction, when it
//     is committed
//   - none of them was written by the flow in the other direction
//   - nothing follows a record that the source has lost
//   - a batch that could be forwarded as it is has the same bytes
//   - all else is by the target's other producers: no marker of shunt's but those that raise its epoch, no padding; or it was
//     on its way to a topic that had the name before, and nobody could have prevented it
//   - every run that is stored says where those records lie, and no record lies between two runs; the sequence number a
//     map ends with is that of the next record; and a map never becomes shorter
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "replicate/control/offset_syncs.h"
#include "replicate/offset_map.h"
#include "tests/sim/checker.h"

namespace shunt::sim {

class MappedChecker final : public Checker {
 public:
  /// Listens to `target`, and to the offset syncs topic wherever it is; `others` are the target's other producers. All
  /// must outlive it.
  MappedChecker(Writers& writers, const RetiredWriters& retired, Writers& others, FakeCluster& source,
                FakeCluster& target, Rules rules);

  /// By another producer of the target.
  [[nodiscard]] bool is_others(const PartitionKey& key, const StoredBatch& batch) const;
  /// A marker of the mirror's, which raises the epoch in which it writes.
  [[nodiscard]] bool is_fence(const PartitionKey& key, const StoredBatch& batch) const;
  /// Until now the partition had the source's offsets: its map may say so of what lies before `end`, where there is no
  /// record, too.
  void handle_identical(const PartitionKey& key, std::int64_t end) { copies_[key].identical = end; }
  void handle_target_deleted(const std::string& topic);
  void handle_source_loss(const PartitionKey& key) override;
  [[nodiscard]] bool has_lost_records(const PartitionKey& key) const override;
  [[nodiscard]] bool is_of_another(const PartitionKey& key) const override;
  /// Its map is stored, too.
  [[nodiscard]] bool is_mirrored(const PartitionKey& key) const override;
  [[nodiscard]] std::int64_t position_of(const PartitionKey& key) const override;
  [[nodiscard]] bool has_all_before(const PartitionKey& key, std::int64_t end) const override;
  [[nodiscard]] std::string progress_of(const PartitionKey& key) const override;

  /// The maps, as somebody reads them in the end, say everything that must be said. Empty, or what is wrong.
  [[nodiscard]] std::string judge(const replicate::OffsetSyncs& syncs) const;

 private:
  /// Where a record of the source lies.
  struct Place {
    std::int64_t target = -1;  // -1: nowhere
    std::int16_t epoch = -1;
    std::int32_t sequence = -1;

    /// It was written behind what `tip` ends with.
    [[nodiscard]] bool is_behind(const replicate::MapTip& tip) const {
      return std::pair(epoch, sequence) >= std::pair(tip.epoch.value(), tip.sequence.value());
    }
  };
  /// A partition of the source on the target.
  struct Copy {
    const LogWriter* of = nullptr;            // whose records it has; null: none yet
    std::int64_t position = 0;                // the source's offset behind the last record
    std::optional<std::int64_t> lost_from;    // from that source offset on it has what the source has lost
    bool may_have_passed = false;             // the source has lost what is no record, behind its last one: it may stop
    std::int64_t identical = 0;               // before that there is nothing at another offset than the source's
    std::vector<Place> places;                // by the source's offsets
    protocol::ProducerId producer{-1};        // under which it is written; -1: it was not, and there is no map
    std::optional<replicate::OffsetMap> map;  // as stored
  };

  [[nodiscard]] protocol::ProducerId identity_of(const PartitionKey& key) const;
  /// The source's topics of that name, the present one first.
  [[nodiscard]] std::vector<const LogWriter*> all_of(const PartitionKey& key) const;
  /// Whose records its copy has, or is to have.
  [[nodiscard]] const LogWriter& writer_of(const PartitionKey& key) const;
  void check(const PartitionKey& key, const StoredBatch& batch);
  void check_data(const PartitionKey& key, const StoredBatch& batch);
  void check_syncs(const PartitionKey& key, const StoredBatch& batch);
  [[nodiscard]] std::string judge(const PartitionKey& key, const replicate::OffsetMap& map) const;
  [[nodiscard]] std::string check_tip(const PartitionKey& key, const replicate::MapTip& tip) const;
  [[nodiscard]] std::string check_block(const PartitionKey& key, const replicate::OffsetBlock& block) const;
  [[nodiscard]] bool may_begin_at(const PartitionKey& key, std::int64_t offset) const;
  [[nodiscard]] std::optional<std::int64_t> beginning_of(const PartitionKey& key) const;
  [[nodiscard]] Place place_of(const PartitionKey& key, std::int64_t offset) const;
  [[nodiscard]] bool may_be_said(const PartitionKey& key, std::int64_t offset, std::int64_t said) const;
  /// A record that must be mirrored lies in [from, to).
  [[nodiscard]] std::optional<std::int64_t> missing_in(const PartitionKey& key, std::int64_t from,
                                                       std::int64_t to) const;
  [[nodiscard]] std::optional<std::int64_t> unplaced_in(const PartitionKey& key, std::int64_t from,
                                                        std::int64_t to) const;

  Writers& others_;
  FakeCluster& target_;
  std::map<PartitionKey, Copy> copies_;
  std::set<protocol::ProducerId> former_identities_;  // of topics of the target that were deleted
};

}  // namespace shunt::sim
