// The part of Replication that gives partitions to the data path: to whoever leads them on both sides now.
#include <utility>

#include <spdlog/spdlog.h>

#include "replicate/control/leaders.h"
#include "replicate/control/replication.h"
#include "replicate/control/routes.h"

namespace shunt::replicate {

using namespace std::chrono_literals;
using net::Awaitable;

namespace {

constexpr auto pause_for_leader = 250ms;

}  // namespace

void Replication::begin_assignments() {
  for (std::vector<Partition*>& group : by_leaders(due_in(Phase::assignable))) {
    begin_work(std::move(group), &Replication::assign);
  }
}

Awaitable<> Replication::assign(std::vector<Partition*> due) {
  Routes routes(source_, target_);
  std::vector<std::pair<Partition*, Route>> moved;
  for (Partition* partition : due) {
    const FoundRoute found = co_await routes.find(partition->spec);
    if (stopping_) co_return;
    if (!is_still_assignable(*partition)) continue;
    if (!found.route) {
      (found.is_source_stale() ? source_doubt_ : target_doubt_).is_stale = true;
      wait_for_leader(*partition, found.reason, found.condition);
    } else if (partition->source_epoch && *partition->source_epoch != found.route->source.leader_epoch) {
      moved.emplace_back(partition, *found.route);
    } else {
      assign(*partition, *found.route);
    }
  }
  if (!moved.empty()) co_await check_source_epochs(std::move(moved));
}

/// The source has elected other leaders for these. Do they still have what was mirrored (KIP-320)? Where a new leader's
/// log has the old epoch, and that goes on to the flow's position, it does. All else is left to a comparison.
Awaitable<> Replication::check_source_epochs(std::vector<std::pair<Partition*, Route>> moved) {
  std::map<TopicPartition, protocol::LeaderEpoch> asked;
  std::vector<TopicPartition> sources;
  for (const auto& [partition, route] : moved) {
    sources.push_back({partition->spec.source_topic, partition->spec.partition});
    asked[sources.back()] = *partition->source_epoch;
  }
  const Answers<EpochEnd> answers = co_await epoch_ends(source_, std::move(asked));
  // What a run is to reach may be gone with the old leader.
  Answers<protocol::Offset> ends;
  if (settings_.until_caught_up) ends = co_await readable_ends(source_, sources, settings_.detours.isolation);
  std::vector<std::pair<Partition*, Route>> mapped;
  for (const auto& [partition, route] : moved) {
    if (stopping_) co_return;
    if (!is_still_assignable(*partition)) continue;
    const TopicPartition source{partition->spec.source_topic, partition->spec.partition};
    const Answered<EpochEnd>& answered = answers.at(source);
    const auto end = ends.find(source);
    const auto wait_for = [&](const auto& missing) {
      source_doubt_.is_stale = true;
      wait_for_leader(*partition, missing.reason,
                      condition_of(missing, Condition::source_unauthorized, Condition::source_leader));
    };
    const std::int64_t position = partition->standing ? partition->standing->confirmed.value() : partition->start;
    if (!answered.value) {
      wait_for(answered);
    } else if (end != ends.end() && !end->second.value) {
      wait_for(end->second);
    } else if (answered.value->epoch == *partition->source_epoch && answered.value->end.value() >= position) {
      if (end != ends.end()) set_goal(*partition, *end->second.value);
      if (partition->spec.is_mapped()) {
        mapped.emplace_back(partition, route);
      } else {
        assign(*partition, route);
      }
    } else {
      spdlog::debug("{}: {} is compared with its source again: leader epoch {} ends at {} there", settings_.name,
                    partition->spec.source_name(), answered.value->epoch.value(), answered.value->end.value());
      partition->due = {};
      set_phase(*partition, Phase::admitting);
    }
  }
  if (!mapped.empty()) co_await assign_mapped(std::move(mapped));
}

/// After a question, with whose answer there may have come others.
bool Replication::is_still_assignable(Partition& partition) {
  if (partition.phase != Phase::assignable || partition.readmission) return false;
  if (are_topics_same(topics_.at(partition.spec.source_topic))) return true;
  partition.due = now() + pause_for_leader;
  return false;
}

void Replication::assign(Partition& partition, const Route& route) {
  spdlog::debug("{}: {} goes from source broker {} to target broker {}", settings_.name, partition.spec.source_name(),
                route.source.broker.value(), route.target.broker.value());
  partition.source_epoch = route.source.leader_epoch;
  partition.assigned_at = now();
  const MirroredTopic& topic = topics_.at(partition.spec.source_topic);
  partition.route = route;
  partition.route.source.topic_id = topic.source.id();
  partition.route.target.topic_id = topic.target.id();
  partition.is_leaving_broker = false;
  partition.is_in_shard = true;
  set_phase(partition, Phase::running);
  if (partition.spec.is_mapped()) mapped_->handle_sending(partition);
  shards_.assign({.spec = partition.spec,
                  .route = partition.route,
                  .standing = partition.standing,
                  .compared = partition.compared});
}

void Replication::wait_for_leader(Partition& partition, const std::string& reason, Condition condition) {
  put_off(partition, Phase::assignable, pause_for_leader, reason, condition);
}

}  // namespace shunt::replicate
