#include "replicate/settings.h"

#include <algorithm>

#include "net/socket.h"

namespace shunt::replicate {

namespace {

// A mirror's sockets carry megabytes at a time from the first moment; the kernel's auto-tuning begins small.
constexpr int preferred_buffer_bytes = 4 * 1024 * 1024;

ClusterSettings cluster_settings_of(const std::string& alias, const ClientConfig& admin, const FlowConfig& flow) {
  ClusterSettings settings;
  settings.alias = alias;
  settings.bootstrap = admin.bootstrap_servers;
  settings.client.client_id = admin.client_id;
  settings.client.connect_timeout = admin.connection_setup_timeout;
  settings.client.handshake_timeout = admin.connection_setup_timeout;
  settings.client.request_timeout = admin.request_timeout;
  settings.client.backoff_min = admin.reconnect_backoff;
  settings.client.backoff_max = admin.reconnect_backoff_max;
  settings.client.security = admin.security;
  settings.client.memory = flow.control_memory;
  return settings;
}

DataSettings data_settings_of(const FlowConfig& flow, const ProcessConfig& process) {
  DataSettings data;
  data.source_link = {.client_id = flow.source_consumer.client_id,
                      .setup_timeout = flow.source_consumer.connection_setup_timeout,
                      .backoff_min = flow.source_consumer.reconnect_backoff,
                      .backoff_max = flow.source_consumer.reconnect_backoff_max,
                      .security = flow.source_consumer.security};
  data.target_link = {.client_id = flow.target_producer.client_id,
                      .setup_timeout = flow.target_producer.connection_setup_timeout,
                      .backoff_min = flow.target_producer.reconnect_backoff,
                      .backoff_max = flow.target_producer.reconnect_backoff_max,
                      .security = flow.target_producer.security};
  data.source.stall_timeout = process.stall_timeout;
  FetchSettings& fetch = data.source.fetch;
  fetch.max_bytes = flow.fetch.max_bytes.value_or(fetch.max_bytes);
  fetch.partition_max_bytes = flow.fetch.max_partition_bytes.value_or(fetch.partition_max_bytes);
  fetch.max_wait_ms = static_cast<std::int32_t>(flow.fetch.max_wait.count());
  fetch.min_bytes = flow.fetch.min_bytes;
  fetch.isolation = flow.isolation;
  data.target.produce.client_id = flow.target_producer.client_id;
  data.target.produce.timeout_ms = static_cast<std::int32_t>(flow.target_producer.request_timeout.count());
  // The broker gives up after the request's own time-out and says so: only its silence counts.
  data.target.request_timeout = flow.target_producer.request_timeout + std::chrono::seconds(10);
  data.target.in_flight_bytes = process.inflight_bytes;
  return data;
}

}  // namespace

ShardSetup shard_setup(const Config& config) {
  ShardSetup setup;
  setup.shards = config.process.shards;
  setup.io.kind = config.process.io;
  setup.shard.buffer_memory = config.process.buffer_memory_bytes / static_cast<std::size_t>(setup.shards);
  for (const FlowConfig& flow : config.flows) {
    setup.shard.data.push_back(data_settings_of(flow, config.process));
    setup.io.receive_buffer_bytes =
        std::max(setup.io.receive_buffer_bytes, flow.source_consumer.receive_buffer_bytes.value_or(0));
    setup.io.send_buffer_bytes =
        std::max(setup.io.send_buffer_bytes, flow.target_producer.send_buffer_bytes.value_or(0));
  }
  const auto use_preferred = [](int& bytes, int option) {
    if (bytes == 0) bytes = net::buffer_bytes_if_granted(option, preferred_buffer_bytes);
  };
  use_preferred(setup.io.receive_buffer_bytes, SO_RCVBUF);
  use_preferred(setup.io.send_buffer_bytes, SO_SNDBUF);
  return setup;
}

ReplicationSettings replication_settings(const FlowConfig& flow) {
  ReplicationSettings settings;
  settings.name = flow.name();
  settings.source = cluster_settings_of(flow.source, flow.source_admin, flow);
  settings.target = cluster_settings_of(flow.target, flow.target_admin, flow);
  settings.topics.replication_factor = flow.replication_factor;
  settings.topics.copy_configs = flow.sync_topic_configs;
  settings.topics.config_exclude.clear();
  if (const std::string exclude = flow.config_properties_exclude.re2(); !exclude.empty()) {
    settings.topics.config_exclude.push_back(exclude);
  }
  settings.includes = [flow](std::string_view topic) { return flow.mirrors(topic); };
  settings.target_topic = [flow](std::string_view topic) { return flow.target_topic(topic); };
  settings.detours.isolation = flow.isolation;
  settings.offsets = flow.offsets;
  settings.offset_syncs_on_target = flow.offset_syncs_on_target;
  settings.offset_syncs.topic = flow.policy.offset_syncs_topic(flow.offset_syncs_on_target ? flow.source : flow.target);
  settings.offset_syncs.replication_factor = flow.offset_syncs_replication_factor;
  settings.offset_syncs.produce_timeout_ms = static_cast<std::int32_t>(flow.target_producer.request_timeout.count());
  settings.open_transaction_patience = flow.open_transaction_warn;
  settings.policies = flow.policies;
  settings.most_padding = flow.offsets_padding_max;
  settings.detours.produce_timeout_ms = static_cast<std::int32_t>(flow.target_producer.request_timeout.count());
  settings.start_at_latest = flow.auto_offset_reset == OffsetReset::latest;
  if (flow.refresh_topics) {
    settings.refresh_interval =
        std::min<net::Duration>(flow.refresh_topics_interval, flow.source_admin.metadata_max_age);
  } else {
    settings.refresh_interval = std::nullopt;
  }
  settings.recovery.first_delay = flow.target_producer.reconnect_backoff;
  settings.recovery.longest_delay = flow.target_producer.reconnect_backoff_max;
  return settings;
}

}  // namespace shunt::replicate
