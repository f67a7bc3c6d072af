#include "replicate/config/load.h"

#include <algorithm>
#include <limits>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "replicate/config/flow_check.h"
#include "replicate/config/flow_settings.h"
#include "replicate/config/key_check.h"
#include "replicate/config/reader.h"
#include "replicate/config/security.h"
#include "replicate/config/values.h"

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
    check_flows(config.flows, file_, diagnostics_);
    return config;
  }

 private:
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
      config.heartbeat_flows.push_back({source, target});
    }
  }

  FlowConfig read_enabled_flow(const std::string& source, const std::string& target, const Settings& settings,
                               Reader& reader) {
    FlowConfig flow;
    flow.control_memory = control_memory_;
    flow.source = source;
    flow.target = target;
    flow.topic_filter = TopicFilter(reader.patterns("topics"), reader.patterns("topics.exclude"));
    flow.heartbeats_replication = reader.boolean("heartbeats.replication.enabled");
    flow.config_properties_exclude = reader.patterns("config.properties.exclude");
    flow.policy = read_policy(source, reader);
    flow.replication_factor = read_replication_factor(reader, "replication.factor");
    flow.offsets = reader.choice<OffsetsMode>(
        "shunt.offsets",
        {{"identical", OffsetsMode::identical}, {"mapped", OffsetsMode::mapped}, {"auto", OffsetsMode::automatic}});
    flow.offset_syncs_on_target =
        reader.choice<bool>("offset-syncs.topic.location", {{"source", false}, {"target", true}});
    flow.offset_syncs_replication_factor = read_replication_factor(reader, "offset-syncs.topic.replication.factor");
    flow.refresh_topics = reader.boolean("refresh.topics.enabled");
    flow.refresh_topics_interval = seconds(reader.number("refresh.topics.interval.seconds", 1, kYearSeconds));
    flow.isolation = read_isolation(reader, "shunt.isolation");
    flow.open_transaction_warn = milliseconds(reader.number("shunt.open.transaction.warn.ms", 100, kDayMs));
    flow.policies = read_policies(reader);
    flow.offsets_padding_max = reader.number("shunt.offsets.padding.max", 0, std::int64_t{1} << 60);
    flow.sync_topic_configs = reader.boolean("sync.topic.configs.enabled");
    flow.sync_topic_configs_interval = seconds(reader.number("sync.topic.configs.interval.seconds", 1, kYearSeconds));

    const auto client = [&](ClientRole role, Level level) {
      const Settings own = client_settings(settings, role);
      ClientConfig result =
          read_client(own, level, fmt::format("{}->{}|{}|{}", source, target, reader.text("name"), to_string(role)));
      if (result.bootstrap_servers.empty()) report_no_address(role, level, source, target, own);
      return result;
    };
    flow.source_consumer = client(ClientRole::source_consumer, Level::consumer);
    flow.source_admin = client(ClientRole::source_admin, Level::admin);
    flow.target_producer = client(ClientRole::target_producer, Level::producer);
    flow.target_admin = client(ClientRole::target_admin, Level::admin);
    read_consumer(client_settings(settings, ClientRole::source_consumer), flow);
    return flow;
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
    if (equal_ignoring_case(reset, "latest")) {
      flow.auto_offset_reset = OffsetReset::latest;
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
