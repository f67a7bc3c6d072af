#include "replicate/control/mirrored_partition.h"

namespace shunt::replicate {

namespace {

PartitionState state_of(Phase phase) {
  switch (phase) {
    case Phase::held:
    case Phase::admitting:
    case Phase::assignable:
    case Phase::doubtful:
      return PartitionState::waiting;
    case Phase::running:
    case Phase::waiting_for_detour:
    case Phase::detouring:
      return PartitionState::running;
    case Phase::done:
      return PartitionState::done;
    case Phase::stopped:
      return PartitionState::stopped;
    case Phase::failed:
      return PartitionState::failed;
  }
  return PartitionState::failed;
}

}  // namespace

void begin_anew(MirroredPartition& partition, protocol::ProducerId identity, const Recovery& recovery) {
  FlowProgress& progress = *partition.spec.progress;
  for (auto* known : {&progress.position, &progress.source_end, &progress.stable_end}) {
    known->store(-1, std::memory_order_relaxed);
  }
  partition.spec.identity = identity;
  partition.spec.written.reset();
  partition.spec.loop_guard = {};
  partition.spec.stops_at_gaps = false;
  partition.recovery = recovery;
  partition.phase = Phase::admitting;
  partition.due = {};
  partition.reason.clear();
  partition.condition.reset();
  partition.standing.reset();
  partition.compared.reset();
  partition.is_in_doubt = false;
  partition.awaits_late_markers = false;
  partition.is_begin_guessed = false;
  partition.source_epoch.reset();
  partition.head.reset();
  partition.admitted.reset();
  partition.readmission.reset();
  partition.start = partition.goal = partition.held_up_at = -1;
  partition.detour.reset();
}

PartitionStatus status_of(const MirroredPartition& partition) {
  const FlowProgress& progress = *partition.spec.progress;
  const auto read = [](const auto& value) { return value.load(std::memory_order_relaxed); };
  PartitionStatus status;
  status.source_topic = partition.spec.source_topic;
  status.target_topic = partition.spec.target_topic;
  status.partition = partition.spec.partition.value();
  status.state = state_of(partition.phase);
  status.reason = partition.reason;
  status.condition = partition.condition;
  status.start = partition.start;
  status.goal = partition.goal;
  status.is_mapped = partition.spec.is_mapped();
  status.interruptions = partition.interruptions;
  status.position = partition.reached();
  status.source_end = std::max(partition.goal, read(progress.source_end));
  status.stable_end = read(progress.stable_end);
  status.records = read(progress.records);
  status.batches = read(progress.batches);
  status.bytes = read(progress.bytes);
  status.duplicates = read(progress.duplicates);
  status.refetched_bytes = read(progress.refetched_bytes);
  status.in_flight_bytes = read(progress.in_flight_bytes);
  status.lost_offsets = read(progress.lost_offsets);
  status.source_throttled_ms = read(progress.source_throttled_ms);
  status.target_throttled_ms = read(progress.target_throttled_ms);
  status.filled_offsets = read(progress.filled_offsets);
  status.slow_path_batches = read(progress.slow_path_batches);
  return status;
}

}  // namespace shunt::replicate
