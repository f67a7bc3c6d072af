#include "replicate/config/key_table_data.h"

namespace shunt::replicate {

using enum ValueType;
using enum Handling;

void append_connect_keys(std::vector<Key>& table) {
  const Levels connector = Level::global | Level::flow;
  append(table,
         {.levels = connector,
          .handling = no_effect,
          .reason = "work is spread over shunt.shards threads",
          .connector = true},
         {
             {"tasks.max", integer, "1", "Tasks of a connector."},
             {"tasks.max.enforce", boolean, "true", "Refuse more tasks than that."},
         });
  append(table,
         {.levels = connector, .handling = no_effect, .reason = "shunt is no Connect connector", .connector = true},
         {
             {"connector.class", class_name, "", "The connector's class."},
             {"connector.plugin.version", string, "", "The connector's version."},
             {"config.action.reload", string, "restart", "What a changed secret does: none or restart."},
             {"offsets.storage.topic", string, "",
              "Where the connector keeps its positions; shunt keeps none outside the target."},
             {"topic.creation.*", string, "", "How Connect creates topics; see replication.factor."},
         });
  append(table,
         {.levels = connector | Level::cluster,
          .handling = no_effect,
          .reason = "record batches are mirrored as they are, nothing is converted",
          .connector = true},
         {
             {"key.converter", class_name, "", "Turns keys into Connect's data model and back."},
             {"value.converter", class_name, "", "Turns values into Connect's data model and back."},
             {"header.converter", class_name, "", "Turns headers into Connect's data model and back."},
             {"key.converter.*", string, "", "Settings of the key converter."},
             {"value.converter.*", string, "", "Settings of the value converter."},
             {"header.converter.*", string, "", "Settings of the header converter."},
         });
  append(table,
         {.levels = connector,
          .handling = refused,
          .reason = "record batches are mirrored as they are, nothing transforms them; remove it",
          .connector = true},
         {
             {"transforms", list, "", "Changes made to each record."},
         });
  append(table,
         {.levels = connector, .handling = no_effect, .reason = "there are no transforms for it", .connector = true},
         {
             {"transforms.*", string, "", "Settings of transforms."},
             {"predicates", list, "", "Conditions for transforms."},
             {"predicates.*", string, "", "Settings of predicates."},
         });
  append(table,
         {.levels = connector,
          .handling = no_effect,
          .reason = "shunt never skips a record; what cannot be mirrored stops its partition",
          .connector = true},
         {
             {"errors.tolerance", string, "none", "Skip records that fail: none or all."},
             {"errors.retry.timeout", integer, "0", "How long a failed record is tried again."},
             {"errors.retry.delay.max.ms", integer, "60000", "Longest pause between those tries."},
             {"errors.log.enable", boolean, "false", "Log failed records."},
             {"errors.log.include.messages", boolean, "false", "Log their contents as well."},
         });
  append(table,
         {.levels = connector | Level::cluster,
          .handling = no_effect,
          .reason = "shunt mirrors each record exactly once, always",
          .connector = true},
         {
             {"exactly.once.support", string, "requested", "requested or required."},
             {"exactly.once.source.support", string, "disabled", "disabled, preparing or enabled."},
             {"transaction.boundary", string, "poll", "When Connect's transactions end."},
             {"transaction.boundary.interval.ms", integer, "", "How often, with the boundary interval."},
         });

  const Levels worker = Level::global | Level::cluster;
  append(
      table,
      {.levels = Level::global | Level::cluster, .handling = no_effect, .reason = "shunt has no Connect REST server"},
      {
          {"dedicated.mode.enable.internal.rest", boolean, "false", "REST between MirrorMaker's nodes (KIP-710)."},
          {"listeners", list, "http://:8083", "Addresses of the REST server."},
          {"admin.listeners", list, "", "Addresses of its administrative part."},
          {"rest.advertised.host.name", string, "", "Name other workers use."},
          {"rest.advertised.port", integer, "", "Port other workers use."},
          {"rest.advertised.listener", string, "", "Protocol other workers use."},
          {"rest.extension.classes", list, "", "Plug-ins of the REST server."},
          {"access.control.allow.origin", string, "", "CORS origins of the REST server."},
          {"access.control.allow.methods", string, "", "CORS methods of the REST server."},
          {"response.http.headers.config", string, "", "Headers of its answers."},
      });
  append(table, {.levels = worker},
         {
             {"offset.storage.topic", string, "",
              "Connect's topic for positions: read where MirrorMaker 2 is taken over from, kept up to date where it is "
              "there; unset: mm2-offsets.A.internal."},
             {"offset.flush.interval.ms", integer, "60000", "How often positions are written to it."},
         });
  append(table,
         {.levels = worker,
          .handling = no_effect,
          .reason = "the target's log is shunt's only state; it creates no topics of Connect's"},
         {
             {"offset.storage.*", string, "", "Connect's topic for positions: replication.factor, partitions."},
             {"config.storage.*", string, "", "Connect's topic for configurations."},
             {"status.storage.*", string, "", "Connect's topic for states."},
             {"offset.flush.timeout.ms", integer, "5000", "How long that may take."},
         });
  append(table,
         {.levels = worker, .handling = no_effect, .reason = "shunt is one process, not a group of Connect workers"},
         {
             {"group.id", string, "", "Group of the Connect workers."},
             {"heartbeat.interval.ms", integer, "3000", "Heartbeats in the group of workers."},
             {"session.timeout.ms", integer, "10000", "A silent worker leaves after this time."},
             {"rebalance.timeout.ms", integer, "60000", "How long workers may take to join."},
             {"connect.protocol", string, "sessioned", "How work is dealt out among workers."},
             {"scheduled.rebalance.max.delay.ms", integer, "300000", "How long a lost worker is waited for."},
             {"worker.sync.timeout.ms", integer, "3000", "How long a worker may take to catch up with its group."},
             {"worker.unsync.backoff.ms", integer, "300000", "How long it stays out when it could not."},
             {"task.shutdown.graceful.timeout.ms", integer, "5000", "How long tasks may take to end."},
             {"inter.worker.*", string, "", "Authentication between workers."},
             {"topic.tracking.*", string, "", "Connect's list of topics a connector uses."},
             {"connector.client.config.override.policy", class_name, "All",
              "Which client settings connectors may override."},
         });
  append(table, {.levels = worker, .handling = no_effect, .reason = "shunt loads no plug-ins"},
         {
             {"plugin.path", list, "", "Folders of Connect plug-ins."},
             {"plugin.discovery", string, "hybrid_warn", "How plug-ins are found."},
         });
}

}  // namespace shunt::replicate
