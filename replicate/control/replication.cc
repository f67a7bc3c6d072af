#include "replicate/control/replication.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "replicate/control/admission.h"
#include "replicate/control/leaders.h"
#include "replicate/control/routes.h"
#include "replicate/identity.h"

namespace shunt::replicate {

using namespace std::chrono_literals;
using net::Awaitable;
using net::now;
using net::Time;
using protocol::BrokerId;
using protocol::Offset;
using protocol::PartitionIndex;

namespace {

// How often progress is compared with the goals of --until-caught-up.
constexpr auto goal_interval = 20ms;
constexpr auto longest_wait = 1s;
constexpr auto retry_after_failure = 1s;
constexpr auto store_interval = 1s;  // of offset maps: so much is looked for after a crash

// Each holds a stretch of its partition's log, and what becomes of it.
constexpr std::size_t most_detours = 16;

// At 78 bytes and some 7 microseconds each.
constexpr std::int64_t most_marked_head = 10'000'000;

}  // namespace

Replication::Replication(net::asio::any_io_executor executor, ReplicationSettings settings, Shards& shards)
    : settings_(std::move(settings)),
      executor_(executor),
      shards_(shards),
      tag_(flow_tag(settings_.source.alias, settings_.target.alias)),
      source_(executor, settings_.source),
      target_(executor, settings_.target),
      changed_(executor),
      open_transactions_(source_, settings_.open_transaction_patience) {
  if (settings_.offsets == OffsetsMode::identical) return;
  OffsetSyncsSettings syncs = settings_.offset_syncs;
  syncs.tag = tag_;
  mapped_.emplace(source_, target_, settings_.offset_syncs_on_target, std::move(syncs), settings_.detours.isolation);
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
  co_await end_detours();
  if (mapped_) co_await end_mapped_flows();
  if (failure) std::rethrow_exception(failure);
  if (failure_) std::rethrow_exception(failure_);
}

Awaitable<> Replication::follow() {
  co_await first_contact(source_);
  co_await first_contact(target_);
  if (mapped_) co_await load_maps();
  while (!stopping_ && !failure_) {
    for (const std::string& line : interruptions_.take(now())) spdlog::warn("{}: {}", settings_.name, line);
    if (now() >= next_discovery_) co_await discover();
    if (stale_source_ || stale_target_) co_await refresh_stale();
    co_await admit_due();
    co_await assign_due();
    begin_detours();
    co_await name_open_transactions();
    if (mapped_) co_await store_maps();
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
    partition = std::make_unique<Partition>(std::move(spec), Recovery(settings_.recovery, net::random_seed()));
    by_id_[partition->spec.id] = partition.get();
    if (mapped_ && (settings_.offsets == OffsetsMode::mapped || mapped_->has_map(*partition)))
      mapped_->adopt(*partition);
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
  std::vector<Partition*> identical;
  std::vector<Partition*> mapped;
  for (Partition* partition : due_in(Phase::admitting)) {
    (partition->spec.is_mapped() ? mapped : identical).push_back(partition);
  }
  if (!identical.empty()) co_await admit_identical(std::move(identical));
  if (!mapped.empty()) co_await admit_mapped(std::move(mapped));
}

Awaitable<> Replication::admit_identical(std::vector<Partition*> due) {
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
    const bool may_start =
        admissions[i].verdict != Admission::Verdict::refuse && admissions[i].verdict != Admission::Verdict::retry;
    std::optional<Offset> end;
    if (may_start && ends_matter) {
      const Answered<Offset>& answered = ends.at(sources[i]);
      if (!answered.value) {
        postpone(*due[i], answered.reason);
        continue;
      }
      end = answered.value;
    }
    handle_admission(*due[i], admissions[i], end);
  }
}

/// `readable_end`: of the source; known where it matters.
void Replication::handle_admission(Partition& partition, const Admission& admission,
                                   std::optional<Offset> readable_end) {
  if (readable_end && settings_.until_caught_up && partition.goal < 0) {
    const std::lock_guard lock(mutex_);
    partition.goal = readable_end->value();
  }
  switch (admission.verdict) {
    case Admission::Verdict::start:
      if (settings_.start_at_latest && admission.start == Offset(0) && *readable_end > Offset(0)) {
        plan_head(partition, *readable_end, admission);
      } else {
        start_flow(partition, admission);
      }
      break;
    case Admission::Verdict::fill_head:
      plan_head(partition, settings_.start_at_latest ? *readable_end : admission.start, admission);
      break;
    case Admission::Verdict::overtaken:
      handle_overtaken(partition, admission);
      break;
    case Admission::Verdict::refuse:
      if (admission.is_anothers && may_map(partition)) {
        map_offsets(partition, admission.reason);
      } else {
        refuse(partition, admission.reason);
      }
      break;
    case Admission::Verdict::retry:
      interruptions_.add("not admitted yet", partition.spec.source_name(), admission.reason);
      postpone(partition, admission.reason);
      break;
  }
}

void Replication::start_flow(Partition& partition, const Admission& admission) {
  if (!admission.reason.empty()) {
    spdlog::info("{}: {}: {}", settings_.name, partition.spec.source_name(), admission.reason);
  }
  const std::lock_guard lock(mutex_);
  // Behind markers an earlier life may have something under way: only the fence of a detour ends that.
  partition.phase = admission.ends_in_markers ? Phase::waiting_for_detour : Phase::assignable;
  partition.due = {};
  partition.reason.clear();
  partition.start = admission.start.value();
  partition.admitted = admission.target_end;
  partition.standing.reset();  // the target's log has been compared with the source's instead
}

/// Records are lost to the mirror; the user has said whether it goes on behind them.
void Replication::handle_overtaken(Partition& partition, const Admission& admission) {
  if (settings_.on_overtaken == OnLoss::stop) {
    refuse(partition, admission.reason + "; shunt.on.overtaken=continue goes on behind them");
    return;
  }
  spdlog::error("{}: DATA LOSS: {}; going on behind them (shunt.on.overtaken)", settings_.name, admission.reason);
  const HeadFill head{.end = admission.start, .method = HeadFill::Method::markers, .is_lost = true};
  fill_head(partition, head, admission.target_end);
}

/// The target holds nothing but padding, if anything, and the mirror begins at `end`.
void Replication::plan_head(Partition& partition, Offset end, const Admission& admission) {
  const bool is_own = admission.ends_in_padding || own_topics_.contains(partition.spec.target_topic);
  const std::int64_t most = is_own ? settings_.most_padding : std::min(settings_.most_padding, most_marked_head);
  const std::string name = partition.spec.source_name();
  if (end.value() > most && may_map(partition)) {
    map_offsets(partition, fmt::format("{} begins at offset {} on the source: more offsets before it than are filled "
                                       "({})",
                                       name, end.value(), most));
    return;
  }
  if (end.value() > most) {
    refuse(partition,
           fmt::format(
               "{} begins at offset {} on the source, and {} is empty: filling {} offsets is more than {}", name,
               end.value(), partition.spec.target_name(), end.value(),
               is_own ? fmt::format("shunt.offsets.padding.max ({}) allows; raise it if they are to be filled", most)
                      : fmt::format("is done without padding ({}), which readers of a topic that shunt has not "
                                    "created could see; delete the empty topic, and shunt will create it",
                                    most)));
    return;
  }
  spdlog::debug("{}: {} begins at offset {}: the offsets before it are filled", settings_.name, name, end.value());
  {
    const std::lock_guard lock(mutex_);
    partition.start = end.value();
  }
  const auto method = is_own ? HeadFill::Method::padding : HeadFill::Method::markers;
  const HeadFill head{.end = end, .method = method, .is_lost = false};
  fill_head(partition, head, admission.target_end);
}

void Replication::fill_head(Partition& partition, const HeadFill& head, Offset target_end) {
  partition.head = head;
  partition.due = {};
  partition.admitted = target_end;
  partition.standing.reset();
  set_phase(partition, Phase::waiting_for_detour);
}

void Replication::refuse(Partition& partition, const std::string& reason) {
  spdlog::error("{}: {} cannot be mirrored: {}", settings_.name, partition.spec.source_name(), reason);
  set_phase(partition, Phase::failed, reason);
}

void Replication::postpone(Partition& partition, const std::string& reason) {
  partition.due = now() + retry_after_failure;
  set_phase(partition, Phase::admitting, reason);
}

// ---- Mapped offsets -------------------------------------------------------------------------------------------------

bool Replication::may_map(const Partition& partition) const {
  return settings_.offsets == OffsetsMode::automatic && !partition.spec.is_mapped();
}

/// shunt.offsets=auto: identical offsets are not possible, or cost too much.
void Replication::map_offsets(Partition& partition, const std::string& reason) {
  spdlog::warn("{}: the offsets of {} are mapped (shunt.offsets=auto): {}", settings_.name,
               partition.spec.target_name(), reason);
  mapped_->adopt(partition);
  partition.detour.reset();  // of another identity
  partition.due = {};
  set_phase(partition, Phase::admitting);
}

Awaitable<> Replication::admit_mapped(std::vector<Partition*> due) {
  std::vector<TopicPartition> sources;
  for (const Partition* partition : due) sources.push_back({partition->spec.source_topic, partition->spec.partition});
  Answers<Offset> ends;
  if (settings_.until_caught_up) ends = co_await readable_ends(source_, sources, settings_.detours.isolation);
  const std::vector<MappedAdmission> admissions = co_await mapped_->admit(due, settings_.start_at_latest);
  for (std::size_t i = 0; i < due.size(); ++i) {
    if (settings_.until_caught_up && due[i]->goal < 0) {
      const Answered<Offset>& answered = ends.at(sources[i]);
      if (!answered.value) {
        postpone(*due[i], answered.reason);
        continue;
      }
      const std::lock_guard lock(mutex_);
      due[i]->goal = answered.value->value();
    }
    handle_admission(*due[i], admissions[i]);
  }
}

void Replication::handle_admission(Partition& partition, const MappedAdmission& admission) {
  Standing standing = admission.standing;
  switch (admission.verdict) {
    case MappedAdmission::Verdict::refuse:
      refuse(partition, admission.reason);
      return;
    case MappedAdmission::Verdict::retry:
      interruptions_.add("not admitted yet", partition.spec.source_name(), admission.reason);
      postpone(partition, admission.reason);
      return;
    case MappedAdmission::Verdict::overtaken:
      if (settings_.on_overtaken == OnLoss::stop) {
        refuse(partition, admission.reason + "; shunt.on.overtaken=continue goes on behind them");
        return;
      }
      spdlog::error("{}: DATA LOSS: {}; going on behind them (shunt.on.overtaken)", settings_.name, admission.reason);
      partition.spec.progress->lost_offsets.fetch_add(
          static_cast<std::uint64_t>(admission.source_start - standing.confirmed), std::memory_order_relaxed);
      standing.confirmed = admission.source_start;
      break;
    case MappedAdmission::Verdict::start:
      break;
  }
  const std::lock_guard lock(mutex_);
  partition.phase = Phase::assignable;
  partition.due = {};
  partition.reason.clear();
  partition.start = standing.confirmed.value();
  partition.standing = standing;
}

/// What cannot be read in the beginning is no reason to begin anew.
Awaitable<> Replication::load_maps() {
  const Time deadline = now() + settings_.contact_patience;
  while (!stopping_) {
    try {
      co_await mapped_->load();
      for (const std::string& line : mapped_->syncs().complaints()) spdlog::warn("{}: {}", settings_.name, line);
      co_return;
    } catch (const ClusterError& error) {
      if (error.is_final() || now() >= deadline) throw;
    }
    co_await changed_.wait(std::min(deadline, now() + 250ms));
  }
}

Awaitable<> Replication::store_maps() {
  if (now() < next_store_) co_return;
  next_store_ = now() + store_interval;
  switch (co_await mapped_->store()) {
    case OffsetSyncs::Stored::all:
      is_store_late_ = false;
      co_return;
    case OffsetSyncs::Stored::later:
      if (!is_store_late_)
        spdlog::warn("{}: offset maps cannot be stored at the moment: {}", settings_.name, mapped_->why());
      is_store_late_ = true;
      co_return;
    case OffsetSyncs::Stored::moved:
      break;
  }
  const std::string reason = "another instance of this mirror stores offset maps";
  spdlog::warn("{}: {}: looking anew where every partition stands", settings_.name, reason);
  co_await load_maps();
  for (const auto& [id, partition] : by_id_) {
    if (partition->spec.is_mapped()) readmit(*partition, reason);
  }
}

/// Once more from its map, whatever it is doing.
void Replication::readmit(Partition& partition, const std::string& reason) {
  if (partition.is_in_shard) {
    shards_.settle(partition.spec.id, ParkCause::target_moved, reason);
  } else if (partition.phase == Phase::detouring) {
    partition.must_readmit = true;
  } else if (!partition.has_ended()) {
    set_phase(partition, Phase::admitting, reason);
  }
}

/// What they have written is stored when they have left their shards; otherwise the next life would have to look for it.
Awaitable<> Replication::end_mapped_flows() {
  const auto is_in_shard = [](const auto& entry) {
    return entry.second->spec.is_mapped() && entry.second->is_in_shard;
  };
  for (const auto& [id, partition] : by_id_) {
    if (partition->spec.is_mapped() && partition->is_in_shard) shards_.settle(id, ParkCause::stopped, {});
  }
  const Time deadline = now() + settings_.detours.holes.patience;
  while (!is_cut_off_ && now() < deadline && std::any_of(by_id_.begin(), by_id_.end(), is_in_shard)) {
    co_await changed_.wait(deadline);
  }
  if (is_cut_off_) co_return;
  std::string why;
  try {
    const OffsetSyncs::Stored stored = co_await mapped_->store();
    if (stored != OffsetSyncs::Stored::all) why = mapped_->why();
  } catch (const std::exception& error) {
    why = error.what();
  }
  if (!why.empty()) spdlog::warn("{}: the last of the offset maps were not stored: {}", settings_.name, why);
}

// ---- Running --------------------------------------------------------------------------------------------------------

Awaitable<> Replication::assign_due() {
  Routes routes(source_, target_);
  for (Partition* partition : due_in(Phase::assignable)) {
    if (stopping_) co_return;
    const FoundRoute found = co_await routes.find(partition->spec);
    if (!found.route) {
      stale_source_ = stale_source_ || found.is_source_stale;
      stale_target_ = stale_target_ || found.is_target_stale;
      partition->due = now() + retry_after_failure / 4;
      set_phase(*partition, Phase::assignable, found.reason);
      continue;
    }
    set_phase(*partition, Phase::running);
    partition->is_in_shard = true;
    shards_.assign({.spec = partition->spec, .route = *found.route, .standing = partition->standing});
  }
}

void Replication::handle_parked(Parked parked) {
  const auto found = by_id_.find(parked.flow_id);
  if (found == by_id_.end()) return;
  Partition& partition = *found->second;
  partition.is_in_shard = false;
  partition.standing = parked.standing;
  const std::string name = partition.spec.source_name();
  const std::int64_t position = partition.position();
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

Awaitable<> Replication::name_open_transactions() {
  if (!open_transactions_.is_due(now())) co_return;
  std::vector<const FlowSpec*> flows;
  for (const auto& [id, partition] : by_id_) flows.push_back(&partition->spec);
  const std::vector<std::string> lines = co_await open_transactions_.look(std::move(flows), now());
  for (const std::string& line : lines) spdlog::warn("{}: {}", settings_.name, line);
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
  if (std::exchange(partition.must_readmit, false)) {
    set_phase(partition, Phase::admitting);
    co_return;
  }
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
  return discovered_ &&
         std::all_of(by_id_.begin(), by_id_.end(), [](const auto& entry) { return entry.second->has_ended(); });
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
    status.partitions.push_back(status_of(*partition));
    status.partitions.back().flow = settings_.name;
  }
}

}  // namespace shunt::replicate
