// The partitions of a replication whose offsets are mapped: which they are, how they are admitted, and that their maps
// are stored. Belongs to the control thread; its calls are not to overlap.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "replicate/control/cluster.h"
#include "replicate/control/connect_offsets.h"
#include "replicate/control/mapped_admission.h"
#include "replicate/control/mirrored_partition.h"
#include "replicate/control/offset_syncs.h"
#include "replicate/isolation.h"
#include "replicate/loop_guard.h"
#include "replicate/start_position.h"

namespace shunt::replicate {

/// check_stale(), in words.
inline constexpr const char* others_maps =
    "offset maps are not as this process left them (another instance of this mirror?)";

class MappedPartitions {
 public:
  /// Clusters must outlive it; `syncs_on_target`: where the offset syncs topic is.
  MappedPartitions(Cluster& source, Cluster& target, bool syncs_on_target, OffsetSyncsSettings settings,
                   ConnectOffsetsSettings connect, Isolation isolation, LoopGuard loop_guard);

  /// Reads the maps there are; afterwards every partition must be admitted anew. Throws ClusterError.
  net::Awaitable<> load();
  /// Another instance of this mirror has stored maps since they were read, or may have; or a broker gave places to
  /// records that were there before: load().
  [[nodiscard]] bool are_stale() const { return are_stale_; }
  /// Asks whether they are. Throws ClusterError, net::BrokerError.
  net::Awaitable<bool> check_stale();
  [[nodiscard]] const OffsetSyncs& syncs() const { return syncs_; }

  /// This mirror has written it with mapped offsets before.
  [[nodiscard]] bool has_map(const MirroredPartition& partition) const;
  /// From now on its offsets are mapped. `partition` must outlive this, and be in no shard. Its standing, if it has one,
  /// is under identical offsets.
  void adopt(MirroredPartition& partition);
  /// A flow or a detour has it now, and may send batches.
  void handle_sending(MirroredPartition& partition) { adopted_.at(&partition).own_epoch.reset(); }
  /// The source's leader of this epoch has all of it. To be stored before anything is sent that was read there.
  void confirm(MirroredPartition& partition, protocol::LeaderEpoch source_epoch) {
    adopted_.at(&partition).source_log.leader_epoch = source_epoch;
  }
  /// Neither has it any more. True: it is to be admitted before it goes on.
  bool handle_left(MirroredPartition& partition, const Parked& parked);
  /// It is gone.
  void forget(MirroredPartition& partition) { adopted_.erase(&partition); }

  /// Where they would begin or go on, in their order: nothing is stored or written, and nothing goes on by it.
  net::Awaitable<std::vector<MappedAdmission>> judge(std::vector<MirroredPartition*> partitions, StartPosition start);
  /// Where they begin or go on, in their order; their maps are stored as far as that goes.
  /// `goes_on_overtaken`: where the source has deleted records before they were mirrored.
  net::Awaitable<std::vector<MappedAdmission>> admit(std::vector<MirroredPartition*> partitions, StartPosition start,
                                                     bool goes_on_overtaken);

  /// Stores what was written since. As OffsetSyncs::store().
  net::Awaitable<OffsetSyncs::Stored> store();
  [[nodiscard]] const std::string& why() const { return syncs_.why(); }

 private:
  struct Adopted {
    std::optional<Standing> standing;  // under identical offsets, until the map is begun
    SourceLog source_log = {};         // which has had all of it
    bool is_current = false;           // what it writes goes on where its map ends
    bool has_begun = false;            // it was admitted since the map was looked at
    bool lacks_map = false;            // as its last admission has said
    bool is_fence_due = false;         // MappedQuestion, the next one's
    std::optional<protocol::ProducerEpoch> own_epoch = {};
    std::optional<ProducerPlace> another_at = {};
  };

  std::vector<MappedQuestion> questions_about(const std::vector<MirroredPartition*>& partitions, StartPosition start);
  [[nodiscard]] std::optional<protocol::Offset> find_connect_offset(const TopicPartition& source) const;
  void collect(const MirroredPartition& partition, Adopted& adopted);
  net::Awaitable<std::string> why_refusals_are_doubtful(const std::vector<MappedAdmission>& admissions);

  Cluster& source_;
  Cluster& target_;
  const Isolation isolation_;
  const LoopGuard loop_guard_;
  OffsetSyncs syncs_;
  const ConnectOffsetsSettings connect_;
  ConnectOffsets connect_offsets_;  // as they were when the maps were read
  bool are_stale_ = false;
  std::map<MirroredPartition*, Adopted> adopted_;
};

}  // namespace shunt::replicate
