#include "replicate/config/loops.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace shunt::replicate {
namespace {

using Path = std::vector<const FlowConfig*>;

/// Of what `path` has brought `next` takes nothing back: it is the opposite of the last flow, or is told by headers.
bool is_left_out(const Path& path, const FlowConfig& next) {
  if (next.offsets != OffsetsMode::mapped || next.loop_prevention != LoopPrevention::leave_out) return false;
  const FlowConfig& last = *path.back();
  if (next.source == last.target && next.target == last.source) return true;
  return next.adds_source_header && std::ranges::any_of(path, [&next](const FlowConfig* flow) {
           return flow->adds_source_header && flow->source == next.target;
         });
}

Path shortest_back(const std::vector<FlowConfig>& flows, const FlowConfig& first) {
  std::vector<Path> paths{{&first}};
  std::set<std::string> reached{first.target};
  for (std::size_t i = 0; i < paths.size(); ++i) {
    Path path = paths[i];
    if (path.back()->target == first.source) return path;
    for (const FlowConfig& flow : flows) {
      if (flow.source != path.back()->target || is_left_out(path, flow)) continue;
      if (!reached.insert(flow.target).second) continue;
      paths.push_back(path);
      paths.back().push_back(&flow);
    }
  }
  return {};
}

}  // namespace

std::vector<Path> loops_of_names(const std::vector<FlowConfig>& flows) {
  std::vector<Path> result;
  std::set<std::set<const FlowConfig*>> seen;
  for (const FlowConfig& flow : flows) {
    if (flow.policy.kind() != ReplicationPolicy::Kind::identity) continue;
    Path loop = shortest_back(flows, flow);
    if (!loop.empty() && seen.emplace(loop.begin(), loop.end()).second) result.push_back(std::move(loop));
  }
  return result;
}

Path loop_of_topic(const std::vector<FlowConfig>& flows, const FlowConfig& first, std::string_view topic) {
  if (!first.mirrors(topic)) return {};
  struct Stage {
    Path path;
    std::string name;  // on the cluster that the path has led to
  };
  std::vector<Stage> stages{{{&first}, first.target_topic(topic)}};
  std::set<std::pair<std::string, std::string>> reached;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const Stage stage = stages[i];
    const std::string& cluster = stage.path.back()->target;
    if (cluster == first.source && first.mirrors(stage.name)) return stage.path;
    // Names may grow with every round of others, but no shortest loop takes a flow twice.
    if (stage.path.size() == flows.size() || !reached.emplace(cluster, stage.name).second) continue;
    for (const FlowConfig& flow : flows) {
      if (flow.source != cluster || !flow.mirrors(stage.name) || is_left_out(stage.path, flow)) continue;
      stages.push_back({stage.path, flow.target_topic(stage.name)});
      stages.back().path.push_back(&flow);
    }
  }
  return {};
}

std::string names_of(const Path& flows) {
  std::vector<std::string> names;
  names.reserve(flows.size());
  for (const FlowConfig* flow : flows) names.push_back(flow->name());
  return fmt::format("{}", fmt::join(names, " and "));
}

}  // namespace shunt::replicate
