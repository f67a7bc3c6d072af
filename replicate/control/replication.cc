#include "replicate/control/replication.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "replicate/control/leaders.h"
#include "replicate/identity.h"

namespace shunt::replicate {

using namespace std::chrono_literals;
using net::Awaitable;
using net::Time;

namespace {

// How often progress is compared with the goals of --until-caught-up.
constexpr auto goal_interval = 20ms;
constexpr auto longest_wait = 1s;

// Each holds a stretch of its partition's log, and what becomes of it.
constexpr std::size_t most_detours = 16;

// Each reads the ends of some logs.
constexpr std::size_t most_admissions = 32;

// A partition that has run for so long, and owes the target nothing, is no longer held up.
constexpr auto calm = 5s;

}  // namespace

Replication::Replication(const net::asio::any_io_executor& executor, ReplicationSettings settings, Shards& shards)
    : settings_(std::move(settings)),
      executor_(executor),
      shards_(shards),
      tag_(flow_tag(settings_.source.alias, settings_.target.alias)),
      source_(executor, settings_.source),
      target_(executor, settings_.target),
      changed_(executor),
      open_transactions_(source_, settings_.open_transaction_patience) {
  if (!settings_.failover_marks.topic.empty()) {
    marks_cluster_.emplace(executor, marks_cluster_settings(settings_.target));
    failover_marks_.emplace(*marks_cluster_, settings_.failover_marks);
    is_cleared_ = false;
  }
  if (!settings_.may_map()) return;
  OffsetSyncsSettings syncs = settings_.offset_syncs;
  syncs.tag = tag_;
  mapped_.emplace(source_, target_, settings_.offset_syncs_on_target, std::move(syncs), settings_.connect_offsets,
                  settings_.detours.isolation, settings_.loop_guard());
}

// ---- The loop -------------------------------------------------------------------------------------------------------

Awaitable<> Replication::run() {
  // However it ends: a connection left open would keep the control thread waiting for what it may say.
  struct CloseAtEnd {
    ~CloseAtEnd() {
      source.close();
      target.close();
    }
    Cluster& source;
    Cluster& target;
  };
  const CloseAtEnd close_at_end{.source = source_, .target = target_};
  std::exception_ptr failure;
  try {
    co_await follow();
  } catch (...) {
    failure = std::current_exception();
  }
  co_await end_tasks();
  if (mapped_) co_await end_mapped_flows();
  if (failure) std::rethrow_exception(failure);
  if (failure_) std::rethrow_exception(failure_);
}

Awaitable<> Replication::follow() {
  co_await first_contact(source_);
  co_await first_contact(target_);
  if (mapped_) co_await load_maps();
  while (!stopping_ && !failure_) {
    begin_look_for_failover();
    if (may_mirror()) {
      if (now() >= next_discovery_) co_await discover();
      co_await ask_again();
    }
    close_failed_over();
    settle_closed();
    if (may_mirror()) {
      begin_removals();
      begin_admissions();
      begin_assignments();
      begin_detours();
    }
    watch_flows();
    if (may_mirror()) co_await name_open_transactions();
    if (mapped_) begin_storing_maps();
    say_what_is_due();
    finish_caught_up();
    if (settings_.until_caught_up && all_ended()) break;
    const Time latest = now() + (settings_.until_caught_up ? goal_interval : longest_wait);
    const Time wake = may_mirror() ? std::min({next_due(), next_discovery_, latest}) : latest;
    if (wake > now()) co_await changed_.wait(wake);
  }
}

void Replication::stop(bool graceful) {
  stopping_ = true;
  if (!graceful) {
    is_cut_off_ = true;
    source_.close();
    target_.close();
  }
  changed_.announce();
}

Awaitable<> Replication::first_contact(Cluster& cluster) {
  const Time deadline = now() + settings_.contact_patience;
  while (!stopping_) {
    try {
      co_await cluster.refresh();
      co_return;
    } catch (const ClusterError& error) {
      if (error.is_final() || now() >= deadline) throw;
    }
    co_await changed_.wait(std::min(deadline, now() + 250ms));
  }
}

// ---- Partitions -----------------------------------------------------------------------------------------------------

std::vector<Replication::Partition*> Replication::due_in(Phase phase) {
  std::vector<Partition*> due;
  const Time time = now();
  for (const auto& [id, partition] : by_id_) {
    if (partition->phase == phase && partition->due <= time && can_begin(*partition)) due.push_back(partition);
  }
  return due;
}

/// What its phase asks for, but for the time.
bool Replication::can_begin(const Partition& partition) const {
  if (partition.is_busy) return false;
  switch (partition.phase) {
    case Phase::admitting:
      return partition.spec.is_mapped() ? !are_maps_busy_ : admissions_ < most_admissions;
    case Phase::assignable:
      return true;
    case Phase::waiting_for_detour:
      return detours_ < most_detours;
    default:
      return false;
  }
}

// ---- Tasks ----------------------------------------------------------------------------------------------------------

void Replication::begin_task(Awaitable<> task) {
  ++tasks_;
  net::asio::co_spawn(executor_, std::move(task), [this](std::exception_ptr failure) {
    --tasks_;
    if (failure && !failure_) failure_ = std::move(failure);
    changed_.announce();
  });
}

/// Detours end between two stretches.
Awaitable<> Replication::end_tasks() {
  stopping_ = true;
  if (marks_cluster_) marks_cluster_->close();
  while (tasks_ > 0) co_await changed_.wait(Time::max());
}

/// Those between the same two brokers together.
std::vector<std::vector<Replication::Partition*>> Replication::by_leaders(
    const std::vector<Partition*>& partitions) const {
  const auto leader = [](const Cluster& cluster, const TopicPartition& partition) {
    const Topic::Partition* known = cluster.find_partition(partition);
    return known == nullptr ? protocol::BrokerId(-1) : known->leader;
  };
  std::map<std::pair<protocol::BrokerId, protocol::BrokerId>, std::vector<Partition*>> groups;
  for (Partition* partition : partitions) {
    const FlowSpec& spec = partition->spec;
    groups[{leader(source_, {spec.source_topic, spec.partition}), leader(target_, {spec.target_topic, spec.partition})}]
        .push_back(partition);
  }
  std::vector<std::vector<Partition*>> all;
  all.reserve(groups.size());
  for (auto& [leaders, group] : groups) all.push_back(std::move(group));
  return all;
}

void Replication::begin_work(std::vector<Partition*> partitions, Work work) {
  for (Partition* partition : partitions) partition->is_busy = true;
  begin_task(work_on(std::move(partitions), work));
}

Awaitable<> Replication::work_on(std::vector<Partition*> partitions, Work work) {
  co_await (this->*work)(partitions);
  for (Partition* partition : partitions) release(*partition);
}

/// The task has ended: what was left to its end happens now.
void Replication::release(Partition& partition) {
  partition.is_busy = false;
  const MirroredTopic& topic = topics_.at(partition.spec.source_topic);
  const std::optional<std::string> readmission = std::exchange(partition.readmission, std::nullopt);
  if (topic.stage != MirroredTopic::Stage::mirrored) {
    if (!partition.is_in_shard) hold(partition, topic);
  } else if (readmission) {
    readmit(partition, *readmission);
  }
}

// ---- Running --------------------------------------------------------------------------------------------------------

void Replication::handle_parked(const Parked& parked) {
  const auto found = by_id_.find(parked.flow_id);
  if (found == by_id_.end()) return;
  found->second->is_in_shard = false;
  handle_left(*found->second, parked);
}

/// The data path, or a detour, has no more to do with the partition.
void Replication::handle_left(Partition& partition, const Parked& parked) {
  changed_.announce();
  spdlog::debug("{}: {} is parked: {}", settings_.name, partition.spec.source_name(), parked.reason);
  partition.standing = parked.standing;
  partition.is_in_doubt = partition.is_in_doubt || parked.is_in_doubt;
  // Whoever has fenced out one with identical offsets may have mapped them.
  const bool is_admission_due = partition.spec.is_mapped() ? mapped_->handle_left(partition, parked)
                                                           : mapped_ && parked.cause == ParkCause::superseded;
  const MirroredTopic& topic = topics_.at(partition.spec.source_topic);
  if (topic.stage != MirroredTopic::Stage::mirrored) {
    hold(partition, topic);
    return;
  }
  const std::int64_t position = partition.position();
  RecoveryAction action = partition.recovery.handle_parked(parked, position);
  // It may have been on its way out, for another reason, when it was to be admitted anew.
  const bool goes_on = action.kind == RecoveryAction::Kind::retry || action.kind == RecoveryAction::Kind::detour;
  if (std::exchange(partition.readmission, std::nullopt) && goes_on) action.kind = RecoveryAction::Kind::readmit;
  if (is_admission_due && goes_on) action.kind = RecoveryAction::Kind::readmit;
  // It was on its way out, for another reason, when it had reached its goal.
  if (partition.phase == Phase::done && action.kind != RecoveryAction::Kind::fail) return;
  const std::optional<Condition> condition = condition_of(parked.cause);
  partition.due = now() + action.delay;
  source_doubt_.is_stale = source_doubt_.is_stale || action.refresh_source;
  target_doubt_.is_stale = target_doubt_.is_stale || action.refresh_target;
  switch (action.kind) {
    case RecoveryAction::Kind::finished:
      set_phase(partition, partition.goal >= 0 && partition.reached() >= partition.goal ? Phase::done : Phase::stopped);
      break;
    case RecoveryAction::Kind::fail:
      doubt(partition, action.reason, condition);
      break;
    case RecoveryAction::Kind::readmit:
      spdlog::log(parked.cause == ParkCause::out_of_range ? spdlog::level::info : spdlog::level::debug,
                  "{}: {}; both logs are compared again", settings_.name, action.reason);
      ++partition.interruptions;
      set_phase(partition, Phase::admitting, action.reason);
      break;
    case RecoveryAction::Kind::detour:
      partition.admitted.reset();
      set_phase(partition, Phase::waiting_for_detour);
      break;
    case RecoveryAction::Kind::retry:
      ++partition.interruptions;
      set_phase(partition, Phase::assignable, action.reason);
      break;
  }
  if (condition && action.kind != RecoveryAction::Kind::fail) hold_up(partition, *condition, action.reason);
}

void Replication::doubt(Partition& partition, const std::string& reason, std::optional<Condition> condition) {
  source_doubt_.is_stale = target_doubt_.is_stale = true;
  const std::lock_guard lock(mutex_);
  partition.phase = Phase::doubtful;
  partition.reason = reason;
  partition.condition = condition;
}

/// A doubtful partition whose topics are still the same ones.
void Replication::handle_failed(Partition& partition) {
  if (partition.condition == Condition::source_recreated) {
    close(topics_.at(partition.spec.source_topic), *partition.condition, partition.reason);
    return;
  }
  const std::string name = partition.spec.source_name();
  if (partition.condition == Condition::target_truncated &&
      settings_.policies.of(Condition::target_truncated) == Policy::go_on) {
    spdlog::error("{}: {}; mirroring them again (shunt.on.target.truncated)", settings_.name, partition.reason);
    count(partition.spec.source_topic, Condition::target_truncated);
    partition.standing.reset();
    partition.due = {};
    set_phase(partition, Phase::admitting);
    return;
  }
  if (partition.condition == Condition::foreign_writer && map_behind_others(partition, partition.reason)) return;
  std::string reason = partition.reason;
  if (partition.condition == Condition::target_truncated) {
    reason += "; shunt.on.target.truncated=continue mirrors them again";
  } else if (partition.condition == Condition::foreign_writer) {
    reason += "; shunt.on.foreign.writer=continue goes on with mapped offsets";
  }
  spdlog::error("{}: {} stops: {}", settings_.name, name, reason);
  set_failed(partition, partition.condition, reason);
}

Awaitable<> Replication::name_open_transactions() {
  if (!open_transactions_.is_due(now())) co_return;
  std::vector<const FlowSpec*> flows;
  flows.reserve(by_id_.size());
  for (const auto& [id, partition] : by_id_) flows.push_back(&partition->spec);
  const std::vector<OpenTransactions::Named> named = co_await open_transactions_.look(std::move(flows), now());
  for (const OpenTransactions::Named& one : named) {
    spdlog::warn("{}: {}", settings_.name, one.text);
    count(one.source_topic, Condition::open_transaction);
  }
}

// ---- Conditions -----------------------------------------------------------------------------------------------------

void Replication::hold_up(Partition& partition, Condition condition, const std::string& reason) {
  const std::int64_t position = partition.position();
  if (position > partition.held_up_at) episodes_.end(partition.spec.id);
  partition.held_up_at = position;
  if (episodes_.add(condition, partition.spec.id, partition.spec.source_name(), reason, now())) {
    count(partition.spec.source_topic, condition);
  }
  const std::lock_guard lock(mutex_);
  partition.condition = condition;
}

void Replication::count(const std::string& source_topic, Condition condition) {
  const std::lock_guard lock(mutex_);
  ++conditions_[{source_topic, condition}];
}

/// Which of those that were held up are on their way again, and which are slowed down by quotas.
void Replication::watch_flows() {
  const Time time = now();
  if (time < next_watch_) return;
  next_watch_ = time + longest_wait;
  for (const auto& [id, partition] : by_id_) {
    const FlowProgress& progress = *partition->spec.progress;
    watch_throttling(*partition, partition->source_throttling,
                     progress.source_throttled_ms.load(std::memory_order_relaxed), Condition::source_throttled);
    watch_throttling(*partition, partition->target_throttling,
                     progress.target_throttled_ms.load(std::memory_order_relaxed), Condition::target_throttled);
    if (!partition->condition) continue;
    const bool is_calm = partition->phase == Phase::running && time - partition->assigned_at > calm &&
                         progress.in_flight_bytes.load(std::memory_order_relaxed) == 0;
    if (partition->position() > partition->held_up_at || is_calm) {
      if (partition->phase == Phase::running || partition->phase == Phase::detouring ||
          partition->phase == Phase::done) {
        episodes_.end(id);
        const std::lock_guard lock(mutex_);
        partition->condition.reset();
      }
    }
  }
}

void Replication::watch_throttling(Partition& partition, Throttling& throttling, std::uint64_t heard_ms,
                                   Condition condition) {
  const std::uint64_t added_ms = heard_ms - std::exchange(throttling.heard_ms, heard_ms);
  if (added_ms > 0) {
    throttling.until = now() + std::chrono::milliseconds(added_ms);
    const std::string reason = fmt::format("a broker asked for a pause of {} ms", added_ms);
    if (episodes_.add(condition, partition.spec.id, partition.spec.source_name(), reason, now())) {
      count(partition.spec.source_topic, condition);
    }
  } else if (throttling.until != Time{} && now() > throttling.until + calm) {
    throttling.until = {};
    episodes_.end(partition.spec.id, condition);
  }
}

void Replication::say_what_is_due() {
  for (const Episodes::Line& line : episodes_.take(now())) {
    spdlog::log(line.is_end ? spdlog::level::info : spdlog::level::warn, "{}: {}", settings_.name, line.text);
  }
}

// ---- Detours --------------------------------------------------------------------------------------------------------

void Replication::begin_detours() {
  for (const auto& [id, partition] : by_id_) {
    if (stopping_ || detours_ == most_detours) return;
    if (partition->phase != Phase::waiting_for_detour || partition->due > now()) continue;
    const Topic::Partition* known = source_.find_partition({partition->spec.source_topic, partition->spec.partition});
    if (known != nullptr && partition->source_epoch.value_or(known->leader_epoch) != known->leader_epoch) {
      set_phase(*partition, Phase::admitting);  // another leader: does it have what was mirrored?
      continue;
    }
    if (!partition->detour) {
      // Named after the target's partition: whatever is mirrored there, one fence guards it.
      partition->detour = std::make_unique<Detour>(
          source_, target_, partition->spec, fmt::format("shunt.{}.{}", settings_.name, partition->spec.target_name()),
          settings_.detours);
    }
    set_phase(*partition, Phase::detouring);
    partition->is_busy = true;
    ++detours_;
    begin_task(take_detour(*partition));
  }
}

Awaitable<> Replication::take_detour(Partition& partition) {
  struct Ended {
    ~Ended() { --detours; }
    std::size_t& detours;
  };
  const Ended ended{detours_};
  const MirroredTopic& topic = topics_.at(partition.spec.source_topic);
  DetourStart start;
  start.standing = partition.standing;
  start.admitted = partition.admitted;
  start.head = partition.head;
  if (settings_.start.is_later()) start.begin = partition.begin;
  start.is_in_doubt = std::exchange(partition.is_in_doubt, false);
  start.awaits_late_markers = partition.awaits_late_markers;
  start.source_log = {.topic_id = topic.source.id(),
                      .leader_epoch = partition.source_epoch.value_or(protocol::LeaderEpoch(-1))};
  start.target_topic_id = topic.target.id();
  if (partition.spec.is_mapped()) mapped_->handle_sending(partition);
  DetourEnd end = co_await partition.detour->walk(
      start, [this, &topic] { return stopping_ || topic.stage != MirroredTopic::Stage::mirrored; });
  if (end.is_located) {
    partition.admitted.reset();
    partition.awaits_late_markers = false;
  }
  partition.is_fence_due = !end.is_passed;
  partition.is_busy = false;
  const std::optional<std::string> readmission = std::exchange(partition.readmission, std::nullopt);
  if (readmission && topic.stage == MirroredTopic::Stage::mirrored) {
    set_phase(partition, Phase::admitting, *readmission);
    co_return;
  }
  if (!end.is_passed || topic.stage != MirroredTopic::Stage::mirrored) {
    handle_left(partition, end.parked);
    // What it has begun is fenced before anything else is written.
    if (partition.phase == Phase::assignable) set_phase(partition, Phase::waiting_for_detour, partition.reason);
    co_return;
  }
  partition.standing = end.parked.standing;
  partition.head.reset();
  partition.due = {};
  set_phase(partition, Phase::assignable);
}

// ---- The end --------------------------------------------------------------------------------------------------------

/// `end`: of what the source has for readers. If it was more when the run began, that is lost, and not waited for.
void Replication::set_goal(Partition& partition, protocol::Offset end) {
  if (!settings_.until_caught_up) return;
  const std::lock_guard lock(mutex_);
  partition.goal = partition.goal < 0 ? end.value() : std::min(partition.goal, end.value());
}

void Replication::finish_caught_up() {
  if (!settings_.until_caught_up) return;
  for (const auto& [id, partition] : by_id_) {
    if (partition->goal < 0) continue;
    if (partition->reached() < partition->goal) continue;
    if (partition->phase == Phase::running) {
      set_phase(*partition, Phase::done);
      shards_.settle(id, ParkCause::stopped, {});
    } else if (partition->phase == Phase::assignable) {
      set_phase(*partition, Phase::done);
    }
  }
}

bool Replication::all_ended() const {
  return (discovered_ || !failed_over_.empty()) &&
         std::all_of(by_id_.begin(), by_id_.end(), [](const auto& entry) { return entry.second->has_ended(); });
}

net::Time Replication::next_due() const {
  Time next = Time::max();
  for (const auto& [id, partition] : by_id_) {
    if (can_begin(*partition)) next = std::min(next, partition->due);
  }
  for (const auto& [name, topic] : topics_) {
    if (topic.stage == MirroredTopic::Stage::removing && !topic.is_being_removed) next = std::min(next, topic.due);
  }
  if (!source_doubt_.topics.empty() || !target_doubt_.topics.empty()) next = std::min(next, next_question_);
  if (is_broker_silent_) next = std::min(next, next_silence_question_);
  if (failover_marks_ && !is_looking_) next = std::min(next, next_look_);
  return next;
}

void Replication::set_phase(Partition& partition, Phase phase, std::string reason) {
  const std::lock_guard lock(mutex_);
  partition.phase = phase;
  partition.reason = std::move(reason);
}

/// It is counted here.
void Replication::set_failed(Partition& partition, std::optional<Condition> condition, const std::string& reason) {
  episodes_.end(partition.spec.id);
  if (condition) count(partition.spec.source_topic, *condition);
  if (condition == Condition::foreign_writer && settings_.known_topics) {
    settings_.known_topics->bar(partition.spec.source_topic);
  }
  const std::lock_guard lock(mutex_);
  partition.phase = Phase::failed;
  partition.condition = condition;
  partition.reason = reason;
}

void Replication::append_status(MirrorStatus& status) const {
  const std::lock_guard lock(mutex_);
  status.discovering = status.discovering || (!discovered_ && failed_over_.empty());
  if (!failed_over_.empty()) status.topic_errors.push_back(fmt::format("{}: {}", settings_.name, failed_over_));
  for (const auto& [topic, error] : topic_errors_)
    status.topic_errors.push_back(fmt::format("{}: {}: {}", settings_.name, topic, error));
  for (const auto& [what, met] : conditions_) {
    status.conditions.push_back(
        {.flow = settings_.name, .source_topic = what.first, .condition = what.second, .count = met});
  }
  for (const auto& [key, partition] : partitions_) {
    status.partitions.push_back(status_of(*partition));
    status.partitions.back().flow = settings_.name;
  }
}

}  // namespace shunt::replicate
