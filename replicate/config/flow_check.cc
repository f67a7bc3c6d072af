#include "replicate/config/flow_check.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace shunt::replicate {
namespace {

bool is_identity(const FlowConfig& flow) {
  return flow.policy.kind() == ReplicationPolicy::Kind::identity;
}

bool is_topic_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

/// Flows that lead from where `path` ends back to where it begins, each set of flows once: the first of a loop is its
/// smallest index.
class Loops {
 public:
  explicit Loops(const std::vector<FlowConfig>& flows) : flows_(flows) {}

  /// The shortest loop through each identity flow.
  std::vector<std::vector<const FlowConfig*>> find() {
    std::vector<std::vector<const FlowConfig*>> result;
    std::set<std::set<const FlowConfig*>> seen;
    for (const FlowConfig& flow : flows_) {
      if (!is_identity(flow)) continue;
      std::vector<const FlowConfig*> loop = shortest_back(flow);
      if (!loop.empty() && seen.emplace(loop.begin(), loop.end()).second) result.push_back(std::move(loop));
    }
    return result;
  }

 private:
  [[nodiscard]] std::vector<const FlowConfig*> shortest_back(const FlowConfig& first) const {
    std::vector<std::vector<const FlowConfig*>> paths{{&first}};
    std::set<std::string> reached{first.target};
    for (std::size_t i = 0; i < paths.size(); ++i) {
      std::vector<const FlowConfig*> path = paths[i];
      if (path.back()->target == first.source) return path;
      for (const FlowConfig& flow : flows_) {
        if (flow.source != path.back()->target || !reached.insert(flow.target).second) continue;
        paths.push_back(path);
        paths.back().push_back(&flow);
      }
    }
    return {};
  }

  const std::vector<FlowConfig>& flows_;
};

bool select_alike(const FlowConfig& a, const FlowConfig& b) {
  return a.topic_filter.topics().items() == b.topic_filter.topics().items() &&
         a.topic_filter.exclude().items() == b.topic_filter.exclude().items();
}

/// Identity names do not say where a topic came from, so MirrorMaker 2 copies each record round and round. Whether any
/// topic goes all the way round cannot be told from expressions; that it does is certain when all flows select alike.
void check_loops(const std::vector<FlowConfig>& flows, const Location& file, Diagnostics& diagnostics) {
  for (const auto& loop : Loops(flows).find()) {
    std::vector<std::string> names;
    names.reserve(loop.size());
    for (const FlowConfig* flow : loop) names.push_back(flow->name());
    const bool certain =
        std::ranges::all_of(loop, [&loop](const FlowConfig* flow) { return select_alike(*flow, *loop[0]); });
    if (certain) {
      diagnostics.error(
          file, fmt::format("{} form a loop, and with IdentityReplicationPolicy nothing tells a mirrored record "
                            "from a new one: records would go round for ever; disable one flow, use "
                            "DefaultReplicationPolicy, or give the flows topics that do not overlap",
                            fmt::join(names, " and ")));
    } else {
      diagnostics.warning(file,
                          fmt::format("{} form a loop with IdentityReplicationPolicy: a topic that all of them select "
                                      "goes round for ever; see that their topics do not overlap",
                                      fmt::join(names, " and ")));
    }
  }
}

void check_collisions(const std::vector<FlowConfig>& flows, const Location& file, Diagnostics& diagnostics) {
  for (std::size_t i = 0; i < flows.size(); ++i) {
    for (std::size_t j = i + 1; j < flows.size(); ++j) {
      if (flows[i].target != flows[j].target || !is_identity(flows[i]) || !is_identity(flows[j])) continue;
      diagnostics.warning(file,
                          fmt::format("{} and {} write topics of the same name with IdentityReplicationPolicy: a topic "
                                      "that both select has two writers and is mirrored by neither; see that their "
                                      "topics do not overlap",
                                      flows[i].name(), flows[j].name()));
    }
  }
}

void check_self(const FlowConfig& flow, const Location& file, Diagnostics& diagnostics) {
  if (!is_identity(flow)) return;
  for (const net::HostPort& address : flow.source_admin.bootstrap_servers) {
    if (std::ranges::find(flow.target_admin.bootstrap_servers, address) == flow.target_admin.bootstrap_servers.end())
      continue;
    diagnostics.error(
        file, fmt::format("{}: {} and {} have the address {}:{} in common, and with IdentityReplicationPolicy a "
                          "cluster cannot be mirrored onto itself",
                          flow.name(), flow.source, flow.target, address.host, address.port));
    return;
  }
}

void check_names(const FlowConfig& flow, const Location& file, Diagnostics& diagnostics) {
  if (is_identity(flow)) return;
  const std::string prefix = flow.source + flow.policy.separator();
  if (!std::ranges::all_of(prefix, is_topic_char)) {
    diagnostics.error(file,
                      fmt::format("{}: topics on the target would begin with \"{}\", and Kafka allows only letters, "
                                  "digits, dot, underscore and minus; change the alias {} or "
                                  "replication.policy.separator",
                                  flow.name(), prefix, flow.source));
  } else if (flow.policy.separator().empty()) {
    diagnostics.warning(
        file, fmt::format("{}: replication.policy.separator is empty: what came from where cannot be told from "
                          "names; to keep topic names use IdentityReplicationPolicy",
                          flow.name()));
  }
}

}  // namespace

void check_flows(const std::vector<FlowConfig>& flows, const Location& file, Diagnostics& diagnostics) {
  check_loops(flows, file, diagnostics);
  check_collisions(flows, file, diagnostics);
  for (const FlowConfig& flow : flows) {
    check_self(flow, file, diagnostics);
    check_names(flow, file, diagnostics);
  }
}

}  // namespace shunt::replicate
