// What a mirror of a configuration would do, and what would stand in its way: asked of both clusters, changing nothing on
// either. The same code decides here and in a run: topics (control/topics.h), beginnings (control/beginning.h), settings
// (admin/config_survey.h), access rights (admin/acl_bindings.h), groups (admin/group_round.h). It is a picture of the
// moment: what changes afterwards is decided anew.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "net/asio.h"
#include "protocol/ids.h"
#include "replicate/config/model.h"

namespace shunt::replicate {

/// Something to know before the mirror runs.
struct Finding {
  enum class Weight {
    note,     // it works without
    warning,  // it begins, but hardly as intended
    refused,  // the mirror, or this part of it, would not begin, or would stop at once
  };
  Weight weight = Weight::note;
  std::string about;  // "orders", "permission Write on topic orders", "source"
  std::string text;   // what, and what to do
};
const char* to_string(Finding::Weight weight);

/// How the offsets of a partition would be.
enum class PlannedOffsets { identical, mapped, undecided };
const char* to_string(PlannedOffsets offsets);

struct PlannedPartition {
  std::int32_t partition = 0;
  PlannedOffsets offsets = PlannedOffsets::undecided;
  std::string reason;            // why these offsets, or why none
  bool is_refused = false;       // `reason` says why
  std::int64_t begin = -1;       // of the source: the first offset that would be copied; -1: not known
  std::int64_t source_end = -1;  // for readers; -1: not known
  std::int64_t filled_head = 0;  // offsets before `begin` that would be filled

  [[nodiscard]] std::int64_t to_copy() const { return begin < 0 || source_end < begin ? 0 : source_end - begin; }
};

struct PlannedSetting {
  std::string name;
  std::optional<std::string> value;  // unset: back to the target's default
};

struct PlannedTopic {
  enum class Action { none, create, add_partitions, refuse };
  std::string source;
  std::string target;
  Action action = Action::none;
  std::string reason;  // refuse
  std::int32_t source_partitions = 0;
  std::int32_t target_partitions = 0;    // now
  std::int16_t replication_factor = -1;  // create
  std::vector<PlannedSetting> settings;  // create: those it is given; otherwise: those that would be altered
  std::map<std::string, std::string> settings_not_taken;  // "name=value": why
  std::vector<PlannedPartition> partitions;
  std::vector<Finding> findings;

  [[nodiscard]] bool is_refused() const;
};
const char* to_string(PlannedTopic::Action action);

/// A group of the source on one partition.
struct PlannedGroup {
  std::string group;
  std::string topic;  // of the source
  std::string target_topic;
  std::int32_t partition = 0;
  std::int64_t source_offset = -1;
  std::int64_t target_offset = -1;  // where it would be put, when that has been copied; -1: not known
  bool moves = false;
  std::string reason;  // it does not: why
};

struct FlowPlan {
  std::string flow;                  // "A->B"
  std::vector<PlannedTopic> topics;  // by their names on the source
  std::vector<std::string> granted;  // "ALLOW Read on topic orders for User:alice"
  std::vector<std::string> removed;
  std::vector<PlannedGroup> groups;
  std::vector<std::string> own_topics;  // that it keeps for itself, and would create: "B: mm2-offset-syncs.B.internal"
  std::vector<Finding> findings;        // of the flow as a whole

  [[nodiscard]] bool can_begin() const;
};

struct Plan {
  std::vector<FlowPlan> flows;
  [[nodiscard]] bool can_begin() const;
};

/// Throws nothing of the clusters: one that cannot be asked is a finding.
net::Awaitable<Plan> make_plan(net::asio::any_io_executor executor, const Config& config);

}  // namespace shunt::replicate
