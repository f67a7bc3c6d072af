// Where a mapped flow stands: what its stored map says, and what was written since.
//
// The map is stored after the data, so a process that died has written records behind the map's end. The witness is the
// flow's own producer id: sequence numbers count records, so the last one that the target knows, less the one the map
// ends with, is how many. They are found on both sides, from the map's end on, and paired: on the target those written
// under the producer id, whose sequence numbers say which of the records they are; on the source by counting. Each pair
// must be equal.
//
// Where they are not, or cannot be counted, compaction or retention has taken records from the source meanwhile. Then
// what is left on the source is looked for among what the target has, in order. Those behind the last one that is found
// took an offset each, at least: so far it goes on, and whatever the source does not have from there on is missed. A record
// of the source's before that which the target does not have was never there: it is another log.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/ids.h"
#include "replicate/condition.h"
#include "replicate/control/cluster.h"
#include "replicate/isolation.h"
#include "replicate/loop_guard.h"
#include "replicate/offset_map.h"

namespace shunt::replicate {

struct MapQuestion {
  TopicPartition source;
  TopicPartition target;
  protocol::ProducerId identity;
  MapTip tip;  // of the map as it was stored
  Isolation isolation = Isolation::read_committed;
  LoopGuard loop_guard = {};  // of the source's records
};

struct MapRecovery {
  enum class Outcome {
    found,   // go on at `standing`
    retry,   // cannot be told now: `reason`
    refuse,  // needs an operator: `reason`
  };
  Outcome outcome = Outcome::retry;
  std::string reason;
  bool lacks_map = false;           // refuse: records behind the tip are of a later epoch, which has a map of its own
  bool is_of_other_source = false;  // refuse: the source has something else where this mirror has been
  std::optional<Condition> condition;  // where it has a name
  std::vector<OffsetRun> runs;         // written behind the tip
  std::int64_t unplaced = 0;  // records that were written, too, but are not there any more, on one side or the other
  MapTip standing;            // behind all of them
};

net::Awaitable<MapRecovery> recover_map(Cluster& source, Cluster& target, MapQuestion question);

}  // namespace shunt::replicate
