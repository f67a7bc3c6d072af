// From what a user configured to what the parts of the replicator are given. The only place that knows both.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "net/loop.h"
#include "replicate/admin/administration.h"
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

GroupSurveySettings group_survey_settings(const FlowConfig& flow);
/// For ReplicationSettings::loop_of. Both must outlive it; `flow` is one of the configuration's.
std::function<std::string(std::string_view)> loop_finder(const Config& config, const FlowConfig& flow);

AdministrationSettings administration_settings(const FlowConfig& flow);
AdministrationSettings administration_settings(const HeartbeatFlow& flow);

}  // namespace shunt::replicate
