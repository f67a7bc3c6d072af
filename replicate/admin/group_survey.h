// Where the consumer groups of a flow's source stand, and where that is on the target: read anew each time, changing
// nothing.
//
// A group's offset on a partition with identical offsets is the same on the target. Where offsets are mapped it is where the
// next record is, or will be at the earliest. Both lie between where the target's log begins and what was copied: the
// target is asked how far its logs go before maps are read, so that an offset is never beyond what either says.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "replicate/admin/mirrored.h"
#include "replicate/admin/offset_map_tail.h"
#include "replicate/control/cluster.h"
#include "replicate/control/groups.h"
#include "replicate/control/leaders.h"
#include "replicate/offsets_mode.h"

namespace shunt::replicate {

struct GroupSurveySettings {
  std::function<bool(std::string_view group)> selects;
  std::function<bool(std::string_view source_topic)> mirrors;
  std::function<std::string(std::string_view source_topic)> target_topic;
  OffsetsMode offsets = OffsetsMode::identical;
  bool may_map = false;  // some partitions may have mapped offsets
  std::string offset_syncs_topic;
  bool offset_syncs_on_target = false;
  std::uint16_t tag = 0;  // of the flow (identity.h)
};

/// How a group's offset fits what the target has.
enum class Fit {
  exact,
  before_start,  // the target's log begins behind it: the group is put there
  not_copied,    // the mirror has not come so far: the group is put where it will go on
  past_end,      // behind the end of the source's own log, too
  unknown,       // nothing is mirrored yet, or it could not be asked
};

struct GroupPartition {
  TopicPartition source;
  TopicPartition target;
  protocol::Offset source_offset;  // committed
  std::string metadata;
  protocol::Offset target_offset{-1};  // where that is; -1: unknown
  Fit fit = Fit::unknown;
  protocol::Offset target_end{-1};  // for readers; -1: unknown
  std::string reason;               // why it is unknown
};

struct SurveyedGroup {
  std::string id;
  bool is_share = false;                   // KIP-932: offsets say where it begins
  std::vector<GroupPartition> partitions;  // by source topic and partition; never empty
};

struct GroupsSurvey {
  std::vector<SurveyedGroup> groups;  // by id; those with offsets on mirrored topics
  std::vector<std::string> failures;  // of what could not be asked; other groups are as they should be
};

class GroupSurvey {
 public:
  /// Clusters must outlive it.
  /// `ask`: what the running mirror answers for; empty: whoever asks has none, and takes all that is there for mirrored.
  GroupSurvey(Cluster& source, Cluster& target, GroupSurveySettings settings, AskPlaces ask = {});

  /// Throws ClusterError, LogError, net::BrokerError when it cannot be made at all.
  net::Awaitable<GroupsSurvey> make();

 private:
  struct Extent {
    std::optional<protocol::Offset> start;
    std::optional<protocol::Offset> end;
    std::string reason;
  };

  net::Awaitable<> collect(GroupsSurvey& survey);
  void accept(const GroupAnswers<CommittedOffsets>& answers, bool is_share, GroupsSurvey& survey) const;
  net::Awaitable<> translate_all(GroupsSurvey& survey);
  void translate(GroupPartition& partition, const Extent& extent) const;
  net::Awaitable<> judge_ends(GroupsSurvey& survey);

  Cluster& source_;
  Cluster& target_;
  const GroupSurveySettings settings_;
  const AskPlaces ask_;
  Coordinators coordinators_;  // of the source
  std::optional<OffsetMapTail> maps_;
};

}  // namespace shunt::replicate
