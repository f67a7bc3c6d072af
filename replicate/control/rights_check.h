// Whether the user may do what a flow needs done, by asking alone: brokers say which operations they would allow on a
// topic and on the cluster (KIP-430), and requests about a partition that cannot exist are refused in one way or the
// other. Nothing is written, created or remembered.
//
// What a flow asks of brokers, and what they ask for it (StandardAuthorizer; README has the table):
//
//   source topics            Fetch, OffsetForLeaderEpoch, ListOffsets, DescribeProducers        Read
//                            DescribeConfigs, for topics that are created on the target         DescribeConfigs
//   target topics            Produce                                                            Write
//                            Fetch, DescribeProducers, OffsetForLeaderEpoch                     Read
//                            CreateTopics; CreatePartitions                                     Create; Alter
//                            DescribeConfigs; DeleteRecords, DeleteTopics                       DescribeConfigs; Delete
//   target, for holes        InitProducerId, AddPartitionsToTxn, EndTxn                         Write on the transactional id
//                            WriteTxnMarkers                                                    Alter on the cluster
//   both, settings          DescribeConfigs, IncrementalAlterConfigs (target)                  DescribeConfigs, AlterConfigs
//   both, access rights     DescribeAcls, CreateAcls and DeleteAcls (target)                   Describe, Alter on the cluster
//   offset syncs topic       Fetch, DescribeProducers, Produce, CreateTopics                    Read, Write, Create
//   groups of the source     ListGroups, OffsetFetch                                            Describe
//   groups of the target     OffsetCommit, OffsetFetch, FindCoordinator                         Read
//   checkpoints topic        Fetch, Produce, CreateTopics                                       Read, Write, Create
//   failovers topic          Fetch (and with shunt failover Produce, CreateTopics)              Read (Write, Create)
#pragma once

#include <string>
#include <vector>

#include "net/asio.h"
#include "replicate/control/check.h"
#include "replicate/control/cluster.h"
#include "replicate/control/replication.h"

namespace shunt::replicate {

/// What the admin path is to do.
struct AdminWork {
  bool topic_configs = false;  // settings follow the source's
  bool acls = false;           // access rights do
  bool reads_groups = false;
  bool writes_groups = false;
  std::vector<std::string> named_groups;  // that the configuration names, and not only matches
  std::vector<std::string> groups;        // those, and what is seen on the source
  std::string checkpoints_topic;          // empty: none is written
  bool writes_offset_syncs = false;       // where no offsets are mapped
};

/// One step for each right that is missing, or one that says that none is. Their `what` does not name flow and cluster.
/// `topics`: source topics that are mirrored. `unseen`: those that the configuration names and no broker lists. `creates`:
/// some of them have no target topic yet.
/// What cannot be asked is a step, too.
net::Awaitable<std::vector<CheckStep>> check_source_rights(Cluster& source, const ReplicationSettings& settings,
                                                           const AdminWork& work, std::vector<std::string> topics,
                                                           std::vector<std::string> unseen, bool creates);
/// `topics`: the target topics that are written. `growing`: those that are given more partitions.
net::Awaitable<std::vector<CheckStep>> check_target_rights(Cluster& target, const ReplicationSettings& settings,
                                                           const AdminWork& work, std::vector<std::string> topics,
                                                           std::vector<std::string> growing);

}  // namespace shunt::replicate
