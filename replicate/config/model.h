// What a configuration says, checked and typed: no text is left to interpret, and every value is within its bounds.
// config/load.h makes it from a file. Times are as the Kafka key says (ms, seconds); sizes are bytes.
#pragma once

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
#include "replicate/config/replication_policy.h"
#include "replicate/config/topic_filter.h"
#include "replicate/isolation.h"
#include "replicate/offsets_mode.h"

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

/// Where a partition begins that the target has nothing of.
enum class OffsetReset { earliest, latest };

/// One enabled flow, `source->target`.
struct FlowConfig {
  std::string source;  // cluster aliases
  std::string target;

  ClientConfig source_consumer;
  ClientConfig source_admin;
  ClientConfig target_producer;
  ClientConfig target_admin;
  FetchConfig fetch;
  OffsetReset auto_offset_reset = OffsetReset::earliest;
  Isolation isolation = Isolation::read_committed;
  OffsetsMode offsets = OffsetsMode::identical;      // shunt.offsets
  bool offset_syncs_on_target = false;               // offset-syncs.topic.location
  std::int16_t offset_syncs_replication_factor = 3;  // offset-syncs.topic.replication.factor
  Policies policies;                                 // shunt.on.*
  std::int64_t offsets_padding_max = 100'000'000;
  std::chrono::milliseconds open_transaction_warn{60'000};
  std::shared_ptr<net::MemoryBudget> control_memory;  // of the process (shunt.control.memory); never null

  TopicFilter topic_filter;
  bool heartbeats_replication = true;  // heartbeats topics are mirrored whatever the filter says (KIP-1089)
  ReplicationPolicy policy;

  std::int16_t replication_factor = 2;  // of created topics; -1: the target decides
  bool refresh_topics = true;           // false: topics and partitions are those found at the start
  std::chrono::seconds refresh_topics_interval{600};
  bool sync_topic_configs = true;
  std::chrono::seconds sync_topic_configs_interval{600};
  PatternList config_properties_exclude;

  [[nodiscard]] std::string name() const { return source + "->" + target; }
  /// Whether `topic` of the source is mirrored: selected, no bookkeeping, and not on its way back.
  [[nodiscard]] bool mirrors(std::string_view topic) const;
  [[nodiscard]] std::string target_topic(std::string_view source_topic) const {
    return policy.format_remote_topic(source, source_topic);
  }
};

/// A flow MirrorMaker 2 would run for heartbeats alone: they are written into its target, no data is mirrored.
struct HeartbeatFlow {
  std::string source;
  std::string target;
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
};

}  // namespace shunt::replicate
