#include "replicate/config/model.h"

namespace shunt::replicate {

namespace {

constexpr std::size_t longest_name = 128;  // on the target, with the conservative policy

}  // namespace

bool FlowConfig::mirrors(std::string_view topic) const {
  const bool selected = topic_filter.selects(topic) || (heartbeats_replication && policy.is_heartbeats_topic(topic));
  return selected && !policy.is_internal_topic(topic) && !policy.is_cycle(topic, target);
}

std::string FlowConfig::target_topic(std::string_view source_topic) const {
  if (const auto mapped = topic_mapping.find(source_topic); mapped != topic_mapping.end()) return mapped->second;
  if (metadata_policy == MetadataPolicy::conservative) source_topic = source_topic.substr(0, longest_name);
  return policy.format_remote_topic(source, source_topic);
}

std::optional<std::string> FlowConfig::source_topic(std::string_view target_topic) const {
  const auto is_it = [&](const std::string& topic) {
    return mirrors(topic) && this->target_topic(topic) == target_topic;
  };
  for (const auto& [topic, name] : topic_mapping) {
    if (is_it(topic)) return topic;
  }
  std::optional<std::string> upstream = policy.upstream_topic(target_topic);
  return upstream && is_it(*upstream) ? upstream : std::nullopt;
}

std::vector<const ClientConfig*> Config::clients() const {
  std::vector<const ClientConfig*> clients;
  for (const FlowConfig& flow : flows) {
    clients.insert(clients.end(),
                   {&flow.source_consumer, &flow.source_admin, &flow.target_producer, &flow.target_admin});
  }
  for (const HeartbeatFlow& flow : heartbeat_flows) clients.push_back(&flow.target_admin);
  return clients;
}

}  // namespace shunt::replicate
