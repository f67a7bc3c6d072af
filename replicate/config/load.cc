#include "replicate/config/load.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "replicate/config/flow_check.h"
#include "replicate/config/flow_settings.h"
#include "replicate/config/key_check.h"
#include "replicate/config/reader.h"
#include "replicate/config/reversed_flow.h"
#include "replicate/config/security.h"
#include "replicate/config/values.h"
#include "replicate/principal.h"

namespace shunt::replicate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t kMaxInt32 = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kDayMs = 24LL * 60 * 60 * 1000;
constexpr std::int64_t kYearSeconds = 365LL * 24 * 60 * 60;
constexpr std::int64_t kHourMs = 60LL * 60 * 1000;
constexpr std::int64_t kMiB = std::int64_t{1} << 20;
constexpr std::int64_t kGiB = std::int64_t{1} << 30;
constexpr std::size_t kClusterLimit = 100;
constexpr seconds kConservativeInterval{180};
constexpr std::int64_t kMostMappings = 100'000;
constexpr std::size_t kTopicNameLimit = 249;

bool is_topic_name(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return !name.empty() && name.size() <= kTopicNameLimit && name != "." && name != ".." &&
         std::ranges::all_of(name, fits);
}

class Loader {
 public:
  Loader(const Properties& properties, std::string name, const LoadOptions& options, Diagnostics& diagnostics)
      : properties_(properties), file_{std::move(name)}, options_(options), diagnostics_(diagnostics) {
    for (const auto& [key, entry] : properties_) global_.emplace(key, &entry);
  }

  Config load() {
    Config config;
    config.process = read_process();
    control_memory_ = read_control_memory();
    if (!read_aliases()) return config;
    check_keys(properties_, aliases_, diagnostics_);
    read_clusters(config);
    for (const std::string& source : aliases_) {
      for (const std::string& target : aliases_) {
        if (source != target && is_wanted(target)) read_flow(source, target, config);
      }
    }
    if (config.flows.empty() && !diagnostics_.has_errors()) report_no_flow();
    settle_loop_prevention(config.flows);
    check_flows(config.flows, file_, diagnostics_);
    introduce_neighbours(config.flows);
    return config;
  }

 private:
  /// MirrorMaker 2's default names keep apart what comes from different clusters.
  static void introduce_neighbours(std::vector<FlowConfig>& flows) {
    const auto is_apart = [](const FlowConfig& flow) {
      return flow.policy.kind() == ReplicationPolicy::Kind::default_policy;
    };
    std::vector<std::shared_ptr<const FlowConfig>> copies;
    copies.reserve(flows.size());
    for (const FlowConfig& flow : flows) copies.push_back(std::make_shared<const FlowConfig>(flow));
    for (FlowConfig& flow : flows) {
      for (const auto& other : copies) {
        if (other->source == flow.source || other->target != flow.target) continue;
        if (!is_apart(flow) || !is_apart(*other)) flow.neighbours.push_back(other);
      }
    }
  }

  bool read_aliases() {
    const auto clusters = properties_.find("clusters");
    if (clusters == properties_.end()) {
      diagnostics_.error(file_, "clusters is not set; name the clusters of this file, as in: clusters = A, B");
      return false;
    }
    const Entry& entry = clusters->second;
    for (std::string& alias : parse_list(entry.value.reveal())) {
      if (alias.empty()) continue;
      if (alias.find("->") != std::string::npos || alias.find_first_of(" \t\n\r\f") != std::string::npos) {
        diagnostics_.error(entry.where, fmt::format("clusters: the alias \"{}\" holds a blank or ->", alias));
      } else if (std::ranges::find(aliases_, alias) == aliases_.end()) {
        aliases_.push_back(std::move(alias));
      }
    }
    if (aliases_.size() > kClusterLimit) {
      diagnostics_.error(entry.where, fmt::format("clusters: more than {} clusters", kClusterLimit));
      return false;
    }
    if (aliases_.size() < 2)
      diagnostics_.error(entry.where, "clusters: at least two are needed, as in: clusters = A, B");
    for (const std::string& alias : options_.target_aliases) {
      if (std::ranges::find(aliases_, alias) == aliases_.end()) {
        diagnostics_.error(
            {}, fmt::format("--clusters {}: it is not one of clusters = {}", alias, fmt::join(aliases_, ", ")));
      }
    }
    return !aliases_.empty();
  }

  [[nodiscard]] bool is_wanted(const std::string& target) const {
    const auto& wanted = options_.target_aliases;
    return wanted.empty() || std::ranges::find(wanted, target) != wanted.end();
  }

  void read_clusters(Config& config) {
    for (const std::string& alias : aliases_) {
      const Settings settings = cluster_client_settings(cluster_settings(properties_, alias));
      ClientConfig client = read_client(settings, Level::admin, alias);
      if (!client.bootstrap_servers.empty()) config.clusters.emplace(alias, ClusterConfig{alias, std::move(client)});
    }
  }

  /// MirrorMaker 2 asks this of the text itself, before the flow has any other setting: what is not `true` is false.
  [[nodiscard]] bool is_true(const std::string& key, bool fallback) const {
    const auto entry = properties_.find(key);
    if (entry == properties_.end()) return fallback;
    return equal_ignoring_case(entry->second.value.reveal(), "true");
  }

  void read_flow(const std::string& source, const std::string& target, Config& config) {
    const std::string prefix = fmt::format("{}->{}.", source, target);
    const bool heartbeats = is_true(prefix + "emit.heartbeats.enabled", is_true("emit.heartbeats.enabled", true));
    const Settings settings = connector_settings(properties_, source, target);
    Reader reader(settings, Level::flow, diagnostics_);
    // A flow exists when its own `enabled` says so, or for heartbeats; only then a global `enabled` has something to
    // enable.
    const bool exists = heartbeats || is_true(prefix + "enabled", false);
    if (exists && reader.boolean("enabled")) {
      config.flows.push_back(read_enabled_flow(source, target, settings, reader));
    } else if (heartbeats) {
      read_heartbeat_flow(source, target, settings, reader, config);
    }
  }

  void read_heartbeat_flow(const std::string& source, const std::string& target, const Settings& settings,
                           Reader& reader, Config& config) {
    const Settings admin = client_settings(settings, ClientRole::target_admin);
    HeartbeatFlow flow{
        .source = source,
        .target = target,
        .target_admin = read_client(admin, Level::admin, client_name(source, target, reader, "heartbeats")),
        .control_memory = control_memory_,
        .heartbeats = read_heartbeats(reader)};
    // A cluster that is named and never said where is nobody's target in earnest.
    if (!flow.target_admin.bootstrap_servers.empty()) config.heartbeat_flows.push_back(std::move(flow));
  }

  /// Of the Connect worker that MirrorMaker 2 runs for the flow: what stands without an alias wins.
  void read_worker(const std::string& source, const std::string& target, FlowConfig& flow) {
    const Settings of_target = cluster_settings(properties_, target);
    Reader reader(of_target, Level::cluster, diagnostics_);
    Reader global(global_, Level::global, diagnostics_);
    flow.connect_offsets = global.text("offset.storage.topic");
    if (flow.connect_offsets.empty()) flow.connect_offsets = reader.text("offset.storage.topic");
    if (flow.connect_offsets.empty()) flow.connect_offsets = fmt::format("mm2-offsets.{}.internal", source);
    flow.offset_flush_interval = milliseconds(reader.number("offset.flush.interval.ms", 1, kDayMs));
  }

  HeartbeatConfig read_heartbeats(Reader& reader) {
    return {.interval = seconds(reader.number("emit.heartbeats.interval.seconds", 1, kYearSeconds)),
            .replication_factor = read_replication_factor(reader, "heartbeats.topic.replication.factor")};
  }

  static void settle_loop_prevention(std::vector<FlowConfig>& flows) {
    for (FlowConfig& flow : flows) {
      const bool has_opposite = std::ranges::any_of(flows, [&flow](const FlowConfig& other) {
        return other.source == flow.target && other.target == flow.source;
      });
      if (has_opposite && flow.loop_prevention == LoopPrevention::stop)
        flow.loop_prevention = LoopPrevention::leave_out;
    }
  }

  GroupsConfig read_groups(Reader& reader) {
    GroupsConfig groups;
    groups.groups = reader.patterns("groups");
    groups.exclude = reader.patterns("groups.exclude");
    groups.writes_checkpoints = reader.boolean("emit.checkpoints.enabled");
    groups.checkpoints_interval = seconds(reader.number("emit.checkpoints.interval.seconds", 1, kYearSeconds));
    groups.checkpoints_replication_factor = read_replication_factor(reader, "checkpoints.topic.replication.factor");
    groups.groups_interval = seconds(reader.number("sync.group.offsets.interval.seconds", 1, kYearSeconds));
    groups.may_rewind = reader.boolean("shunt.group.offsets.rewind");
    return groups;
  }

  FlowConfig read_enabled_flow(const std::string& source, const std::string& target, const Settings& settings,
                               Reader& reader) {
    FlowConfig flow;
    flow.control_memory = control_memory_;
    flow.source = source;
    flow.target = target;
    flow.topic_filter = TopicFilter(reader.patterns("topics"), reader.patterns("topics.exclude"));
    flow.heartbeats_replication = reader.boolean("heartbeats.replication.enabled");
    flow.policy = read_policy(source, reader);
    flow.connector = reader.text("name");
    read_worker(source, target, flow);
    const HeartbeatConfig heartbeats = read_heartbeats(reader);
    if (reader.boolean("emit.heartbeats.enabled")) flow.heartbeats = heartbeats;
    flow.replication_factor = read_replication_factor(reader, "replication.factor");
    flow.offsets = reader.choice<OffsetsMode>(
        "shunt.offsets",
        {{"identical", OffsetsMode::identical}, {"mapped", OffsetsMode::mapped}, {"auto", OffsetsMode::automatic}});
    flow.loop_prevention = reader.choice<LoopPrevention>(
        "shunt.loop.prevention",
        {{"auto", LoopPrevention::stop}, {"true", LoopPrevention::leave_out}, {"false", LoopPrevention::off}});
    if (flow.loop_prevention == LoopPrevention::leave_out && flow.offsets == OffsetsMode::identical) {
      reader.fail(*reader.find("shunt.loop.prevention"),
                  "leaves records out, which only mapped offsets allow: say shunt.offsets=mapped as well");
    }
    flow.adds_source_header = reader.boolean("shunt.source.header");
    flow.offset_syncs_on_target =
        reader.choice<bool>("offset-syncs.topic.location", {{"source", false}, {"target", true}});
    flow.offset_syncs_replication_factor = read_replication_factor(reader, "offset-syncs.topic.replication.factor");
    flow.writes_offset_syncs = reader.boolean("emit.offset-syncs.enabled");
    flow.groups = read_groups(reader);
    flow.refresh_topics = reader.boolean("refresh.topics.enabled");
    flow.refresh_topics_interval = seconds(reader.number("refresh.topics.interval.seconds", 1, kYearSeconds));
    flow.isolation = read_isolation(reader, "shunt.isolation");
    flow.open_transaction_warn = milliseconds(reader.number("shunt.open.transaction.warn.ms", 100, kDayMs));
    flow.policies = read_policies(reader);
    flow.offsets_padding_max = reader.number("shunt.offsets.padding.max", 0, std::int64_t{1} << 60);
    read_topic_configs(reader, flow);
    read_acls(reader, flow.acls);
    read_topic_mapping(reader, flow);
    read_scope(reader, flow);

    const auto client = [&](ClientRole role, Level level) {
      const Settings own = client_settings(settings, role);
      ClientConfig result = read_client(own, level, client_name(source, target, reader, to_string(role)));
      if (result.bootstrap_servers.empty()) report_no_address(role, level, source, target, own);
      return result;
    };
    flow.source_consumer = client(ClientRole::source_consumer, Level::consumer);
    flow.source_admin = client(ClientRole::source_admin, Level::admin);
    flow.target_producer = client(ClientRole::target_producer, Level::producer);
    flow.target_admin = client(ClientRole::target_admin, Level::admin);
    read_consumer(client_settings(settings, ClientRole::source_consumer), flow);
    read_start(reader, flow);
    check_own_principal(reader, flow);
    return flow;
  }

  void read_topic_configs(Reader& reader, FlowConfig& flow) {
    flow.metadata_policy = reader.choice<MetadataPolicy>(
        "shunt.metadata.policy", {{"mm2", MetadataPolicy::mm2}, {"conservative", MetadataPolicy::conservative}});
    flow.sync_topic_configs = reader.boolean("sync.topic.configs.enabled");
    flow.sync_topic_configs_interval = seconds(reader.number("sync.topic.configs.interval.seconds", 1, kYearSeconds));
    flow.config_properties_exclude = reader.patterns("config.properties.exclude");
    flow.config_defaults_from_source = reader.choice<bool>("use.defaults.from", {{"target", false}, {"source", true}});
    if (flow.metadata_policy == MetadataPolicy::mm2) return;
    if (reader.find("sync.topic.configs.interval.seconds") == nullptr) {
      flow.sync_topic_configs_interval = kConservativeInterval;
    }
    if (reader.find("config.properties.exclude") == nullptr) {
      flow.config_properties_exclude = PatternList({".*\\.throttled\\.replicas", "message\\.timestamp\\..*"});
    }
    if (const Entry* defaults = reader.find("use.defaults.from"); flow.config_defaults_from_source) {
      reader.fail(*defaults, "contradicts shunt.metadata.policy=conservative, which follows no defaults; remove one");
    }
  }

  void read_acls(Reader& reader, AclConfig& acls) {
    acls.is_enabled = reader.boolean("sync.topic.acls.enabled");
    acls.interval = seconds(reader.number("sync.topic.acls.interval.seconds", 1, kYearSeconds));
    acls.prefixed = reader.boolean("shunt.acls.prefixed");
    acls.groups = reader.boolean("shunt.acls.groups");
    acls.removes = reader.boolean("shunt.acls.remove");
    acls.keep_principals = reader.list("shunt.acls.keep.principals");
    for (const std::string& principal : acls.keep_principals) {
      if (principal.find(':') != std::string::npos) continue;
      reader.fail(*reader.find("shunt.acls.keep.principals"), "names no principal; write it as in: User:alice");
      break;
    }
    for (const char* key : {"shunt.acls.prefixed", "shunt.acls.groups", "shunt.acls.remove"}) {
      if (acls.is_enabled || !reader.boolean(key)) continue;
      reader.fail(*reader.find(key), "contradicts sync.topic.acls.enabled=false; remove one of them");
    }
  }

  /// A sync that removes rights must not remove those by which it works.
  static void check_own_principal(Reader& reader, FlowConfig& flow) {
    if (!flow.acls.is_enabled || !flow.acls.removes) return;
    const std::optional<std::string> own = own_principal(flow.target_admin.security);
    if (own) {
      flow.acls.keep_principals.push_back(*own);
    } else if (flow.acls.keep_principals.empty()) {
      reader.fail(*reader.find("shunt.acls.remove"),
                  fmt::format("needs shunt.acls.keep.principals: as whom {} knows this user cannot be told from its "
                              "certificate, token or ticket; name it there, as in: User:mirror",
                              flow.target));
    }
  }

  void read_topic_mapping(Reader& reader, FlowConfig& flow) {
    const auto most = static_cast<std::size_t>(reader.number("shunt.topic.mapping.max", 1, kMostMappings));
    const Entry* entry = reader.find("shunt.topic.mapping");
    if (entry == nullptr) return;
    const std::vector<std::string> items = reader.list("shunt.topic.mapping");
    if (items.empty()) return;
    if (flow.policy.kind() != ReplicationPolicy::Kind::identity) {
      reader.fail(*entry,
                  "does not go together with a replication policy that renames topics; set "
                  "replication.policy.class to IdentityReplicationPolicy, or remove it");
    }
    if (items.size() > most) {
      reader.fail(*entry,
                  fmt::format("maps {} topics, more than the {} that shunt.topic.mapping.max allows; raise that, "
                              "or mirror them by several flows",
                              items.size(), most));
    }
    std::map<std::string, std::string> taken;
    for (const std::string& item : items) {
      const std::size_t colon = item.find(':');
      const std::string source(trim(std::string_view(item).substr(0, colon)));
      const std::string target(colon == std::string::npos ? "" : trim(std::string_view(item).substr(colon + 1)));
      if (!is_topic_name(source) || !is_topic_name(target)) {
        reader.fail(*entry, fmt::format("holds \"{}\"; write source:target, two names of topics (letters, digits, dot, "
                                        "underscore and minus, at most 249)",
                                        item));
      } else if (!flow.topic_mapping.emplace(source, target).second) {
        reader.fail(*entry, fmt::format("maps {} twice; leave one", source));
      } else if (const auto [other, is_free] = taken.emplace(target, source); !is_free) {
        reader.fail(*entry,
                    fmt::format("maps {} and {} onto {}; give each a name of its own", other->second, source, target));
      } else if (!flow.topic_filter.selects(source)) {
        reader.warn(
            *entry,
            fmt::format("maps {}, which `topics` and `topics.exclude` do not select: it is not mirrored", source));
      }
    }
  }

  void read_scope(Reader& reader, FlowConfig& flow) {
    flow.scope = reader.choice<SyncScope>(
        "shunt.sync",
        {{"metadata", SyncScope::metadata}, {"messages", SyncScope::messages}, {"offsets", SyncScope::offsets}});
    const Entry* groups = reader.find("sync.group.offsets.enabled");
    flow.groups.writes_groups =
        groups == nullptr ? flow.scope == SyncScope::offsets : reader.boolean("sync.group.offsets.enabled");
    if (flow.scope == SyncScope::metadata && flow.groups.writes_groups) {
      reader.fail(*groups, "contradicts shunt.sync=metadata, which carries over no offsets; remove one of them");
    }
  }

  void read_start(Reader& reader, FlowConfig& flow) {
    const Entry* entry = reader.find("shunt.start.offset");
    const std::string text = reader.text("shunt.start.offset");
    if (entry == nullptr || text.empty()) return;
    const StartPosition said = flow.start;
    if (equal_ignoring_case(text, "earliest") || equal_ignoring_case(text, "latest")) {
      flow.start = {.kind = equal_ignoring_case(text, "latest") ? StartPosition::Kind::latest
                                                                : StartPosition::Kind::earliest};
    } else if (const std::optional<std::int64_t> time_ms = parse_time(text)) {
      flow.start = {.kind = StartPosition::Kind::time, .time_ms = *time_ms};
    } else {
      reader.fail(*entry,
                  "is no place to begin; write earliest, latest, a time as 2026-01-31T00:00:00Z (UTC), or "
                  "milliseconds since 1970");
      return;
    }
    if (has_offset_reset_ && flow.start != said) {
      reader.fail(*entry, "contradicts auto.offset.reset of the source's consumer; remove one of them");
    }
  }

  static std::string client_name(const std::string& source, const std::string& target, Reader& reader,
                                 std::string_view role) {
    return fmt::format("{}->{}|{}|{}", source, target, reader.text("name"), role);
  }

  Policies read_policies(Reader& reader) {
    Policies policies;
    for (const ConditionInfo& info : condition_table()) {
      if (!info.alternative) continue;
      policies.set(info.condition,
                   reader.choice<Policy>(info.key, {{to_string(info.standard), info.standard},
                                                    {to_string(*info.alternative), *info.alternative}}));
    }
    return policies;
  }

  ReplicationPolicy read_policy(const std::string& source, Reader& reader) {
    const auto kind = reader.choice<ReplicationPolicy::Kind>(
        "replication.policy.class",
        {{"org.apache.kafka.connect.mirror.DefaultReplicationPolicy", ReplicationPolicy::Kind::default_policy},
         {"org.apache.kafka.connect.mirror.IdentityReplicationPolicy", ReplicationPolicy::Kind::identity},
         {"DefaultReplicationPolicy", ReplicationPolicy::Kind::default_policy},
         {"IdentityReplicationPolicy", ReplicationPolicy::Kind::identity}});
    // Kafka takes the separator as it stands in the file, blanks and all.
    const Entry* separator = reader.find("replication.policy.separator");
    return {kind, source, separator == nullptr ? std::string(".") : std::string(separator->value.reveal()),
            reader.boolean("replication.policy.internal.topic.separator.enabled")};
  }

  std::int16_t read_replication_factor(Reader& reader, std::string_view key) {
    const auto factor = reader.number_as<std::int16_t>(key, -1, std::numeric_limits<std::int16_t>::max());
    if (factor != 0) return factor;
    reader.fail(*reader.find(key), "is no number of replicas; -1 leaves it to the target");
    return 1;
  }

  ClientConfig read_client(const Settings& settings, Level level, const std::string& name) {
    Reader reader(settings, level, diagnostics_);
    const auto duration = [&reader](std::string_view key, std::int64_t least) {
      return milliseconds(reader.number(key, least, kDayMs));
    };
    const auto buffer = [&reader](std::string_view key) -> std::optional<std::int32_t> {
      const auto size = reader.number(key, -1, kMaxInt32);
      return size <= 0 ? std::nullopt : std::optional(static_cast<std::int32_t>(size));
    };
    ClientConfig client;
    client.bootstrap_servers = reader.addresses("bootstrap.servers");
    client.client_id = read_client_id(reader, name);
    client.reconnect_backoff = duration("reconnect.backoff.ms", 0);
    // Kafka's client never waits longer than the larger of the two, so a small maximum alone is not an error.
    client.reconnect_backoff_max = std::max(client.reconnect_backoff, duration("reconnect.backoff.max.ms", 0));
    client.request_timeout = duration("request.timeout.ms", 1);
    client.connection_setup_timeout = duration("socket.connection.setup.timeout.ms", 1);
    client.metadata_max_age = duration("metadata.max.age.ms", 0);
    client.receive_buffer_bytes = buffer("receive.buffer.bytes");
    client.send_buffer_bytes = buffer("send.buffer.bytes");
    client.security = read_security(reader, logins_);
    return client;
  }

  std::string read_client_id(Reader& reader, const std::string& name) {
    constexpr std::size_t kLimitBytes = 1024;  // what brokers put into metric names and logs
    const std::string own = reader.text("client.id");
    if (own.size() > kLimitBytes) {
      reader.fail(*reader.find("client.id"), fmt::format("is longer than {} bytes", kLimitBytes));
      return name;
    }
    return own.empty() ? name : fmt::format("{}|{}", own, name);
  }

  static Isolation read_isolation(Reader& reader, std::string_view key) {
    return reader.choice<Isolation>(
        key, {{"read_committed", Isolation::read_committed}, {"read_uncommitted", Isolation::read_uncommitted}});
  }

  void read_consumer(const Settings& settings, FlowConfig& flow) {
    Reader reader(settings, Level::consumer, diagnostics_);
    const auto size = [&reader](std::string_view key) -> std::optional<std::int32_t> {
      const auto value = reader.optional_number(key, 0, kMaxInt32);
      return value ? std::optional(static_cast<std::int32_t>(*value)) : std::nullopt;
    };
    flow.fetch.max_bytes = size("fetch.max.bytes");
    flow.fetch.max_partition_bytes = size("max.partition.fetch.bytes");
    flow.fetch.max_wait = milliseconds(reader.number("fetch.max.wait.ms", 0, kMaxInt32));
    flow.fetch.min_bytes = static_cast<std::int32_t>(reader.number("fetch.min.bytes", 0, kMaxInt32));
    if (reader.find("isolation.level") != nullptr) flow.isolation = read_isolation(reader, "isolation.level");
    const std::string reset = reader.text("auto.offset.reset");
    has_offset_reset_ = reader.find("auto.offset.reset") != nullptr;
    if (equal_ignoring_case(reset, "latest")) {
      flow.start.kind = StartPosition::Kind::latest;
    } else if (!equal_ignoring_case(reset, "earliest")) {
      reader.fail(*reader.find("auto.offset.reset"), "is not supported: a mirror begins at earliest or latest");
    }
    if (flow.fetch.max_wait >= flow.source_consumer.request_timeout) {
      const Entry* wait = reader.find("fetch.max.wait.ms");
      const Entry* timeout = reader.find("request.timeout.ms");
      diagnostics_.error(
          (timeout != nullptr ? timeout : wait)->where,
          fmt::format("{}: fetch.max.wait.ms ({}) must be below request.timeout.ms ({}), or every fetch without "
                      "news times out",
                      flow.name(), flow.fetch.max_wait.count(), flow.source_consumer.request_timeout.count()));
    }
  }

  /// One for all flows.
  std::shared_ptr<net::MemoryBudget> read_control_memory() {
    Reader reader(global_, Level::global, diagnostics_);
    return std::make_shared<net::MemoryBudget>(
        static_cast<std::size_t>(reader.number("shunt.control.memory", 4 * kMiB, 64 * kGiB)));
  }

  ProcessConfig read_process() {
    Reader reader(global_, Level::global, diagnostics_);
    ProcessConfig process;
    process.io = reader.choice<net::IoKind>(
        "shunt.io",
        {{"auto", net::IoKind::automatic}, {"io_uring", net::IoKind::io_uring}, {"epoll", net::IoKind::epoll}});
    process.shards = reader.number_as<int>("shunt.shards", 1, 64);
    process.buffer_memory_bytes = static_cast<std::size_t>(reader.number("shunt.buffer.memory", 4 * kMiB, 64 * kGiB));
    process.inflight_bytes = static_cast<std::size_t>(reader.number("shunt.inflight.bytes", kMiB, 16 * kGiB));
    process.metrics_listen = reader.address("shunt.metrics.listen");
    process.stall_timeout = milliseconds(reader.number("shunt.stall.timeout.ms", 100, kHourMs));
    process.core_dumps = reader.choice<CoreDumps>(
        "shunt.core.dumps", {{"auto", CoreDumps::automatic}, {"on", CoreDumps::on}, {"off", CoreDumps::off}});
    process.sandbox = reader.choice<SandboxMode>(
        "shunt.sandbox",
        {{"off", SandboxMode::off}, {"auto", SandboxMode::automatic}, {"required", SandboxMode::required}});
    process.log_level = reader.choice<LogLevel>("shunt.log.level", {{"trace", LogLevel::trace},
                                                                    {"debug", LogLevel::debug},
                                                                    {"info", LogLevel::info},
                                                                    {"warn", LogLevel::warn},
                                                                    {"error", LogLevel::error},
                                                                    {"off", LogLevel::off}});
    return process;
  }

  void report_no_address(ClientRole role, Level level, const std::string& source, const std::string& target,
                         const Settings& settings) {
    const bool is_source = role == ClientRole::source_consumer || role == ClientRole::source_admin;
    const std::string& alias = is_source ? source : target;
    const Entry* entry = Reader(settings, level, diagnostics_).find("bootstrap.servers");
    if (entry == nullptr) {
      diagnostics_.error(
          file_, fmt::format("{0}.bootstrap.servers is not set, and {1}->{2} is enabled; write {0}.bootstrap.servers "
                             "= host:port",
                             alias, source, target));
    } else if (trim(entry->value.reveal()).find_first_not_of(", ") == std::string_view::npos) {
      diagnostics_.error(entry->where, fmt::format("{}: no address; write host:port", entry->key));
    }
  }

  void report_no_flow() {
    const std::string a = !aliases_.empty() ? aliases_[0] : "A";
    const std::string b = aliases_.size() > 1 ? aliases_[1] : "B";
    const std::string into =
        options_.target_aliases.empty() ? "" : fmt::format(" into {}", fmt::join(options_.target_aliases, ", "));
    diagnostics_.error(
        file_, fmt::format("no flow{} is enabled, so there is nothing to mirror; enable one, as in: {}->{}.enabled "
                           "= true",
                           into, a, b));
  }

  const Properties& properties_;
  const Location file_;
  const LoadOptions& options_;
  std::shared_ptr<net::MemoryBudget> control_memory_;
  Diagnostics& diagnostics_;
  Settings global_;
  TokenLogins logins_;
  bool has_offset_reset_ = false;  // of the flow that is being read
  std::vector<std::string> aliases_;
};

// ---- What a mirror reads again --------------------------------------------------------------------------------------

// Whoever adds a key that names a file to be read while running adds it here: the sandbox lets nothing else be read.
constexpr std::string_view path_keys[] = {
    "ssl.truststore.location",
    "ssl.keystore.location",
    "sasl.oauthbearer.token.endpoint.url",
};

void append_store_paths(const Properties& properties, std::vector<std::string>& paths) {
  for (const auto& [key, entry] : properties) {
    const bool names_path = std::ranges::any_of(
        path_keys, [&key = key](std::string_view path_key) { return std::string_view(key).ends_with(path_key); });
    std::string_view path = trim(entry.value.reveal());
    for (const std::string_view scheme : {"file://", "file:"}) {
      if (path.starts_with(scheme)) path.remove_prefix(scheme.size());
    }
    if (names_path && !path.empty() && path.find("://") == std::string_view::npos) paths.emplace_back(path);
  }
}

}  // namespace

LoadedConfig load_config(Properties properties, const std::string& name, const LoadOptions& options) {
  LoadedConfig result;
  if (options.reversed) reverse_flow(properties, options.reversed->first, options.reversed->second);
  std::vector<std::string> paths = provider_paths(properties);
  expand_providers(properties, options.environment, result.diagnostics);
  append_store_paths(properties, paths);
  Config config = Loader(properties, name, options, result.diagnostics).load();
  config.reread_paths = std::move(paths);
  config.holds_secrets = std::ranges::any_of(properties, [](const auto& setting) {
    const Entry& entry = setting.second;
    return entry.from_provider || (is_sensitive(entry.key) && !entry.value.empty());
  });
  if (!result.diagnostics.has_errors()) result.config = std::move(config);
  return result;
}

LoadedConfig load_config(const std::string& path, const LoadOptions& options) {
  Diagnostics diagnostics;
  Properties properties = read_properties(path, diagnostics);
  if (properties.empty() && diagnostics.has_errors()) return {std::nullopt, std::move(diagnostics)};
  LoadedConfig result = load_config(std::move(properties), path, options);
  result.diagnostics.prepend(std::move(diagnostics));
  if (result.diagnostics.has_errors()) result.config.reset();
  return result;
}

}  // namespace shunt::replicate
