// Where MirrorMaker 2 has come to in a partition, so that a mirror can go on behind it without a record twice or missing.
//
// MirrorMaker 2 keeps two witnesses. Its offset syncs say of some records at which offset of the target they lie: an anchor.
// Connect's offset topic says how far it had come when it last wrote that down, once a minute and at an orderly end; what it
// copied after that is on the target all the same, if it was killed. So both logs are walked from the newest anchor on: every
// record of the target that equals the source's next one is its copy, until the target ends. Records of other writers
// among them are passed by.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/ids.h"
#include "replicate/control/cluster.h"
#include "replicate/control/stored_maps.h"
#include "replicate/offset_map.h"

namespace shunt::replicate {

/// What MirrorMaker 2 says of a partition.
struct MirrorMakerTrace {
  std::optional<StoredMaps::Pair> anchor;
  std::optional<protocol::Offset> next;  // the source's first offset that was not copied, as it was last written down
};

struct TakeOver {
  std::vector<OffsetRun> runs;  // copies behind the anchor, as far as they were found
  protocol::Offset position;    // of the source: the first that was not copied
  bool is_anchored = false;     // otherwise it is what was last written down
};

/// Empty: nothing is known, or what there was is gone, and `why` says what. Throws ClusterError, net::BrokerError, LogError.
net::Awaitable<std::optional<TakeOver>> take_over(Cluster& source, Cluster& target, TopicPartition from,
                                                  TopicPartition to, MirrorMakerTrace trace, std::string& why);

}  // namespace shunt::replicate
