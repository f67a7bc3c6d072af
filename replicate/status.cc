#include "replicate/status.h"

namespace shunt::replicate {

const char* to_string(PartitionState state) {
  switch (state) {
    case PartitionState::waiting:
      return "waiting";
    case PartitionState::running:
      return "running";
    case PartitionState::done:
      return "done";
    case PartitionState::stopped:
      return "stopped";
    case PartitionState::failed:
      return "failed";
  }
  return "unknown";
}

const char* to_string(GroupState state) {
  switch (state) {
    case GroupState::current:
      return "current";
    case GroupState::waiting:
      return "waiting";
    case GroupState::active:
      return "active";
    case GroupState::deleted:
      return "deleted";
    case GroupState::refused:
      return "refused";
  }
  return "unknown";
}

bool MirrorStatus::any_failed() const {
  return !fatal.empty() || !topic_errors.empty() ||
         std::any_of(partitions.begin(), partitions.end(),
                     [](const PartitionStatus& partition) { return partition.state == PartitionState::failed; });
}

}  // namespace shunt::replicate
