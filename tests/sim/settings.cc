#include "tests/sim/settings.h"

#include <fmt/format.h>

namespace shunt::sim {

using namespace std::chrono_literals;
using replicate::Isolation;

namespace {

replicate::ClusterSettings cluster_settings(const std::string& alias, std::uint16_t first_port, std::int32_t brokers) {
  replicate::ClusterSettings settings;
  settings.alias = alias;
  for (std::int32_t broker = 0; broker < brokers; ++broker) {
    settings.bootstrap.push_back({.host = "127.0.0.1", .port = static_cast<std::uint16_t>(first_port + broker)});
  }
  settings.client.connect_timeout = 1s;
  settings.client.handshake_timeout = 1s;
  settings.client.request_timeout = 3s;
  return settings;
}

}  // namespace

replicate::StartPosition start_of(const Scenario& scenario) {
  return {.kind = scenario.start, .time_ms = World::first_unix_ms + scenario.start_ms};
}

replicate::ReplicationSettings replication_settings(const Scenario& scenario, World& world) {
  replicate::ReplicationSettings settings;
  settings.name = "source->target";
  settings.source = cluster_settings(source_alias, source_port, scenario.brokers);
  settings.target = cluster_settings(target_alias, target_port, scenario.brokers);
  settings.topics.patience = 5s;
  settings.includes = [](std::string_view topic) { return topic == topic_name; };
  settings.target_topic = [](std::string_view topic) { return std::string(topic); };
  settings.offsets = scenario.mapped ? replicate::OffsetsMode::mapped : replicate::OffsetsMode::identical;
  if (scenario.automatic) {
    settings.offsets = replicate::OffsetsMode::automatic;
    settings.most_padding = most_padding;
  }
  settings.start = start_of(scenario);
  settings.detours.may_begin_inside = settings.start.is_later();
  if (scenario.habits.opposite >= 0) settings.loop_prevention = replicate::LoopPrevention::leave_out;
  settings.offset_syncs = {.topic = syncs_topic_name, .patience = 5s, .produce_timeout_ms = 2000};
  settings.offset_syncs_on_target = scenario.syncs_on_target;
  settings.refresh_interval = 5s;
  settings.until_caught_up = scenario.until_caught_up;
  settings.recovery.waits_for_rights = !scenario.until_caught_up;
  settings.topic_patience = 3s;
  settings.detours.isolation = scenario.isolation;
  settings.detours.stretch_bytes = static_cast<std::int32_t>(world.between(500, 100'000));
  settings.detours.produce_timeout_ms = 2000;
  settings.detours.holes.patience = 5s;
  if (scenario.continue_overtaken) settings.policies.set(replicate::Condition::overtaken, replicate::Policy::go_on);
  if (scenario.continue_foreign && scenario.mistake != Mistake::unheeded_policy) {
    settings.policies.set(replicate::Condition::foreign_writer, replicate::Policy::go_on);
  }
  if (scenario.continue_truncated) {
    settings.policies.set(replicate::Condition::target_truncated, replicate::Policy::go_on);
  }
  const bool is_removing = scenario.mistake == Mistake::unasked_removal;
  if ((scenario.recreate_source || is_removing) && scenario.mistake != Mistake::unchosen_stop) {
    settings.policies.set(replicate::Condition::source_recreated, replicate::Policy::recreate);
  }
  if (scenario.recreate_target) {
    settings.policies.set(replicate::Condition::target_deleted, replicate::Policy::recreate);
  }
  switch (scenario.mistake) {
    case Mistake::no_doubt:
      settings.detours.holes.doubt = 0s;
      break;
    case Mistake::copied_transactions:
      settings.detours.isolation = Isolation::read_uncommitted;
      break;
    case Mistake::foreign_identity:
      // The identity is derived from the aliases.
      settings.target.alias = fmt::format("target{}", world.between(0, 1'000'000));
      break;
    case Mistake::changed_mind:
      settings.offsets = world.chance(0.5) ? replicate::OffsetsMode::mapped : replicate::OffsetsMode::identical;
      break;
    case Mistake::needless_map:
      settings.offsets = replicate::OffsetsMode::mapped;
      break;
    case Mistake::needless_stop:
      settings.offsets = replicate::OffsetsMode::identical;
      break;
    case Mistake::forgotten_loops:
      settings.loop_prevention = replicate::LoopPrevention::off;
      break;
    case Mistake::early_beginning:
      settings.start = {};
      break;
    case Mistake::late_beginning:
      settings.start.time_ms += 500;
      break;
    default:
      break;
  }
  return settings;
}

replicate::DataSettings data_settings(const Scenario& scenario, World& world) {
  replicate::DataSettings data;
  data.source.fetch.max_bytes = static_cast<std::int32_t>(world.between(2'000, 400'000));
  data.source.fetch.partition_max_bytes = static_cast<std::int32_t>(world.between(1'000, 200'000));
  data.source.fetch.isolation =
      scenario.mistake == Mistake::forwarded_transactions ? Isolation::read_uncommitted : scenario.isolation;
  data.source.stall_timeout = 2s;
  if (scenario.mistake == Mistake::trusted_places) data.source.place_trust = 24h;
  data.source_link = {.client_id = "shunt", .setup_timeout = 1s};
  data.target_link = data.source_link;
  data.target.produce.client_id = "shunt";
  data.target.in_flight_bytes = static_cast<std::size_t>(world.between(3'000, 2'000'000));
  data.target.unsent_bytes = static_cast<std::size_t>(world.between(1'000, 200'000));
  data.target.request_timeout = 3s;
  return data;
}

}  // namespace shunt::sim
