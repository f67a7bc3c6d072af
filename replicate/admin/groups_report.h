// `shunt groups`: where the consumer groups of every flow are on both sides, and what is left to read on the target. Changes
// nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "net/asio.h"
#include "replicate/admin/group_survey.h"
#include "replicate/config/model.h"

namespace shunt::replicate {

struct GroupRow {
  std::string flow;  // "A->B"
  std::string group;
  GroupPartition place;
  std::optional<protocol::Offset> committed;  // on the target; nothing: it has none there
  std::string target_state;                   // of the group, in the broker's word; empty: there is none
  std::string source_state;
  bool is_active_on_target = false;  // it has members there
  bool is_active_on_source = false;

  /// Offsets between where the group is on the target, or would be put, and the end of what is there. Nothing: unknown.
  [[nodiscard]] std::optional<std::int64_t> left() const;
};

struct GroupsReport {
  std::vector<GroupRow> rows;         // by flow, group, topic, partition
  std::vector<std::string> failures;  // what could not be asked
};

/// Throws ClusterError when a cluster cannot be reached.
net::Awaitable<GroupsReport> report_groups(net::asio::any_io_executor executor, const Config& config);

/// The same of one flow.
net::Awaitable<GroupsReport> report_flow_groups(net::asio::any_io_executor executor, const FlowConfig& flow);

}  // namespace shunt::replicate
