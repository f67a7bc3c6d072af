#include "replicate/settings.h"

#include <algorithm>

#include "net/socket.h"
#include "replicate/config/loops.h"
#include "replicate/identity.h"
#include "replicate/principal.h"

namespace shunt::replicate {

namespace {

// A mirror's sockets carry megabytes at a time from the first moment; the kernel's auto-tuning begins small.
constexpr int preferred_buffer_bytes = 4 * 1024 * 1024;

ClusterSettings cluster_settings_of(const std::string& alias, const ClientConfig& admin,
                                    const std::shared_ptr<net::MemoryBudget>& memory) {
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
  settings.client.memory = memory;
  return settings;
}

std::int32_t timeout_ms_of(const ClientConfig& client) {
  return static_cast<std::int32_t>(client.request_timeout.count());
}

ConnectOffsetsSettings connect_offsets_settings(const FlowConfig& flow) {
  return {.topic = flow.connect_offsets, .connector = flow.connector, .source = flow.source};
}

HeartbeatsSettings heartbeats_settings(const std::string& source, const std::string& target,
                                       const HeartbeatConfig& heartbeats, const ClientConfig& client) {
  return {.source = source,
          .target = target,
          .interval = heartbeats.interval,
          .replication_factor = heartbeats.replication_factor,
          .produce_timeout_ms = timeout_ms_of(client)};
}

GroupSyncSettings group_sync_settings(const FlowConfig& flow) {
  GroupSyncSettings settings;
  settings.flow = flow.name();
  settings.source = flow.source;
  settings.user = own_principal(flow.target_admin.security).value_or("this user");
  settings.interval = flow.groups.interval();
  settings.writes_groups = flow.groups.writes_groups;
  settings.may_rewind = flow.groups.may_rewind;
  if (flow.groups.writes_checkpoints) settings.checkpoints.topic = flow.policy.checkpoints_topic(flow.source);
  settings.checkpoints.replication_factor = flow.groups.checkpoints_replication_factor;
  settings.checkpoints.produce_timeout_ms = timeout_ms_of(flow.target_admin);
  settings.survey = group_survey_settings(flow);
  return settings;
}

PlainSyncsSettings plain_syncs_settings(const FlowConfig& flow) {
  const GroupSurveySettings survey = group_survey_settings(flow);
  return {.topic = survey.offset_syncs_topic,
          .is_on_target = survey.offset_syncs_on_target,
          .replication_factor = flow.offset_syncs_replication_factor,
          .produce_timeout_ms = timeout_ms_of(flow.offset_syncs_on_target ? flow.target_admin : flow.source_admin),
          .interval = flow.groups.interval()};
}

std::vector<std::string> excluded_configs(const FlowConfig& flow) {
  const std::string expression = flow.config_properties_exclude.re2();
  return expression.empty() ? std::vector<std::string>() : std::vector<std::string>{expression};
}

AclSyncSettings acl_sync_settings(const FlowConfig& flow) {
  AclSyncSettings settings;
  settings.flow = flow.name();
  settings.interval = flow.acls.interval;
  settings.rules.removes = flow.acls.removes;
  if (flow.policy.kind() == ReplicationPolicy::Kind::default_policy) {
    settings.rules.prefix = flow.source + flow.policy.separator();
  }
  settings.rules.prefixed = flow.acls.prefixed;
  settings.rules.groups = flow.acls.groups;
  settings.rules.selects_group = [groups = flow.groups](std::string_view group) { return groups.selects(group); };
  settings.rules.kept_principals.insert(flow.acls.keep_principals.begin(), flow.acls.keep_principals.end());
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
  data.target.produce.timeout_ms = timeout_ms_of(flow.target_producer);
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
  settings.source = cluster_settings_of(flow.source, flow.source_admin, flow.control_memory);
  settings.target = cluster_settings_of(flow.target, flow.target_admin, flow.control_memory);
  settings.topics.replication_factor = flow.replication_factor;
  settings.topics.copy_configs = flow.sync_topic_configs;
  settings.topics.policy = flow.metadata_policy;
  settings.topics.config_exclude = excluded_configs(flow);
  settings.includes = [flow](std::string_view topic) { return flow.mirrors(topic); };
  settings.target_topic = [flow](std::string_view topic) { return flow.target_topic(topic); };
  settings.detours.isolation = flow.isolation;
  settings.offsets = flow.offsets;
  settings.loop_prevention = flow.loop_prevention;
  settings.adds_source_header = flow.adds_source_header;
  settings.offset_syncs_on_target = flow.offset_syncs_on_target;
  settings.offset_syncs.topic = flow.policy.offset_syncs_topic(flow.offset_syncs_on_target ? flow.source : flow.target);
  settings.offset_syncs.replication_factor = flow.offset_syncs_replication_factor;
  settings.offset_syncs.produce_timeout_ms = timeout_ms_of(flow.target_producer);
  settings.connect_offsets = connect_offsets_settings(flow);
  settings.failover_marks = {.topic = flow.policy.failovers_topic(flow.source),
                             .flow = flow.name(),
                             .replication_factor = flow.groups.checkpoints_replication_factor,
                             .produce_timeout_ms = timeout_ms_of(flow.target_admin)};
  settings.open_transaction_patience = flow.open_transaction_warn;
  settings.policies = flow.policies;
  settings.most_padding = flow.offsets_padding_max;
  settings.detours.produce_timeout_ms = timeout_ms_of(flow.target_producer);
  settings.start = flow.start;
  settings.detours.may_begin_inside = flow.start.is_later();
  settings.copies_records = flow.scope != SyncScope::metadata;
  settings.topic_mapping.insert(flow.topic_mapping.begin(), flow.topic_mapping.end());
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

GroupSurveySettings group_survey_settings(const FlowConfig& flow) {
  const ReplicationSettings replication = replication_settings(flow);
  GroupSurveySettings settings;
  settings.selects = [groups = flow.groups](std::string_view group) { return groups.selects(group); };
  settings.mirrors = replication.includes;
  settings.target_topic = replication.target_topic;
  settings.offsets = flow.offsets;
  settings.may_map = replication.may_map();
  settings.offset_syncs_topic = replication.offset_syncs.topic;
  settings.offset_syncs_on_target = flow.offset_syncs_on_target;
  settings.tag = flow_tag(flow.source, flow.target);
  for (const std::shared_ptr<const FlowConfig>& neighbour : flow.neighbours) {
    if (!neighbour->groups.writes_groups && !neighbour->groups.writes_checkpoints) continue;
    settings.neighbours.push_back(
        {.flow = neighbour->name(),
         .source = cluster_settings_of(neighbour->source, neighbour->source_admin, neighbour->control_memory),
         .survey = std::make_shared<const GroupSurveySettings>(group_survey_settings(*neighbour)),
         .may_write = [neighbour](std::string_view topic) { return neighbour->source_topic(topic).has_value(); }});
  }
  return settings;
}

std::function<std::string(std::string_view)> loop_finder(const Config& config, const FlowConfig& flow) {
  return [&flows = config.flows, &flow](std::string_view topic) { return names_of(loop_of_topic(flows, flow, topic)); };
}

AdministrationSettings administration_settings(const FlowConfig& flow) {
  AdministrationSettings settings;
  settings.name = flow.name();
  settings.source = cluster_settings_of(flow.source, flow.source_admin, flow.control_memory);
  settings.target = cluster_settings_of(flow.target, flow.target_admin, flow.control_memory);
  if (flow.heartbeats) {
    settings.heartbeats = heartbeats_settings(flow.source, flow.target, *flow.heartbeats, flow.target_admin);
  }
  settings.positions = PositionsSettings{.connect_offsets = connect_offsets_settings(flow),
                                         .interval = flow.offset_flush_interval,
                                         .produce_timeout_ms = timeout_ms_of(flow.target_admin)};
  if (flow.groups.writes_checkpoints || flow.groups.writes_groups) settings.groups = group_sync_settings(flow);
  if (flow.writes_offset_syncs && flow.offsets != OffsetsMode::mapped)
    settings.plain_syncs = plain_syncs_settings(flow);
  if (flow.sync_topic_configs && flow.follows_topic_configs) {
    settings.topic_configs = ConfigSyncSettings{
        .flow = flow.name(),
        .interval = flow.sync_topic_configs_interval,
        .exclude = excluded_configs(flow),
        .changes = {.policy = flow.metadata_policy, .defaults_from_source = flow.config_defaults_from_source}};
  }
  if (flow.acls.is_enabled) settings.acls = acl_sync_settings(flow);
  return settings;
}

AdministrationSettings administration_settings(const HeartbeatFlow& flow) {
  AdministrationSettings settings;
  settings.name = flow.name();
  settings.target = cluster_settings_of(flow.target, flow.target_admin, flow.control_memory);
  settings.heartbeats = heartbeats_settings(flow.source, flow.target, flow.heartbeats, flow.target_admin);
  return settings;
}

}  // namespace shunt::replicate
