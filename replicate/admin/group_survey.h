// Where the consumer groups of a flow's source stand, and where that is on the target: read anew each time, changing
// nothing.
//
// A group's offset on a partition with identical offsets is the same on the target. Where offsets are mapped it is where the
// next record is, or will be at the earliest. Both lie between where the target's log begins and what was copied: the
// target is asked how far its logs go before maps are read, so that an offset is never beyond what either says.
//
// Where two flows write one partition of the target, and both of their sources have the group, its offset there is the
// smaller one of both places: at the larger one it would miss records of the other flow. That takes the other source's answer.
// A map is stored before the first record is written, and at most one of two writers needs none: a flow that has none where
// it must have one has not written there.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
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

struct GroupSurveySettings;

/// Another flow into the same target, whose groups of the same name may have offsets on the same partitions there.
struct NeighbourSettings {
  std::string flow;  // "C->B"
  ClusterSettings source;
  std::shared_ptr<const GroupSurveySettings> survey;
  std::function<bool(std::string_view target_topic)> may_write;
};

struct GroupSurveySettings {
  std::function<bool(std::string_view group)> selects;
  std::function<bool(std::string_view source_topic)> mirrors;
  std::function<std::string(std::string_view source_topic)> target_topic;
  OffsetsMode offsets = OffsetsMode::identical;
  bool may_map = false;  // some partitions may have mapped offsets
  std::string offset_syncs_topic;
  bool offset_syncs_on_target = false;
  std::uint16_t tag = 0;  // of the flow (identity.h)
  std::vector<NeighbourSettings> neighbours;
};

/// How a group's offset fits what the target has.
enum class Fit {
  exact,
  before_start,  // the target's log begins behind it: the group is put there
  not_copied,    // the mirror has not come so far: the group is put where it will go on
  past_end,      // behind the end of the source's own log, too
  shared,        // another flow into this partition has the group at a smaller offset: it is put there
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
  std::string reason;               // why it is unknown, or shared
  bool is_mapped = false;           // there is a map of its offsets
  bool is_shared = false;           // another flow has the group there, too
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
  /// Ends the connections that are its own; what is under way fails.
  void close();

 private:
  struct Neighbour {
    Neighbour(Cluster& survey_target, const net::asio::any_io_executor& executor, const NeighbourSettings& wanted);
    const NeighbourSettings settings;
    Cluster source;
    std::unique_ptr<GroupSurvey> survey;
    std::optional<GroupsSurvey> last;
  };

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
  net::Awaitable<> share_with(Neighbour& neighbour, GroupsSurvey& survey);

  Cluster& source_;
  Cluster& target_;
  const GroupSurveySettings settings_;
  const AskPlaces ask_;
  Coordinators coordinators_;  // of the source
  std::optional<OffsetMapTail> maps_;
  std::vector<std::unique_ptr<Neighbour>> neighbours_;
};

}  // namespace shunt::replicate
