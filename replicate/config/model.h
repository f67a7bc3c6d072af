// What a configuration says, checked and typed: no text is left to interpret, and every value is within its bounds.
// config/load.h makes it from a file. Times are as the Kafka key says (ms, seconds); sizes are bytes.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/broker_connection.h"
#include "net/loop.h"
#include "net/memory_budget.h"
#include "net/security.h"
#include "replicate/condition.h"
#include "replicate/config/pattern_list.h"
#include "replicate/config/replication_policy.h"
#include "replicate/config/topic_filter.h"
#include "replicate/isolation.h"
#include "replicate/loop_guard.h"
#include "replicate/metadata_policy.h"
#include "replicate/offsets_mode.h"
#include "replicate/start_position.h"
#include "replicate/sync_scope.h"

namespace shunt::replicate {

/// How to reach a cluster, and how to talk with its brokers.
struct ClientConfig {
  std::vector<net::HostPort> bootstrap_servers;                // bootstrap.servers; never empty
  std::string client_id;                                       // complete, as brokers see it
  std::chrono::milliseconds reconnect_backoff{50};             // reconnect.backoff.ms
  std::chrono::milliseconds reconnect_backoff_max{1000};       // reconnect.backoff.max.ms; not below the former
  std::chrono::milliseconds request_timeout{30'000};           // request.timeout.ms
  std::chrono::milliseconds connection_setup_timeout{10'000};  // socket.connection.setup.timeout.ms
  std::chrono::milliseconds metadata_max_age{300'000};         // metadata.max.age.ms
  std::optional<std::int32_t> receive_buffer_bytes;            // SO_RCVBUF; unset: shunt or the system decides
  std::optional<std::int32_t> send_buffer_bytes;               // SO_SNDBUF
  net::Security security;                                      // security.protocol, sasl.*, ssl.*
};

/// The consumer settings that say how data is fetched. Unset: shunt's own default, which suits it better than Kafka's.
struct FetchConfig {
  std::optional<std::int32_t> max_bytes;            // fetch.max.bytes
  std::optional<std::int32_t> max_partition_bytes;  // max.partition.fetch.bytes
  std::chrono::milliseconds max_wait{500};          // fetch.max.wait.ms
  std::int32_t min_bytes = 1;                       // fetch.min.bytes
};

/// Of access rights: sync.topic.acls.*, shunt.acls.*.
struct AclConfig {
  bool is_enabled = true;
  std::chrono::seconds interval{600};
  bool prefixed = false;
  bool groups = false;
  bool removes = false;
  std::vector<std::string> keep_principals;
};

/// What is written into a flow's target, whether it mirrors anything or not.
struct HeartbeatConfig {
  std::chrono::seconds interval{1};     // emit.heartbeats.interval.seconds
  std::int16_t replication_factor = 3;  // heartbeats.topic.replication.factor
};

/// What becomes of consumer groups.
struct GroupsConfig {
  PatternList groups;                               // groups
  PatternList exclude;                              // groups.exclude; wins
  bool writes_checkpoints = true;                   // emit.checkpoints.enabled
  std::chrono::seconds checkpoints_interval{60};    // emit.checkpoints.interval.seconds
  std::int16_t checkpoints_replication_factor = 3;  // checkpoints.topic.replication.factor
  bool writes_groups = false;                       // sync.group.offsets.enabled
  std::chrono::seconds groups_interval{60};         // sync.group.offsets.interval.seconds
  bool may_rewind = false;                          // shunt.group.offsets.rewind

  [[nodiscard]] bool selects(std::string_view group) const { return groups.matches(group) && !exclude.matches(group); }
  /// Of the rounds that serve both.
  [[nodiscard]] std::chrono::seconds interval() const {
    if (!writes_groups) return checkpoints_interval;
    return writes_checkpoints ? std::min(checkpoints_interval, groups_interval) : groups_interval;
  }
};

/// One enabled flow, `source->target`.
struct FlowConfig {
  std::string source;  // cluster aliases
  std::string target;

  ClientConfig source_consumer;
  ClientConfig source_admin;
  ClientConfig target_producer;
  ClientConfig target_admin;
  FetchConfig fetch;
  StartPosition start;                    // shunt.start.offset, auto.offset.reset
  SyncScope scope = SyncScope::messages;  // shunt.sync
  Isolation isolation = Isolation::read_committed;
  OffsetsMode offsets = OffsetsMode::identical;  // shunt.offsets
  LoopPrevention loop_prevention = LoopPrevention::stop;
  bool adds_source_header = false;                   // shunt.source.header
  bool offset_syncs_on_target = false;               // offset-syncs.topic.location
  std::int16_t offset_syncs_replication_factor = 3;  // offset-syncs.topic.replication.factor
  bool writes_offset_syncs = true;                   // emit.offset-syncs.enabled
  GroupsConfig groups;
  Policies policies;  // shunt.on.*
  std::int64_t offsets_padding_max = 100'000'000;
  std::chrono::milliseconds open_transaction_warn{60'000};
  std::shared_ptr<net::MemoryBudget> control_memory;  // of the process (shunt.control.memory); never null

  TopicFilter topic_filter;
  bool heartbeats_replication = true;  // heartbeats topics are mirrored whatever the filter says (KIP-1089)
  ReplicationPolicy policy;
  std::string connector;                                    // name: of MirrorMaker 2's source connector
  std::string connect_offsets;                              // offset.storage.topic: where it keeps its positions
  std::chrono::milliseconds offset_flush_interval{60'000};  // offset.flush.interval.ms
  std::optional<HeartbeatConfig> heartbeats;                // unset: none are written

  std::int16_t replication_factor = 2;  // of created topics; -1: the target decides
  bool refresh_topics = true;           // false: topics and partitions are those found at the start
  std::chrono::seconds refresh_topics_interval{600};
  MetadataPolicy metadata_policy = MetadataPolicy::mm2;  // shunt.metadata.policy
  bool sync_topic_configs = true;
  bool follows_topic_configs = true;  // false: a topic gets the source's settings when it is created, and no later
  std::chrono::seconds sync_topic_configs_interval{600};
  PatternList config_properties_exclude;
  bool config_defaults_from_source = false;  // use.defaults.from
  AclConfig acls;
  /// shunt.topic.mapping: the names of some on the target; never with a policy that renames.
  std::map<std::string, std::string, std::less<>> topic_mapping;
  /// Other flows of the file that may write to the same topics of the target; theirs are not held.
  std::vector<std::shared_ptr<const FlowConfig>> neighbours;

  [[nodiscard]] std::string name() const { return source + "->" + target; }
  /// Whether `topic` of the source is mirrored: selected, no bookkeeping, and not on its way back.
  [[nodiscard]] bool mirrors(std::string_view topic) const;
  [[nodiscard]] std::string target_topic(std::string_view source_topic) const;
  /// The mirrored topic that is called so on the target, as far as the name alone tells: where it was cut it does not.
  [[nodiscard]] std::optional<std::string> source_topic(std::string_view target_topic) const;
};

/// A flow MirrorMaker 2 would run for heartbeats alone: they are written into its target, no data is mirrored.
struct HeartbeatFlow {
  std::string source;
  std::string target;
  ClientConfig target_admin;
  std::shared_ptr<net::MemoryBudget> control_memory;  // of the process; never null
  HeartbeatConfig heartbeats;

  [[nodiscard]] std::string name() const { return source + "->" + target; }
};

struct ClusterConfig {
  std::string alias;
  ClientConfig client;  // for questions about the cluster itself, outside of any flow
};

enum class LogLevel { trace, debug, info, warn, error, off };

/// `shunt.core.dumps`.
enum class CoreDumps { automatic, on, off };

/// `shunt.sandbox`.
enum class SandboxMode { off, automatic, required };

/// shunt's own settings, `shunt.*`.
struct ProcessConfig {
  net::IoKind io = net::IoKind::automatic;
  int shards = 1;                                           // 1 to 64
  std::size_t buffer_memory_bytes = std::size_t{32} << 20;  // all shards together; 4 MiB to 64 GiB
  std::size_t inflight_bytes = std::size_t{64} << 20;       // a target connection; 1 MiB to 16 GiB
  std::optional<net::HostPort> metrics_listen;              // port 0: any free one
  std::chrono::milliseconds stall_timeout{30'000};          // 100 ms to one hour
  LogLevel log_level = LogLevel::info;
  CoreDumps core_dumps = CoreDumps::automatic;
  SandboxMode sandbox = SandboxMode::off;
};

struct Config {
  std::map<std::string, ClusterConfig, std::less<>> clusters;  // those with an address, by alias
  std::vector<FlowConfig> flows;                               // enabled ones, in the order of `clusters`; never empty
  std::vector<HeartbeatFlow> heartbeat_flows;
  ProcessConfig process;
  bool holds_secrets = false;             // a password, a key, or anything from a provider
  std::vector<std::string> reread_paths;  // files and directories that are read again while running

  /// Of every flow, also of those that have only heartbeats. Valid as long as the Config stands unchanged.
  [[nodiscard]] std::vector<const ClientConfig*> clients() const;
};

}  // namespace shunt::replicate
