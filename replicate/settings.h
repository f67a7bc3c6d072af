// From what a user configured to what the parts of the replicator are given. The only place that knows both.
#pragma once

#include "net/loop.h"
#include "replicate/config/model.h"
#include "replicate/control/replication.h"
#include "replicate/data/shard.h"

namespace shunt::replicate {

struct ShardSetup {
  int shards = 1;
  net::IoOptions io;
  ShardSettings shard;  // of each
};

/// Flows share the shards, and with them the sizes of socket buffers: the largest counts.
ShardSetup shard_setup(const Config& config);

ReplicationSettings replication_settings(const FlowConfig& flow);

}  // namespace shunt::replicate
