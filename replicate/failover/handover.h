// What would be lost if a flow's clients moved over to its target now: of every partition what the target has not got, of
// every group what is not where it belongs. Asked of both clusters, or of the target alone where the source is gone;
// nothing is changed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "net/asio.h"
#include "protocol/ids.h"
#include "replicate/config/model.h"
#include "replicate/failover_mark.h"

namespace shunt::replicate {

struct HandoverPartition {
  std::string topic;           // of the source
  std::string target_topic;    // which consumers read on the target
  std::string producer_topic;  // and which producers write to there; empty: none does
  std::string origin;          // which a mirror has brought it to the source from; empty: none has, as far as is known
  std::int32_t partition = 0;
  std::int64_t source_end = -1;   // its high watermark; -1: not known
  std::int64_t stable_end = -1;   // what a mirror can see: up to the first open transaction; -1: not known
  std::int64_t target_end = -1;   // the log's true end; -1: there is none
  std::int64_t copied_to = -1;    // of the source: the target has everything below; -1: nothing, or not known
  std::int64_t moved_to = -1;     // the source's end a little later; -1: not known
  std::optional<bool> is_mapped;  // its offsets; not known where the map is on a source that is gone
  std::string failure;            // as the mirror says it, or why something is not known

  /// Offsets that the source has and the target has not.
  [[nodiscard]] std::int64_t left() const;
  /// What would be lost, for people; empty: nothing.
  [[nodiscard]] std::string problem() const;
};

/// What a partition was given between the look at it and the mark, or a moment later, while mirrors still ran.
struct HandoverGrowth {
  std::string topic;  // of the source
  std::string target_topic;
  std::int32_t partition = 0;
  std::int64_t source_begin = -1;  // of the source: offsets in [begin, end); -1: not known
  std::int64_t source_end = -1;
  std::int64_t target_begin = -1;  // the same of the target, whoever has written there
  std::int64_t target_end = -1;
  std::int64_t copied_to = -1;  // as HandoverPartition

  /// The first of those offsets of the source that the target has not got; source_end: there is none.
  [[nodiscard]] std::int64_t missing_from() const;
  [[nodiscard]] std::int64_t missing() const { return source_end - missing_from(); }
  [[nodiscard]] bool is_any() const { return source_end > source_begin || target_end > target_begin; }
  /// For people: "A was given offsets 100 to 104 (5 of them), of which B has not got offset 104; ...".
  [[nodiscard]] std::string text(const std::string& source, const std::string& target) const;
};

struct HandoverGroup {
  std::string group;
  std::string topic;  // of the source
  std::string target_topic;
  std::int32_t partition = 0;
  std::int64_t source_offset = -1;  // -1: not known
  std::int64_t target_offset = -1;  // committed there; -1: nothing is
  std::int64_t as_of_ms = -1;       // the source is gone: when the target's was last said to be right; -1: not known
  std::string source_state;         // "Empty", "Stable", ...; empty: not known
  std::string problem;              // it does not go on at exactly the next record: why
};

struct Handover {
  std::string flow;  // "A->B"
  bool is_source_there = true;
  std::vector<HandoverPartition> partitions;  // by topic and partition
  std::vector<HandoverGroup> groups;
  std::vector<std::string> problems;    // of the flow as a whole
  std::set<std::string> upstream;       // clusters that the source is a target of, as topics show
  std::int64_t last_heartbeat_ms = -1;  // the source is gone: of this flow, as the target has it; -1: there is none
  std::int64_t last_checkpoint_ms = -1;

  [[nodiscard]] bool is_clean() const;
  /// Where the target's logs end, as a FailoverMark has it.
  [[nodiscard]] std::map<std::string, std::vector<protocol::Offset>> ends() const;
};

/// A key of the configuration that is in the way, and what to do; empty: clients can move with this flow.
std::string objection_to_handover(const FlowConfig& flow);
/// Why a flow that has failed over cannot be mirrored back under the same names and offsets, as its configuration tells, or
/// as its partitions do; empty: it can.
std::string objection_to_failback(const FlowConfig& flow);
std::string objection_to_failback(const std::vector<HandoverPartition>& partitions, const std::string& target);

/// Under MirrorMaker 2's default names tells topics that a mirror has brought to the source ("C.orders" of A) from its own,
/// whose names may have dots, too: by the aliases of `clusters` that are known.
void name_origins(const FlowConfig& flow, const std::set<std::string>& clusters,
                  std::vector<HandoverPartition>& partitions);

/// What the final sync, or the plan of one, has told of a partition.
struct PartitionSaid {
  std::string failure;
  std::int64_t mapped_begin = -1;  // of the source: where it would go on, its offsets mapped; -1: nothing was said
};
using SaidOfPartitions = std::map<std::pair<std::string, std::int32_t>, PartitionSaid>;  // by source partition

/// The source's partitions with their names on the target, and whether their offsets are mapped; nothing else of them.
/// Throws ClusterError, net::BrokerError or LogError.
net::Awaitable<std::vector<HandoverPartition>> name_partitions(net::asio::any_io_executor executor,
                                                               const FlowConfig& flow);

/// Throws ClusterError, net::BrokerError or LogError where the target, or where the maps of offsets are, cannot be asked;
/// what the source does not answer is a problem.
net::Awaitable<Handover> look_at_handover(net::asio::any_io_executor executor, const FlowConfig& flow,
                                          SaidOfPartitions said);
/// The same from the target alone.
net::Awaitable<Handover> look_at_target_alone(net::asio::any_io_executor executor, const FlowConfig& flow,
                                              std::string why);

/// Of what was `seen`, a moment after its mark was written: what came since, once the target's logs stand still, or have not
/// for a while. A partition that is new counts as one that had nothing. As look_at_handover().
net::Awaitable<std::vector<HandoverGrowth>> look_at_growth(net::asio::any_io_executor executor, const FlowConfig& flow,
                                                           Handover seen);

/// Why the flow's source cannot be asked at all; empty: it can.
net::Awaitable<std::string> source_trouble(net::asio::any_io_executor executor, const FlowConfig& flow);

/// On the flow's target. As FailoverMarks.
net::Awaitable<std::optional<FailoverMark>> read_failover_mark(net::asio::any_io_executor executor,
                                                               const FlowConfig& flow);
net::Awaitable<> write_failover_mark(net::asio::any_io_executor executor, const FlowConfig& flow, FailoverMark mark);
net::Awaitable<> remove_failover_mark(net::asio::any_io_executor executor, const FlowConfig& flow, FailoverMark mark);

/// Makes a flow one that mirrors back records and groups, and nothing else: with identical offsets, whole, and never behind
/// what others have written. The old source keeps its settings and access rights.
void fit_for_failback(FlowConfig& back);

/// Of a flow that fails back, where `seen` says that a partition has failed: what its target, the old source, has beyond
/// what was copied from it when the mark was written, and what to do. Empty: nothing.
net::Awaitable<std::vector<std::string>> never_copied(net::asio::any_io_executor executor, const FlowConfig& back,
                                                      FailoverMark mark, const Handover& seen);

/// What the flow's target topics were given since the mark was written, a line each.
net::Awaitable<std::vector<std::string>> written_since(net::asio::any_io_executor executor, const FlowConfig& flow,
                                                       FailoverMark mark);

}  // namespace shunt::replicate
