#include "replicate/config/flow_check.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "replicate/config/loops.h"

namespace shunt::replicate {
namespace {

bool is_identity(const FlowConfig& flow) {
  return flow.policy.kind() == ReplicationPolicy::Kind::identity;
}

bool is_topic_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool select_alike(const FlowConfig& a, const FlowConfig& b) {
  return a.topic_filter.topics().items() == b.topic_filter.topics().items() &&
         a.topic_filter.exclude().items() == b.topic_filter.exclude().items();
}

/// A topic that one of the flows names, and that goes all the way round; empty: only expressions could tell.
std::string named_topic_in(const std::vector<const FlowConfig*>& loop, const std::vector<FlowConfig>& flows) {
  for (const FlowConfig* flow : loop) {
    for (const std::string& item : flow->topic_filter.topics().items()) {
      const std::optional<std::string> name = plain_name(item);
      if (name && !loop_of_topic(flows, *flow, *name).empty()) return *name;
    }
  }
  return {};
}

/// Identity names do not say where a topic came from, so MirrorMaker 2 copies each record round and round. Whether any
/// topic goes all the way round cannot be told from expressions; that it does is certain when all flows select alike, or
/// when one names such a topic. Those that are met later are refused then (loop_of_topic).
void check_loops(const std::vector<FlowConfig>& flows, const Location& file, Diagnostics& diagnostics) {
  for (const auto& loop : loops_of_names(flows)) {
    const std::string topic = named_topic_in(loop, flows);
    const bool are_alike =
        std::ranges::all_of(loop, [&loop](const FlowConfig* flow) { return select_alike(*flow, *loop[0]); });
    if (!topic.empty() || are_alike) {
      diagnostics.error(
          file, fmt::format("{} form a loop{}, and with IdentityReplicationPolicy nothing tells a mirrored record "
                            "from a new one: records would go round for ever; disable one flow, use "
                            "DefaultReplicationPolicy, or give the flows topics that do not overlap",
                            names_of(loop), topic.empty() ? "" : " for topic " + topic));
    } else {
      diagnostics.warning(file,
                          fmt::format("{} form a loop with IdentityReplicationPolicy: a topic that all of them select "
                                      "would go round for ever, and is mirrored by none; see that their topics do not "
                                      "overlap",
                                      names_of(loop)));
    }
  }
}

void check_collisions(const std::vector<FlowConfig>& flows, const Location& file, Diagnostics& diagnostics) {
  for (std::size_t i = 0; i < flows.size(); ++i) {
    for (std::size_t j = i + 1; j < flows.size(); ++j) {
      if (flows[i].target != flows[j].target || !is_identity(flows[i]) || !is_identity(flows[j])) continue;
      // Theirs are merged.
      if (flows[i].offsets == OffsetsMode::mapped && flows[j].offsets == OffsetsMode::mapped) continue;
      diagnostics.warning(file,
                          fmt::format("{} and {} write topics of the same name with IdentityReplicationPolicy: a topic "
                                      "that both select has two writers and is mirrored by neither; see that their "
                                      "topics do not overlap",
                                      flows[i].name(), flows[j].name()));
    }
  }
}

/// A sync that removes what its own source has not would remove what the other flow's has.
void check_acls(const std::vector<FlowConfig>& flows, const Location& file, Diagnostics& diagnostics) {
  for (const FlowConfig& flow : flows) {
    if (!flow.acls.removes || !is_identity(flow)) continue;
    const auto other = std::ranges::find_if(flows, [&flow](const FlowConfig& one) {
      return &one != &flow && one.target == flow.target && is_identity(one);
    });
    if (other == flows.end()) continue;
    diagnostics.error(file,
                      fmt::format("shunt.acls.remove = true: {} and {} write to one target under the same names, "
                                  "and each would remove the access rights of the other's topics; set it to false",
                                  flow.name(), other->name()));
    return;
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
  check_acls(flows, file, diagnostics);
  for (const FlowConfig& flow : flows) {
    check_self(flow, file, diagnostics);
    check_names(flow, file, diagnostics);
  }
}

}  // namespace shunt::replicate
