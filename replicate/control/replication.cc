#include "replicate/control/replication.h"

#include <algorithm>
#include <random>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "replicate/control/admission.h"
#include "replicate/control/leaders.h"
#include "replicate/identity.h"

namespace shunt::replicate {

using namespace std::chrono_literals;
using net::Awaitable;
using net::Time;
using protocol::BrokerId;
using protocol::Offset;
using protocol::PartitionIndex;

namespace {

// How often progress is compared with the goals of --until-caught-up.
constexpr auto goal_interval = 20ms;
constexpr auto longest_wait = 1s;
constexpr auto retry_after_failure = 1s;

constexpr std::size_t most_named_at_once = 20;

// Each holds a stretch of its partition's log, and what becomes of it.
constexpr std::size_t most_detours = 16;

// At 78 bytes and some 7 microseconds each.
constexpr std::int64_t most_marked_head = 10'000'000;

Time now() {
  return std::chrono::steady_clock::now();
}

}  // namespace

Replication::Replication(net::asio::any_io_executor executor, ReplicationSettings settings, Shards& shards)
    : settings_(std::move(settings)),
      executor_(executor),
      shards_(shards),
      tag_(flow_tag(settings_.source.alias, settings_.target.alias)),
      source_(executor, settings_.source),
      target_(executor, settings_.target),
      changed_(executor) {}

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
  co_await end_detours();
  if (failure) std::rethrow_exception(failure);
  if (failure_) std::rethrow_exception(failure_);
}

Awaitable<> Replication::follow() {
  co_await first_contact(source_);
  co_await first_contact(target_);
  while (!stopping_ && !failure_) {
    for (const std::string& line : interruptions_.take(now())) spdlog::warn("{}: {}", settings_.name, line);
    if (now() >= next_discovery_) co_await discover();
    if (stale_source_ || stale_target_) co_await refresh_stale();
    co_await admit_due();
    co_await assign_due();
    begin_detours();
    co_await name_open_transactions();
    finish_caught_up();
    if (settings_.until_caught_up && all_ended()) break;
    const Time wake =
        std::min({next_due(), next_discovery_, now() + (settings_.until_caught_up ? goal_interval : longest_wait)});
    if (wake > now()) co_await changed_.wait(wake);
  }
}

void Replication::stop(bool graceful) {
  stopping_ = true;
  if (!graceful) {
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

// ---- Topics ---------------------------------------------------------------------------------------------------------

Awaitable<> Replication::discover() {
  next_discovery_ = settings_.refresh_interval ? now() + *settings_.refresh_interval : Time::max();
  std::vector<TopicResult> prepared;
  try {
    co_await source_.refresh_topics();
    std::vector<TopicPair> pairs;
    for (const auto& [name, topic] : source_.topics()) {
      if (!topic.is_internal && topic.error_code == 0 && settings_.includes(name)) {
        pairs.push_back({.source = name, .target = settings_.target_topic(name)});
      }
    }
    if (pairs.empty() && !discovered_) {
      const std::string nothing =
          fmt::format("{}: no topic of cluster {} is selected by `topics` and `topics.exclude` ({} topics are visible)",
                      settings_.name, source_.alias(), source_.topics().size());
      if (settings_.until_caught_up) throw std::runtime_error(nothing);
      spdlog::warn("{}; waiting for one to appear", nothing);
    }
    prepared = co_await prepare_topics(source_, target_, std::move(pairs), settings_.topics);
  } catch (const ClusterError& error) {
    spdlog::warn("{}: topics cannot be looked up: {}", settings_.name, error.what());
    next_discovery_ = now() + retry_after_failure;
    co_return;
  }
  for (const TopicResult& topic : prepared) {
    for (const std::string& warning : topic.warnings) {
      if (!named_warnings_.insert(topic.topic.target + warning).second) continue;
      spdlog::warn("{}: {}: {}", settings_.name, topic.topic.target, warning);
    }
    if (topic.outcome == TopicOutcome::created || topic.outcome == TopicOutcome::grown) {
      spdlog::info("{}: topic {} {} on {} with {} partitions", settings_.name, topic.topic.target,
                   to_string(topic.outcome), target_.alias(), topic.target_partitions);
    }
    if (topic.outcome == TopicOutcome::created) own_topics_.insert(topic.topic.target);
    if (topic.may_retry) next_discovery_ = std::min(next_discovery_, now() + retry_after_failure);
    add_partitions(topic);
  }
  const std::lock_guard lock(mutex_);
  discovered_ = true;
}

void Replication::add_partitions(const TopicResult& topic) {
  const std::lock_guard lock(mutex_);
  if (!topic.reason.empty() && topic.mirrored_partitions() < topic.source_partitions) {
    if (topic_errors_[topic.topic.source] != topic.reason) {
      spdlog::error("{}: {}: {}", settings_.name, topic.topic.source, topic.reason);
    }
    topic_errors_[topic.topic.source] = topic.reason;
  } else {
    topic_errors_.erase(topic.topic.source);
  }
  const Topic* target = target_.find_topic(topic.topic.target);
  if (target == nullptr) return;
  for (std::int32_t index = 0; index < topic.mirrored_partitions(); ++index) {
    const TopicPartition key{topic.topic.source, PartitionIndex(index)};
    std::unique_ptr<Partition>& partition = partitions_[key];
    if (partition) continue;
    FlowSpec spec;
    spec.id = {.replication = settings_.index, .number = static_cast<std::uint32_t>(by_id_.size())};
    spec.source_topic = topic.topic.source;
    spec.target_topic = topic.topic.target;
    spec.partition = key.partition;
    spec.identity = flow_identity(tag_, target->id, topic.topic.target, key.partition);
    partition = std::make_unique<Partition>(std::move(spec), Recovery(settings_.recovery, std::random_device{}()));
    by_id_[partition->spec.id] = partition.get();
  }
}

Awaitable<> Replication::refresh_stale() {
  std::set<std::string> source_topics;
  std::set<std::string> target_topics;
  for (const auto& [id, partition] : by_id_) {
    if (partition->phase != Phase::assignable && partition->phase != Phase::waiting_for_detour) continue;
    source_topics.insert(partition->spec.source_topic);
    target_topics.insert(partition->spec.target_topic);
  }
  const auto refresh = [](Cluster& cluster, bool& stale, const std::set<std::string>& topics) -> Awaitable<> {
    if (!stale || topics.empty()) co_return;
    try {
      co_await cluster.refresh_topics(std::vector<std::string>(topics.begin(), topics.end()));
      stale = false;
    } catch (const ClusterError& error) {
      spdlog::warn("{}: no broker answers: {}", cluster.alias(), error.what());
    }
  };
  co_await refresh(source_, stale_source_, source_topics);
  co_await refresh(target_, stale_target_, target_topics);
}

// ---- Partitions -----------------------------------------------------------------------------------------------------

std::vector<Replication::Partition*> Replication::due_in(Phase phase) {
  std::vector<Partition*> due;
  const Time time = now();
  for (const auto& [id, partition] : by_id_) {
    if (partition->phase == phase && partition->due <= time) due.push_back(partition);
  }
  return due;
}

Awaitable<> Replication::admit_due() {
  const std::vector<Partition*> due = due_in(Phase::admitting);
  if (due.empty()) co_return;
  std::vector<AdmissionQuestion> questions;
  std::vector<TopicPartition> sources;
  for (const Partition* partition : due) {
    const FlowSpec& spec = partition->spec;
    questions.push_back({.source = {spec.source_topic, spec.partition},
                         .target = {spec.target_topic, spec.partition},
                         .identity = spec.identity});
    sources.push_back(questions.back().source);
  }
  Answers<Offset> ends;
  const bool ends_matter = settings_.until_caught_up || settings_.start_at_latest;
  if (ends_matter) ends = co_await readable_ends(source_, sources, settings_.detours.isolation);
  const std::vector<Admission> admissions =
      co_await admit(source_, target_, std::move(questions), settings_.detours.isolation);
  for (std::size_t i = 0; i < due.size(); ++i) {
    Partition& partition = *due[i];
    const Admission& admission = admissions[i];
    const std::string name = partition.spec.source_name();
    const auto end = ends.find(sources[i]);
    const bool is_start = admission.verdict == Admission::Verdict::start ||
                          admission.verdict == Admission::Verdict::fill_head ||
                          admission.verdict == Admission::Verdict::overtaken;
    if (is_start && ends_matter && !end->second.value) {
      partition.due = now() + retry_after_failure;
      set_phase(partition, Phase::admitting, end->second.reason);
      continue;
    }
    if (is_start && settings_.until_caught_up && partition.goal < 0) {
      const std::lock_guard lock(mutex_);
      partition.goal = end->second.value->value();
    }
    const bool is_empty = admission.verdict == Admission::Verdict::fill_head || admission.start == Offset(0);
    if (is_start && is_empty && settings_.start_at_latest && *end->second.value > Offset(0)) {
      plan_head(partition, *end->second.value, admission);
      continue;
    }
    switch (admission.verdict) {
      case Admission::Verdict::start: {
        const std::lock_guard lock(mutex_);
        // Behind markers an earlier life may have something under way: only the fence of a detour ends that.
        partition.phase = admission.ends_in_markers ? Phase::waiting_for_detour : Phase::assignable;
        partition.due = {};
        partition.reason.clear();
        partition.start = admission.start.value();
        partition.admitted = admission.target_end;
        partition.standing.reset();  // the target's log has been compared with the source's instead
        if (!admission.reason.empty()) spdlog::info("{}: {}: {}", settings_.name, name, admission.reason);
        break;
      }
      case Admission::Verdict::fill_head:
        plan_head(partition, admission.start, admission);
        break;
      case Admission::Verdict::overtaken:
        handle_overtaken(partition, admission);
        break;
      case Admission::Verdict::refuse:
        spdlog::error("{}: {} cannot be mirrored: {}", settings_.name, name, admission.reason);
        set_phase(partition, Phase::failed, admission.reason);
        break;
      case Admission::Verdict::retry:
        interruptions_.add("not admitted yet", name, admission.reason);
        partition.due = now() + retry_after_failure;
        set_phase(partition, Phase::admitting, admission.reason);
        break;
    }
  }
}

Awaitable<std::optional<Route::Side>> Replication::locate(Cluster& cluster, const TopicPartition& partition,
                                                          std::map<BrokerId, net::Endpoint>& known, std::string& why) {
  const Topic::Partition* found = cluster.find_led(partition);
  if (found == nullptr) {
    why = fmt::format("{} has no leader for {} at the moment", cluster.alias(), partition.to_string());
    co_return std::nullopt;
  }
  const Topic::Partition leader = *found;  // the pointer does not outlive a refresh
  auto endpoint = known.find(leader.leader);
  if (endpoint == known.end()) {
    try {
      const net::Endpoint reached = co_await cluster.endpoint(leader.leader);
      endpoint = known.emplace(leader.leader, reached).first;
    } catch (const std::exception& error) {
      why = error.what();
      co_return std::nullopt;
    }
  }
  co_return Route::Side{.broker = leader.leader, .endpoint = endpoint->second, .leader_epoch = leader.leader_epoch};
}

Awaitable<> Replication::assign_due() {
  std::map<BrokerId, net::Endpoint> source_endpoints;
  std::map<BrokerId, net::Endpoint> target_endpoints;
  std::set<BrokerId> unreachable_sources;
  for (Partition* partition : due_in(Phase::assignable)) {
    if (stopping_) co_return;
    std::string why;
    const FlowSpec& spec = partition->spec;
    // Named, not temporaries: g++ 12 destroys a braced temporary in a co_await expression twice.
    const TopicPartition source_partition{spec.source_topic, spec.partition};
    const TopicPartition target_partition{spec.target_topic, spec.partition};
    const auto source = co_await locate(source_, source_partition, source_endpoints, why);
    if (!source) stale_source_ = true;
    std::optional<Route::Side> target;
    if (source) {
      target = co_await locate(target_, target_partition, target_endpoints, why);
      if (!target) stale_target_ = true;
    }
    if (!source || !target) {
      partition->due = now() + retry_after_failure / 4;
      set_phase(*partition, Phase::assignable, why);
      continue;
    }
    set_phase(*partition, Phase::running);
    shards_.assign({.spec = spec, .route = {.source = *source, .target = *target}, .standing = partition->standing});
  }
}

void Replication::handle_parked(Parked parked) {
  const auto found = by_id_.find(parked.flow_id);
  if (found == by_id_.end()) return;
  Partition& partition = *found->second;
  partition.standing = parked.standing;
  const std::string name = partition.spec.source_name();
  const std::int64_t position = partition.spec.progress->position.load(std::memory_order_relaxed);
  const RecoveryAction action = partition.recovery.handle_parked(parked, position);
  partition.due = now() + action.delay;
  stale_source_ = stale_source_ || action.refresh_source;
  stale_target_ = stale_target_ || action.refresh_target;
  switch (action.kind) {
    case RecoveryAction::Kind::finished:
      set_phase(partition, partition.goal >= 0 && position >= partition.goal ? Phase::done : Phase::stopped);
      break;
    case RecoveryAction::Kind::fail:
      spdlog::error("{}: {} stops: {}", settings_.name, name, action.reason);
      set_phase(partition, Phase::failed, action.reason);
      break;
    case RecoveryAction::Kind::readmit:
      interruptions_.add(to_string(parked.cause), name, action.reason);
      ++partition.interruptions;
      set_phase(partition, Phase::admitting, action.reason);
      break;
    case RecoveryAction::Kind::detour:
      partition.admitted.reset();
      set_phase(partition, Phase::waiting_for_detour);
      break;
    case RecoveryAction::Kind::retry:
      interruptions_.add(to_string(parked.cause), name, action.reason);
      ++partition.interruptions;
      set_phase(partition, Phase::assignable, action.reason);
      break;
  }
  changed_.announce();
}

/// Records are lost to the mirror; the user has said whether it goes on behind them.
void Replication::handle_overtaken(Partition& partition, const Admission& admission) {
  const std::string name = partition.spec.source_name();
  if (settings_.on_overtaken == OnLoss::stop) {
    const std::string reason = admission.reason + "; shunt.on.overtaken=continue goes on behind them";
    spdlog::error("{}: {} cannot be mirrored: {}", settings_.name, name, reason);
    set_phase(partition, Phase::failed, reason);
    return;
  }
  spdlog::error("{}: DATA LOSS: {}; going on behind them (shunt.on.overtaken)", settings_.name, admission.reason);
  const std::lock_guard lock(mutex_);
  partition.head = HeadFill{.end = admission.start, .method = HeadFill::Method::markers, .is_lost = true};
  partition.phase = Phase::waiting_for_detour;
  partition.due = {};
  partition.admitted = admission.target_end;
  partition.reason.clear();
  partition.standing.reset();
}

/// The target holds nothing but padding, if anything, and the mirror begins at `end`.
void Replication::plan_head(Partition& partition, Offset end, const Admission& admission) {
  const bool is_own = admission.ends_in_padding || own_topics_.contains(partition.spec.target_topic);
  const std::int64_t most = is_own ? settings_.most_padding : std::min(settings_.most_padding, most_marked_head);
  const std::string name = partition.spec.source_name();
  if (end.value() > most) {
    const std::string reason = fmt::format(
        "{} begins at offset {} on the source, and {} is empty: filling {} offsets is more than {}", name, end.value(),
        partition.spec.target_name(), end.value(),
        is_own ? fmt::format("shunt.offsets.padding.max ({}) allows; raise it if they are to be filled", most)
               : fmt::format("is done without padding ({}), which readers of a topic that shunt has not created could "
                             "see; delete the empty topic, and shunt will create it",
                             most));
    spdlog::error("{}: {}", settings_.name, reason);
    set_phase(partition, Phase::failed, reason);
    return;
  }
  spdlog::debug("{}: {} begins at offset {}: the offsets before it are filled", settings_.name, name, end.value());
  const std::lock_guard lock(mutex_);
  partition.head =
      HeadFill{.end = end, .method = is_own ? HeadFill::Method::padding : HeadFill::Method::markers, .is_lost = false};
  partition.phase = Phase::waiting_for_detour;
  partition.due = {};
  partition.admitted = admission.target_end;
  partition.reason.clear();
  partition.start = end.value();
  partition.standing.reset();
}

// ---- Open transactions of the source --------------------------------------------------------------------------------

/// Records behind the first open transaction are not mirrored before it ends. One that stays open is somebody's trouble.
Awaitable<> Replication::name_open_transactions() {
  const Time time = now();
  if (time < next_look_at_transactions_) co_return;
  next_look_at_transactions_ = time + std::min<net::Duration>(settings_.open_transaction_patience, longest_wait);
  std::map<TopicPartition, Partition*> held;
  for (const auto& [id, partition] : by_id_) {
    const FlowProgress& progress = *partition->spec.progress;
    const std::int64_t stable = progress.stable_end.load(std::memory_order_relaxed);
    const bool is_held = stable >= 0 && stable < progress.source_end.load(std::memory_order_relaxed) &&
                         progress.position.load(std::memory_order_relaxed) >= stable;
    if (!is_held || partition->held_at != stable) {
      partition->held_at = is_held ? stable : -1;
      partition->held_since = time;
      partition->is_holder_named = false;
    } else if (!partition->is_holder_named && time - partition->held_since > settings_.open_transaction_patience) {
      held[{partition->spec.source_topic, partition->spec.partition}] = partition;
      if (held.size() == most_named_at_once) break;
    }
  }
  if (held.empty()) co_return;
  std::vector<TopicPartition> asked;
  for (const auto& [name, partition] : held) asked.push_back(name);
  const auto answers = co_await active_producers(source_, std::move(asked));
  for (const auto& [name, partition] : held) {
    partition->is_holder_named = true;
    const std::int64_t waiting =
        partition->spec.progress->source_end.load(std::memory_order_relaxed) - partition->held_at;
    const std::string what =
        fmt::format("{} records of {} are held back by an open transaction", waiting, name.to_string());
    const auto& answered = answers.at(name);
    if (!answered.value) {
      spdlog::warn("{}: {}; whose is not known: {}", settings_.name, what, answered.reason);
      continue;
    }
    for (const ActiveProducer& producer : *answered.value) {
      if (producer.open_since < 0 || producer.open_since > partition->held_at) continue;
      spdlog::warn(
          "{}: {}: producer id {}, epoch {}, open since offset {}; kafka-transactions.sh can find and abort it",
          settings_.name, what, producer.id.value(), producer.epoch, producer.open_since);
    }
  }
}

// ---- Detours --------------------------------------------------------------------------------------------------------

void Replication::begin_detours() {
  for (const auto& [id, partition] : by_id_) {
    if (stopping_ || detours_ == most_detours) return;
    if (partition->phase != Phase::waiting_for_detour || partition->due > now()) continue;
    if (!partition->detour) {
      // Named after the target's partition: whatever is mirrored there, one fence guards it.
      partition->detour = std::make_unique<Detour>(
          source_, target_, partition->spec, fmt::format("shunt.{}.{}", settings_.name, partition->spec.target_name()),
          settings_.detours);
    }
    set_phase(*partition, Phase::detouring);
    ++detours_;
    net::asio::co_spawn(executor_, take_detour(*partition), [this](std::exception_ptr failure) {
      --detours_;
      if (failure && !failure_) failure_ = std::move(failure);
      changed_.announce();
    });
  }
}

Awaitable<> Replication::take_detour(Partition& partition) {
  DetourStart start;
  start.standing = partition.standing;
  start.admitted = std::exchange(partition.admitted, std::nullopt);
  start.head = partition.head;
  DetourEnd end = co_await partition.detour->walk(std::move(start), [this] { return stopping_; });
  if (!end.is_passed) {
    handle_parked(std::move(end.parked));
    // What it has begun is fenced before anything else is written.
    if (partition.phase == Phase::assignable) set_phase(partition, Phase::waiting_for_detour, partition.reason);
    co_return;
  }
  partition.standing = end.parked.standing;
  partition.head.reset();
  partition.due = {};
  set_phase(partition, Phase::assignable);
}

/// They end between two stretches.
Awaitable<> Replication::end_detours() {
  stopping_ = true;
  while (detours_ > 0) co_await changed_.wait(Time::max());
}

// ---- The end --------------------------------------------------------------------------------------------------------

void Replication::finish_caught_up() {
  if (!settings_.until_caught_up) return;
  for (const auto& [id, partition] : by_id_) {
    if (partition->goal < 0) continue;
    const std::int64_t position =
        std::max(partition->start, partition->spec.progress->position.load(std::memory_order_relaxed));
    if (position < partition->goal) continue;
    if (partition->phase == Phase::running) {
      set_phase(*partition, Phase::done);
      shards_.settle(id, ParkCause::stopped, {});
    } else if (partition->phase == Phase::assignable) {
      set_phase(*partition, Phase::done);
    }
  }
}

bool Replication::all_ended() const {
  return discovered_ && std::all_of(by_id_.begin(), by_id_.end(), [](const auto& entry) {
           return entry.second->phase == Phase::done || entry.second->phase == Phase::failed ||
                  entry.second->phase == Phase::stopped;
         });
}

net::Time Replication::next_due() const {
  Time next = Time::max();
  for (const auto& [id, partition] : by_id_) {
    if (partition->phase == Phase::admitting || partition->phase == Phase::assignable ||
        (partition->phase == Phase::waiting_for_detour && detours_ < most_detours)) {
      next = std::min(next, partition->due);
    }
  }
  return next;
}

void Replication::set_phase(Partition& partition, Phase phase, std::string reason) {
  const std::lock_guard lock(mutex_);
  partition.phase = phase;
  partition.reason = std::move(reason);
}

void Replication::append_status(MirrorStatus& status) const {
  const std::lock_guard lock(mutex_);
  status.discovering = status.discovering || !discovered_;
  for (const auto& [topic, error] : topic_errors_)
    status.topic_errors.push_back(fmt::format("{}: {}: {}", settings_.name, topic, error));
  for (const auto& [key, partition] : partitions_) {
    PartitionStatus& entry = status.partitions.emplace_back();
    const FlowProgress& progress = *partition->spec.progress;
    entry.flow = settings_.name;
    entry.source_topic = partition->spec.source_topic;
    entry.target_topic = partition->spec.target_topic;
    entry.partition = key.partition.value();
    switch (partition->phase) {
      case Phase::admitting:
      case Phase::assignable:
        entry.state = PartitionState::waiting;
        break;
      case Phase::running:
      case Phase::waiting_for_detour:
      case Phase::detouring:
        entry.state = PartitionState::running;
        break;
      case Phase::done:
        entry.state = PartitionState::done;
        break;
      case Phase::stopped:
        entry.state = PartitionState::stopped;
        break;
      case Phase::failed:
        entry.state = PartitionState::failed;
        break;
    }
    entry.reason = partition->reason;
    entry.start = partition->start;
    entry.goal = partition->goal;
    entry.interruptions = partition->interruptions;
    entry.position = std::max(partition->start, progress.position.load(std::memory_order_relaxed));
    entry.source_end = std::max(partition->goal, progress.source_end.load(std::memory_order_relaxed));
    entry.stable_end = progress.stable_end.load(std::memory_order_relaxed);
    entry.records = progress.records.load(std::memory_order_relaxed);
    entry.batches = progress.batches.load(std::memory_order_relaxed);
    entry.bytes = progress.bytes.load(std::memory_order_relaxed);
    entry.duplicates = progress.duplicates.load(std::memory_order_relaxed);
    entry.refetched_bytes = progress.refetched_bytes.load(std::memory_order_relaxed);
    entry.in_flight_bytes = progress.in_flight_bytes.load(std::memory_order_relaxed);
    entry.lost_offsets = progress.lost_offsets.load(std::memory_order_relaxed);
    entry.filled_offsets = progress.filled_offsets.load(std::memory_order_relaxed);
    entry.slow_path_batches = progress.slow_path_batches.load(std::memory_order_relaxed);
  }
}

}  // namespace shunt::replicate
