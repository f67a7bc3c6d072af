#include "replicate/config/flow_settings.h"

#include <fmt/format.h>

#include "replicate/config/key_table.h"

namespace shunt::replicate {
namespace {

/// bootstrap.servers and the security keys: MirrorClientConfig.CLIENT_CONFIG_DEF.
bool is_connection_key(std::string_view name) {
  const Key* key = find_key(name, Level::global);
  return key != nullptr && key->levels.has(Level::admin) && !key->name.ends_with('*');
}

bool is_connector_key(std::string_view name) {
  const Key* key = find_key(name, Level::global);
  return key != nullptr && key->connector && !key->name.ends_with('*');
}

template <class Map>
void put_stripped(Settings& into, const Map& from, std::string_view prefix) {
  for (auto it = from.lower_bound(prefix); it != from.end() && it->first.starts_with(prefix); ++it) {
    if (it->first.size() > prefix.size()) {
      if constexpr (std::is_same_v<Map, Properties>) {
        into.insert_or_assign(it->first.substr(prefix.size()), &it->second);
      } else {
        into.insert_or_assign(it->first.substr(prefix.size()), it->second);
      }
    }
  }
}

void hand_down(Settings& settings, const std::string& key, const Entry* entry) {
  for (const char* client : {"producer.", "consumer.", "admin."}) settings.try_emplace(client + key, entry);
}

/// MirrorMakerConfig asks for the bare word: `consumer.poll.timeout.ms` counts as a consumer's.
bool is_client_setting(std::string_view key) {
  return key.starts_with("consumer") || key.starts_with("producer") || key.starts_with("admin");
}

void put_cluster(Settings& into, const Settings& cluster, std::string_view side) {
  for (const auto& [key, entry] : cluster) {
    into.insert_or_assign(fmt::format("{}.{}{}", side, is_client_setting(key) ? "" : "cluster.", key), entry);
  }
}

}  // namespace

Settings cluster_settings(const Properties& properties, std::string_view alias) {
  Settings result;
  put_stripped(result, properties, fmt::format("{}.", alias));
  const Settings own = result;
  for (const auto& [key, entry] : own) {
    if (is_connection_key(key)) hand_down(result, key, entry);
  }
  for (const auto& [key, entry] : properties) {
    if (!is_connection_key(key)) continue;
    hand_down(result, key, &entry);
    result.try_emplace(key, &entry);
  }
  return result;
}

Settings connector_settings(const Properties& properties, std::string_view source, std::string_view target) {
  Settings result;
  for (const auto& [key, entry] : properties) {
    if (is_connector_key(key) || key.starts_with("replication.policy")) result.insert_or_assign(key, &entry);
  }
  put_cluster(result, cluster_settings(properties, source), "source");
  put_cluster(result, cluster_settings(properties, target), "target");
  put_stripped(result, properties, fmt::format("{}->{}.", source, target));
  return result;
}

const char* to_string(ClientRole role) {
  switch (role) {
    case ClientRole::source_consumer:
      return "replication-consumer";
    case ClientRole::source_admin:
      return "replication-source-admin";
    case ClientRole::target_producer:
      return "replication-producer";
    case ClientRole::target_admin:
      return "replication-target-admin";
  }
  return "?";
}

Settings client_settings(const Settings& connector, ClientRole role) {
  const bool is_source = role == ClientRole::source_consumer || role == ClientRole::source_admin;
  const std::string side = is_source ? "source." : "target.";
  const std::string client = role == ClientRole::source_consumer   ? "consumer."
                             : role == ClientRole::target_producer ? "producer."
                                                                   : "admin.";
  Settings result;
  put_stripped(result, connector, side + "cluster.");
  std::erase_if(result, [](const auto& setting) { return !is_connection_key(setting.first); });
  put_stripped(result, connector, client);
  put_stripped(result, connector, side + client);
  // Connect's own producer writes the data, and this is how a connector changes that one (KIP-458).
  if (role == ClientRole::target_producer) put_stripped(result, connector, "producer.override.");
  return result;
}

Settings cluster_client_settings(const Settings& cluster) {
  Settings result;
  put_stripped(result, cluster, "admin.");
  return result;
}

}  // namespace shunt::replicate
