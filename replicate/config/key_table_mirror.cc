#include "replicate/config/key_table_data.h"

namespace shunt::replicate {

using enum ValueType;
using enum Handling;

void append_shunt_keys(std::vector<Key>& table) {
  append(
      table, {.levels = Level::global},
      {
          {"shunt.io", string, "auto", "The event loop of the data path: auto, io_uring or epoll."},
          {"shunt.shards", integer, "1", "Threads of the data path, 1 to 64."},
          {"shunt.buffer.memory", size, "33554432",
           "Buffers for data on its way, all shards together, 4 MiB to 64 GiB."},
          {"shunt.control.memory", size, "268435456",
           "What answers of brokers outside the data path may occupy while they are received and read, 4 MiB to 64 "
           "GiB."},
          {"shunt.inflight.bytes", size, "67108864",
           "Sent to one target connection and not acknowledged, 1 MiB to 16 GiB."},
          {"shunt.stall.timeout.ms", integer, "30000",
           "A connection that owes an answer and gives no byte is closed, 100 up."},
          {"shunt.metrics.listen", address, "", "Serve Prometheus metrics at this address; unset: nowhere."},
          {"shunt.core.dumps", string, "auto",
           "Core dumps after a crash: auto (only when the file holds no secret), on or off."},
          {"shunt.sandbox", string, "off",
           "Give up, once started, what a mirror has no need of (Landlock, seccomp): off, auto (what the system has), "
           "or required."},
          {"shunt.log.level", string, "info", "trace, debug, info, warn, error or off."},
      });
  append(
      table, {.levels = Level::global | Level::flow, .connector = true},
      {
          {"shunt.offsets", string, "identical",
           "Offsets on the target: identical to the source's, mapped (any, with an exact map), or auto."},
          {"shunt.loop.prevention", string, "auto",
           "Records that the flow in the other direction has brought: true leaves them out (mapped offsets), false "
           "mirrors them; auto: true if that flow is in this file."},
          {"shunt.source.header", boolean, "false",
           "Give every record a header shunt.source that names the cluster it was taken from: every batch is opened "
           "and "
           "written anew."},
          {"shunt.offsets.padding.max", integer, "100000000",
           "Offsets that a source's log no longer has at its beginning and that are filled on the target."},
          {"shunt.metadata.policy", string, "mm2",
           "Settings of topics on the target: mm2 follows the source's, conservative gives them when a topic is "
           "created "
           "and afterwards only lifts retention."},
          {"shunt.sync", string, "messages",
           "What is carried over: metadata (topics, settings, access rights), messages too, or offsets of groups too."},
          {"shunt.start.offset", string, "",
           "Where a new mirror begins: earliest, latest, a time as 2026-01-31T00:00:00Z, or milliseconds since 1970; "
           "unset: as auto.offset.reset says."},
          {"shunt.topic.mapping", list, "",
           "Names on the target, source:target; the other topics keep theirs. With IdentityReplicationPolicy alone."},
          {"shunt.topic.mapping.max", integer, "20", "How many of them there may be."},
          {"shunt.acls.prefixed", boolean, "false",
           "Carry over access rights for names that begin alike, and for all, too."},
          {"shunt.acls.groups", boolean, "false", "Carry over access rights of the groups that groups selects, too."},
          {"shunt.acls.remove", boolean, "false", "Remove access rights of mirrored topics that the source has not."},
          {"shunt.acls.keep.principals", list, "",
           "Whose access rights are never removed, as User:name; the mirror's own user is always one."},
          {"shunt.open.transaction.warn.ms", integer, "60000",
           "A transaction of the source that holds the mirror back for so long is named in the log."},
          {"shunt.on.foreign.writer", string, "stop",
           "When others write to a target partition: stop it, or continue with mapped offsets."},
          {"shunt.on.overtaken", string, "stop",
           "When the source deletes records before they are mirrored: stop the partition, or continue behind them."},
          {"shunt.on.source.recreated", string, "stop",
           "When another topic takes the source topic's place: stop, or recreate: delete what was mirrored, begin "
           "anew."},
          {"shunt.on.target.deleted", string, "stop",
           "When the target topic is deleted: stop, or recreate it and mirror what the source has."},
          {"shunt.on.target.truncated", string, "stop",
           "When the target loses acknowledged records: stop, or continue with mirroring them again."},
          {"shunt.group.offsets.rewind", boolean, "false", "Groups of the target follow the source's backwards, too."},
          {"shunt.isolation", string, "read_committed",
           "Records of transactions: read_committed mirrors those that were committed, read_uncommitted all of them."},
      });
}

void append_mirror_keys(std::vector<Key>& table) {
  append(table, {.levels = Level::global},
         {
             {"clusters", list, "", "Aliases of the clusters of this file."},
             {"config.providers", list, "", "Names of the sources of ${name:path:key} in values."},
             {"config.providers.*", string, "", "The .class of each, and its parameters .param.*."},
         });

  const Levels anywhere = Level::global | Level::flow;
  append(
      table, {.levels = anywhere, .connector = true},
      {
          {"enabled", boolean, "false", "Mirror this flow."},
          {"name", string, "MirrorSourceConnector", "Part of the client ids that brokers see."},
          {"topics", list, ".*", "Topics to mirror: Java expressions that match the whole name."},
          {"topics.exclude", list, "mm2.*\\.internal, .*\\.replica, __.*", "Topics not to mirror; wins over topics."},
          {"config.properties.exclude", list,
           "follower\\.replication\\.throttled\\.replicas, "
           "leader\\.replication\\.throttled\\.replicas, message\\.timestamp\\.difference\\.max\\.ms, "
           "message\\.timestamp\\.type, unclean\\.leader\\.election\\.enable, min\\.insync\\.replicas",
           "Topic settings not to copy: Java expressions that match the whole name."},
          {"replication.policy.class", class_name, "org.apache.kafka.connect.mirror.DefaultReplicationPolicy",
           "Names on the target: DefaultReplicationPolicy (A.topic) or IdentityReplicationPolicy (topic)."},
          {"replication.policy.separator", string, ".", "Between alias and topic in names on the target."},
          {"replication.policy.internal.topic.separator.enabled", boolean, "true",
           "Use the separator in MirrorMaker's own topics."},
          {"replication.factor", integer, "2", "Of topics created on the target; -1 leaves it to the target."},
          {"refresh.topics.enabled", boolean, "true", "Look for new topics and partitions while running."},
          {"refresh.topics.interval.seconds", integer, "600", "How often."},
          {"sync.topic.configs.enabled", boolean, "true",
           "Let the settings of topics on the target follow the source's (see shunt.metadata.policy)."},
          {"sync.topic.configs.interval.seconds", integer, "600",
           "How often; 180 unless set with shunt.metadata.policy=conservative."},
          {"use.defaults.from", string, "target",
           "A setting that is Kafka's default on the source: left to the target's own default, or set to the "
           "source's."},
          {"sync.topic.acls.enabled", boolean, "true", "Carry over the access rights of topics, but those to write."},
          {"sync.topic.acls.interval.seconds", integer, "600", "How often."},
          {"heartbeats.replication.enabled", boolean, "true",
           "Mirror heartbeats topics whatever topics says (KIP-1089)."},
          {"emit.heartbeats.enabled", boolean, "true",
           "Write heartbeats to the target, also of flows that are not enabled."},
          {"emit.heartbeats.interval.seconds", integer, "1", "How often."},
          {"heartbeats.topic.replication.factor", integer, "3", "Of the heartbeats topic; -1 leaves it to the target."},
      });

  append(table,
         {.levels = anywhere,
          .handling = refused,
          .reason = "shunt loads no Java classes; remove it",
          .harmless = "org.apache.kafka.connect.mirror.DefaultTopicFilter",
          .connector = true},
         {
             {"topic.filter.class", class_name, "org.apache.kafka.connect.mirror.DefaultTopicFilter",
              "Decides which topics to mirror."},
         });
  append(table,
         {.levels = anywhere,
          .handling = refused,
          .reason = "shunt loads no Java classes; remove it",
          .harmless = "org.apache.kafka.connect.mirror.DefaultGroupFilter",
          .connector = true},
         {
             {"group.filter.class", class_name, "org.apache.kafka.connect.mirror.DefaultGroupFilter",
              "Decides which groups to carry over."},
         });
  append(table,
         {.levels = anywhere,
          .handling = refused,
          .reason = "shunt loads no Java classes; remove it",
          .harmless = "org.apache.kafka.connect.mirror.DefaultConfigPropertyFilter",
          .connector = true},
         {
             {"config.property.filter.class", class_name, "org.apache.kafka.connect.mirror.DefaultConfigPropertyFilter",
              "Decides which topic settings to copy."},
         });
  append(table,
         {.levels = anywhere,
          .handling = refused,
          .reason = "shunt loads no Java classes; remove it",
          .harmless = "org.apache.kafka.clients.admin.ForwardingAdmin",
          .connector = true},
         {
             {"forwarding.admin.class", class_name, "org.apache.kafka.clients.admin.ForwardingAdmin",
              "Creates and changes topics on MirrorMaker's behalf (KIP-787)."},
         });
  append(table,
         {.levels = anywhere,
          .handling = refused,
          .reason = "the alias before -> is the name of the source; rename that alias",
          .connector = true},
         {
             {"source.cluster.alias", string, "", "Name of the source; the flow's own is used."},
         });
  append(table,
         {.levels = anywhere,
          .handling = refused,
          .reason = "the alias behind -> is the name of the target; rename that alias",
          .connector = true},
         {
             {"target.cluster.alias", string, "", "Name of the target; the flow's own is used."},
         });

  append(table, {.levels = anywhere, .connector = true},
         {
             {"offset-syncs.topic.location", string, "source",
              "Cluster of the offset syncs topic, where maps of offsets are kept: source or target (KIP-716)."},
             {"offset-syncs.topic.replication.factor", integer, "3", "Of the offset syncs topic."},
             {"emit.offset-syncs.enabled", boolean, "true",
              "Write where partitions with identical offsets are, for MirrorMaker 2 (KIP-1031); maps of offsets are "
              "always written."},
             {"groups", list, ".*", "Consumer groups to carry over: Java expressions that match the whole name."},
             {"groups.exclude", list, "console-consumer-.*, connect-.*, __.*", "Groups not to; wins over groups."},
             {"emit.checkpoints.enabled", boolean, "true",
              "Write where groups are to the checkpoints topic of the target, for RemoteClusterUtils."},
             {"emit.checkpoints.interval.seconds", integer, "60", "How often, from 1 up."},
             {"checkpoints.topic.replication.factor", integer, "3",
              "Of the checkpoints topic; -1 leaves it to the target."},
             {"sync.group.offsets.enabled", boolean, "false",
              "Write where groups are to the target's groups, as long as these have no members."},
             {"sync.group.offsets.interval.seconds", integer, "60",
              "How often, from 1 up; both are done at the smaller interval."},
         });
  append(
      table,
      {.levels = anywhere, .handling = no_effect, .reason = "groups are looked for in every round", .connector = true},
      {
          {"refresh.groups.enabled", boolean, "true", "Look for new groups while running."},
          {"refresh.groups.interval.seconds", integer, "600", "How often."},
      });
  append(table,
         {.levels = anywhere,
          .handling = no_effect,
          .reason = "group offsets are translated exactly at any distance",
          .connector = true},
         {
             {"offset.lag.max", integer, "100", "How far behind an offset sync may be."},
         });
  append(table,
         {.levels = anywhere, .handling = no_effect, .reason = "shunt has no consumer to poll", .connector = true},
         {
             {"consumer.poll.timeout.ms", integer, "1000", "Time-out of one poll."},
         });
  append(table,
         {.levels = anywhere, .handling = no_effect, .reason = "see request.timeout.ms of admin.", .connector = true},
         {
             {"admin.timeout.ms", integer, "60000", "Time-out of administrative calls."},
         });
  append(table,
         {.levels = anywhere,
          .handling = no_effect,
          .reason = "metrics are served at shunt.metrics.listen",
          .connector = true},
         {
             {"metric.reporters", list, "org.apache.kafka.common.metrics.JmxReporter", "Where metrics go."},
             {"metric.names.formats", list, "legacy", "Names of metrics: legacy, new or both (KIP-1280)."},
         });
  append(
      table, {.levels = anywhere, .handling = no_effect, .reason = "removed from MirrorMaker 2", .connector = true},
      {
          {"use.incremental.alter.configs", string, "requested", "Which request changes topic settings (3.5 to 3.9)."},
          {"add.source.alias.to.metrics", boolean, "false", "A source tag on metrics (3.5 to 3.9)."},
          {"auto.include.jmx.reporter", boolean, "true", "Metrics to JMX as well (until 3.9)."},
      });
  append(table, {.levels = anywhere, .handling = renamed, .reason = "topics.exclude", .connector = true},
         {
             {"topics.blacklist", list, "", "Its name until 2.7."},
         });
  append(table, {.levels = anywhere, .handling = renamed, .reason = "groups.exclude", .connector = true},
         {
             {"groups.blacklist", list, "", "Its name until 2.7."},
         });
  append(table, {.levels = anywhere, .handling = renamed, .reason = "config.properties.exclude", .connector = true},
         {
             {"config.properties.blacklist", list, "", "Its name until 2.7."},
         });
}

}  // namespace shunt::replicate
