// What a mapped flow has written where, on its way from the shard, which learns it from the target's answers, to the
// control plane, which stores it (control/offset_syncs.h).
#pragma once

#include <mutex>
#include <utility>
#include <vector>

#include "replicate/offset_map.h"

namespace shunt::replicate {

/// In order; from any thread.
class WrittenRuns {
 public:
  void add(const OffsetRun& run) {
    const std::lock_guard lock(mutex_);
    append_run(runs_, run);
  }
  /// Those since it was last asked.
  std::vector<OffsetRun> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(runs_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<OffsetRun> runs_;  // guarded by mutex_
};

}  // namespace shunt::replicate
