// Whether the user may do what a whole flow needs on both of its clusters, records and admin path alike: what
// control/rights_check.h is to ask for, from a flow as it is configured.
#pragma once

#include <vector>

#include "net/asio.h"
#include "replicate/config/model.h"
#include "replicate/control/check.h"
#include "replicate/control/cluster.h"
#include "replicate/control/replication.h"

namespace shunt::replicate {

/// Steps as rights_check.h has them.
struct FlowRights {
  std::vector<CheckStep> of_source;
  std::vector<CheckStep> of_target;
};

/// `topics`: those that the flow selects, as both clusters were last seen. Throws ClusterError.
net::Awaitable<FlowRights> check_flow_rights(Cluster& source, Cluster& target, std::vector<TopicPair> topics,
                                             const FlowConfig& flow, const ReplicationSettings& settings);

}  // namespace shunt::replicate
