// The part of Replication that knows the topics: finds them, and notices when one is gone or is another one.
#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "replicate/control/replication.h"
#include "replicate/control/topic_names.h"
#include "replicate/control/topic_removal.h"
#include "replicate/identity.h"

namespace shunt::replicate {

using net::Awaitable;
using net::Time;
using protocol::Offset;
using protocol::PartitionIndex;
using Stage = MirroredTopic::Stage;

// ---- What there is --------------------------------------------------------------------------------------------------

Awaitable<> Replication::discover() {
  next_discovery_ = settings_.refresh_interval ? now() + *settings_.refresh_interval : Time::max();
  std::vector<TopicResult> prepared;
  try {
    co_await source_.refresh_topics();
    for (auto& [name, topic] : topics_) look_at(topic, MirrorSide::source);
    std::vector<TopicPair> pairs = topics_to_prepare();
    if (pairs.empty() && !discovered_) {
      const std::string nothing =
          fmt::format("{}: no topic of cluster {} is selected by `topics` and `topics.exclude` ({} topics are visible)",
                      settings_.name, source_.alias(), source_.topics().size());
      if (settings_.until_caught_up) throw std::runtime_error(nothing);
      spdlog::warn("{}; waiting for one to appear", nothing);
    }
    refuse_names(pairs);
    prepared = co_await prepare_topics(source_, target_, std::move(pairs), settings_.topics);
  } catch (const ClusterError& error) {
    if (!is_discovery_silent_) spdlog::warn("{}: topics cannot be looked up: {}", settings_.name, error.what());
    is_discovery_silent_ = true;
    next_discovery_ = now() + retry_after_failure;
    co_return;
  }
  is_discovery_silent_ = false;
  if (!may_mirror()) co_return;  // any more
  for (auto& [name, topic] : topics_) {
    if (topic.stage == Stage::failed) target_doubt_.topics.insert(topic.target_topic);
  }
  for (const TopicResult& result : prepared) handle_prepared(result);
  const std::lock_guard lock(mutex_);
  discovered_ = true;
}

/// Those that are selected, but for the ones that have troubles of their own.
std::vector<TopicPair> Replication::topics_to_prepare() const {
  std::vector<TopicPair> pairs;
  for (TopicPair& pair : selected_topics(source_, settings_.includes, settings_.target_topic)) {
    const auto known = topics_.find(pair.source);
    pair.must_exist = known != topics_.end() && known->second.stage == Stage::mirrored;
    if (known != topics_.end() && !pair.must_exist && known->second.stage != Stage::anew) continue;
    pairs.push_back(std::move(pair));
  }
  return pairs;
}

/// Those that cannot be mirrored under their names.
void Replication::refuse_names(std::vector<TopicPair>& pairs) {
  const auto refused = refused_names(pairs, settings_.loop_of, target_.alias());
  for (const auto& [source, reason] : refused) {
    TopicResult result;
    result.topic.source = source;
    result.outcome = TopicOutcome::not_created;
    result.reason = reason;
    result.source_partitions = 1;  // at least
    note_topic_error(result);
  }
  std::erase_if(pairs, [&refused](const TopicPair& pair) { return refused.contains(pair.source); });
}

void Replication::handle_prepared(const TopicResult& result) {
  const std::string& name = result.topic.source;
  for (const std::string& warning : result.warnings) {
    if (!named_warnings_.insert(result.topic.target + warning).second) continue;
    spdlog::warn("{}: {}: {}", settings_.name, result.topic.target, warning);
  }
  if (result.outcome == TopicOutcome::created || result.outcome == TopicOutcome::grown) {
    spdlog::info("{}: topic {} {} on {} with {} partitions", settings_.name, result.topic.target,
                 to_string(result.outcome), target_.alias(), result.target_partitions);
  }
  if (result.outcome == TopicOutcome::created) own_topics_.insert(result.topic.target);
  if (result.may_retry) next_discovery_ = std::min(next_discovery_, now() + retry_after_failure);
  if (result.outcome == TopicOutcome::has_more_partitions && wider_topics_.insert(result.topic.target).second) {
    spdlog::warn("{}: {} has {} partitions on {}, and its source {}: those from {} on stay as they are", settings_.name,
                 result.topic.target, result.target_partitions, target_.alias(), result.source_partitions,
                 result.source_partitions);
    count(name, Condition::target_more_partitions);
  }
  const auto known = topics_.find(name);
  if (known != topics_.end() && known->second.stage != Stage::anew) {
    look_at(known->second, MirrorSide::source);
    look_at(known->second, MirrorSide::target);
    if (!are_topics_same(known->second) || result.mirrored_partitions() == 0) return;
    note_topic_error(result);
    add_partitions(result, static_cast<std::int32_t>(partitions_of(known->second).size()));
    return;
  }
  note_topic_error(result);
  if (result.mirrored_partitions() == 0) return;
  if (!settings_.copies_records) {
    if (settings_.known_topics) settings_.known_topics->add(name, result.topic.target);
    return;
  }
  if (known != topics_.end()) {
    begin_anew(known->second, result);
    return;
  }
  const Topic* source = source_.find_topic(name);
  const Topic* target = target_.find_topic(result.topic.target);
  if (source == nullptr || target == nullptr) return;
  const auto topic = topics_.try_emplace(name, name, result.topic.target, source->id, target->id).first;
  topic->second.old_partitions = result.source_partitions;
  add_partitions(result, 0);
}

void Replication::note_topic_error(const TopicResult& result) {
  const std::lock_guard lock(mutex_);
  if (result.reason.empty() || result.mirrored_partitions() == result.source_partitions) {
    topic_errors_.erase(result.topic.source);
    return;
  }
  std::string& said = topic_errors_[result.topic.source];
  if (said != result.reason) spdlog::error("{}: {}: {}", settings_.name, result.topic.source, result.reason);
  said = result.reason;
}

protocol::ProducerId Replication::identity_of(const MirroredTopic& topic, PartitionIndex index) const {
  return flow_identity(tag_, topic.target.id(), topic.target_topic, index, topic.source_topic);
}

FlowSpec Replication::spec_of(const MirroredTopic& topic, PartitionIndex index) {
  FlowSpec spec;
  spec.id = {.replication = settings_.index, .number = next_flow_number_++};
  spec.source_topic = topic.source_topic;
  spec.target_topic = topic.target_topic;
  spec.partition = index;
  spec.identity = identity_of(topic, index);
  if (settings_.adds_source_header) spec.source_header = settings_.source.alias;
  return spec;
}

Recovery Replication::new_recovery() const {
  return {settings_.recovery, net::random_seed()};
}

/// Partitions behind the `already` that there are.
void Replication::add_partitions(const TopicResult& result, std::int32_t already) {
  const std::lock_guard lock(mutex_);
  const MirroredTopic& topic = topics_.at(result.topic.source);
  for (std::int32_t index = already; index < result.mirrored_partitions(); ++index) {
    auto partition = std::make_unique<Partition>(spec_of(topic, PartitionIndex(index)), new_recovery());
    if (const auto left = topic.left_beginnings.find(PartitionIndex(index)); left != topic.left_beginnings.end())
      partition->begin = left->second;
    if (index >= topic.old_partitions) partition->begin = Offset(0);
    by_id_[partition->spec.id] = partition.get();
    adopt_if_mapped(*partition);
    partitions_[{topic.source_topic, PartitionIndex(index)}] = std::move(partition);
  }
}

std::vector<Replication::Partition*> Replication::partitions_of(const MirroredTopic& topic) {
  std::vector<Partition*> all;
  for (auto entry = partitions_.lower_bound({topic.source_topic, PartitionIndex(0)});
       entry != partitions_.end() && entry->first.topic == topic.source_topic; ++entry) {
    all.push_back(entry->second.get());
  }
  return all;
}

// ---- Looking again --------------------------------------------------------------------------------------------------

/// Asks for leaders that have moved, for topics in doubt, and for those of partitions that are about to fail.
Awaitable<> Replication::ask_again() {
  std::set<std::string> source_topics;
  std::set<std::string> target_topics;
  std::vector<Partition*> doubtful;
  if (source_doubt_.is_stale || target_doubt_.is_stale) {
    for (const auto& [id, partition] : by_id_) {
      const Phase phase = partition->phase;
      if (phase == Phase::doubtful) doubtful.push_back(partition);
      if (phase != Phase::admitting && phase != Phase::assignable && phase != Phase::waiting_for_detour &&
          phase != Phase::doubtful) {
        continue;
      }
      if (source_doubt_.is_stale) source_topics.insert(partition->spec.source_topic);
      if (target_doubt_.is_stale) target_topics.insert(partition->spec.target_topic);
    }
  }
  if (now() >= next_question_) {
    next_question_ = now() + retry_after_failure;
    source_topics.insert(source_doubt_.topics.begin(), source_doubt_.topics.end());
    target_topics.insert(target_doubt_.topics.begin(), target_doubt_.topics.end());
  }
  if (now() >= next_silence_question_) {
    next_silence_question_ = now() + silence_interval;
    is_broker_silent_ = add_topics_of_silent_brokers(source_topics, target_topics);
  }
  // What becomes stale while the brokers think about it is not part of the question.
  const bool was_source_stale = !source_topics.empty() && std::exchange(source_doubt_.is_stale, false);
  const bool was_target_stale = !target_topics.empty() && std::exchange(target_doubt_.is_stale, false);
  const bool is_source_answered = co_await ask_again(source_, source_doubt_, std::move(source_topics));
  const bool is_target_answered = co_await ask_again(target_, target_doubt_, std::move(target_topics));
  if (!is_source_answered) source_doubt_.is_stale = source_doubt_.is_stale || was_source_stale;
  if (!is_target_answered) target_doubt_.is_stale = target_doubt_.is_stale || was_target_stale;
  if (is_broker_silent_) leave_silent_brokers();
  if (doubtful.empty()) co_return;
  if (!is_source_answered || !is_target_answered) {
    source_doubt_.is_stale = target_doubt_.is_stale = true;
    co_return;
  }
  for (Partition* partition : doubtful) {
    if (partition->phase == Phase::doubtful) handle_failed(*partition);
  }
}

namespace {

TopicPartition place_of(const FlowSpec& flow, MirrorSide side) {
  return {side == MirrorSide::source ? flow.source_topic : flow.target_topic, flow.partition};
}

}  // namespace

/// It waits for a broker that owes an answer.
bool Replication::waits_for_silent_broker(const Partition& partition, MirrorSide side) const {
  const bool is_source = side == MirrorSide::source;
  if (partition.phase == Phase::running) {
    const FlowProgress& progress = *partition.spec.progress;
    return (is_source ? progress.is_source_silent : progress.is_target_silent).load(std::memory_order_relaxed);
  }
  if (!partition.is_busy) return false;
  const Cluster& cluster = is_source ? source_ : target_;
  const Topic::Partition* led = cluster.find_led(place_of(partition.spec, side));
  return led != nullptr && cluster.silence_of(led->leader) > silence_noticed;
}

/// False: there are none.
bool Replication::add_topics_of_silent_brokers(std::set<std::string>& source_topics,
                                               std::set<std::string>& target_topics) const {
  bool found = false;
  for (const auto& [id, partition] : by_id_) {
    for (const MirrorSide side : {MirrorSide::source, MirrorSide::target}) {
      if (!waits_for_silent_broker(*partition, side)) continue;
      found = true;
      (side == MirrorSide::source ? source_topics : target_topics).insert(place_of(partition->spec, side).topic);
    }
  }
  return found;
}

/// A broker that hangs does not say that it leads no more: the others do. Without that, its answer would be waited for
/// until the request's own time is over. (The control plane's connections to it have gone with it from the metadata.)
void Replication::leave_silent_brokers() {
  for (const auto& [id, partition] : by_id_) {
    if (partition->phase != Phase::running || partition->is_leaving_broker) continue;
    for (const MirrorSide side : {MirrorSide::source, MirrorSide::target}) {
      if (!waits_for_silent_broker(*partition, side)) continue;
      const Cluster& cluster = side == MirrorSide::source ? source_ : target_;
      const TopicPartition place = place_of(partition->spec, side);
      const Route::Side& left = partition->route.of(side);
      const Topic::Partition* led = cluster.find_led(place);
      if (led == nullptr || led->leader == left.broker || led->leader_epoch <= left.leader_epoch) continue;
      partition->is_leaving_broker = true;
      shards_.leave_broker(id, side, left.broker,
                           fmt::format("silent, while {} has elected broker {} to lead {}", cluster.alias(),
                                       led->leader.value(), place.to_string()));
    }
  }
}

/// Whether there was an answer.
Awaitable<bool> Replication::ask_again(Cluster& cluster, Doubt& doubt, std::set<std::string> topics) {
  if (topics.empty()) co_return false;
  const MirrorSide side = &cluster == &source_ ? MirrorSide::source : MirrorSide::target;
  std::string failure;
  try {
    co_await cluster.refresh_topics(std::vector<std::string>(topics.begin(), topics.end()));
  } catch (const ClusterError& error) {
    failure = error.what();
  }
  if (!failure.empty()) {
    next_question_ = now() + retry_after_failure;
    if (!doubt.is_silent) spdlog::warn("{}: no broker answers: {}", settings_.name, failure);
    doubt.is_silent = true;
    co_return false;
  }
  if (doubt.is_silent) spdlog::info("{}: {} answers again", settings_.name, cluster.alias());
  doubt.is_silent = false;
  for (auto& [name, topic] : topics_) {
    if (topics.contains(side == MirrorSide::source ? topic.source_topic : topic.target_topic)) look_at(topic, side);
  }
  co_return true;
}

/// What the last answer about it means.
void Replication::look_at(MirroredTopic& topic, MirrorSide side) {
  const bool is_source = side == MirrorSide::source;
  // What waits for its source to be created anew may wait for ever.
  const bool is_awaited = topic.stage == Stage::anew && is_source;
  if (topic.stage != Stage::mirrored && topic.stage != Stage::failed && !is_awaited) return;
  const std::string& name = is_source ? topic.source_topic : topic.target_topic;
  std::set<std::string>& in_doubt = (is_source ? source_doubt_ : target_doubt_).topics;
  const Topic* seen = (is_source ? source_ : target_).find_topic(name);
  if (seen == nullptr) {
    // Left out of the list of all topics: it is gone, or may not be seen. Asked for by name the cluster says which.
    in_doubt.insert(name);
    return;
  }
  TopicIdentity& identity = is_source ? topic.source : topic.target;
  switch (identity.handle_answer(seen->error_code, seen->id, now(), settings_.topic_patience)) {
    case TopicIdentity::Fate::unclear:
      in_doubt.insert(name);
      next_question_ = now() + retry_after_failure;
      return;
    case TopicIdentity::Fate::same:
      in_doubt.erase(name);
      if (is_awaited) return;
      if (is_source && topic.condition == Condition::source_deleted) reopen(topic);
      // Partitions that were added are not to wait for the next regular look.
      if (is_source && topic.stage == Stage::mirrored && settings_.refresh_interval &&
          seen->partitions.size() > partitions_of(topic).size()) {
        next_discovery_ = std::min(next_discovery_, now() + retry_after_failure);
      }
      return;
    case TopicIdentity::Fate::deleted:
      in_doubt.erase(name);
      handle_gone(topic, side);
      return;
    case TopicIdentity::Fate::recreated:
      in_doubt.erase(name);
      // Whichever is there when it begins is the one.
      if (!is_awaited) handle_replaced(topic, side, seen->id);
      return;
  }
}

bool Replication::are_topics_same(MirroredTopic& topic) {
  const Topic* source = source_.find_topic(topic.source_topic);
  const Topic* target = target_.find_topic(topic.target_topic);
  if (source != nullptr && source->error_code == 0 && source->id != topic.source.id())
    look_at(topic, MirrorSide::source);
  if (target != nullptr && target->error_code == 0 && target->id != topic.target.id())
    look_at(topic, MirrorSide::target);
  return topic.stage == Stage::mirrored && !source_doubt_.topics.contains(topic.source_topic) &&
         !target_doubt_.topics.contains(topic.target_topic);
}

void Replication::handle_gone(MirroredTopic& topic, MirrorSide side) {
  if (side == MirrorSide::source) {
    if (topic.condition == Condition::source_deleted) return;  // still
    if (topic.stage == Stage::anew) {
      count(topic.source_topic, Condition::source_deleted);
      topic.condition = Condition::source_deleted;
      give_up(topic, fmt::format("{}; and there is no topic {} on {} any more", topic.reason, topic.source_topic,
                                 source_.alias()));
      return;
    }
    close(topic, Condition::source_deleted,
          fmt::format("topic {} was deleted on {}; what was mirrored of it stays on {}", topic.source_topic,
                      source_.alias(), target_.alias()));
    return;
  }
  const bool is_to_stop = settings_.policies.of(Condition::target_deleted) == Policy::stop;
  if (topic.stage == Stage::failed && is_to_stop) return;
  close(topic, Condition::target_deleted,
        fmt::format("topic {} was deleted on {}", topic.target_topic, target_.alias()));
}

void Replication::handle_replaced(MirroredTopic& topic, MirrorSide side, const protocol::Uuid& id) {
  const bool is_source = side == MirrorSide::source;
  TopicIdentity& identity = is_source ? topic.source : topic.target;
  std::string reason = fmt::format("topic {} was deleted on {} and created again (its id was {} and is {})",
                                   is_source ? topic.source_topic : topic.target_topic,
                                   (is_source ? source_ : target_).alias(), identity.id().to_string(), id.to_string());
  identity.replace(id);
  if (!is_source) own_topics_.erase(topic.target_topic);
  close(topic, is_source ? Condition::source_recreated : Condition::target_recreated, std::move(reason));
}

// ---- Closing --------------------------------------------------------------------------------------------------------

/// Nothing more is to be forwarded between topics that are no longer the ones that were compared.
void Replication::close(MirroredTopic& topic, Condition condition, std::string reason) {
  if (topic.stage != Stage::mirrored && topic.stage != Stage::failed) return;
  count(topic.source_topic, condition);
  topic.stage = Stage::closing;
  topic.condition = condition;
  topic.reason = std::move(reason);
  for (Partition* partition : partitions_of(topic)) {
    episodes_.end(partition->spec.id);
    if (partition->is_in_shard) {
      shards_.settle(partition->spec.id, ParkCause::stopped, {});
    } else if (!partition->is_busy) {
      hold(*partition, topic);
    }
  }
}

void Replication::hold(Partition& partition, const MirroredTopic& topic) {
  const std::lock_guard lock(mutex_);
  partition.phase = Phase::held;
  partition.condition = topic.condition;
  partition.reason = topic.reason;
}

/// Those that are closed, and of which nothing is under way any more.
void Replication::settle_closed() {
  for (auto& [name, topic] : topics_) {
    if (topic.stage != Stage::closing) continue;
    const std::vector<Partition*> partitions = partitions_of(topic);
    const bool is_settled = std::none_of(partitions.begin(), partitions.end(),
                                         [](const Partition* partition) { return partition->is_taken(); });
    if (!is_settled) continue;
    const bool is_untouched = std::all_of(partitions.begin(), partitions.end(),
                                          [](const Partition* partition) { return partition->position() == 0; });
    const bool is_to_recreate = settings_.policies.of(*topic.condition) == Policy::recreate;
    switch (*topic.condition) {
      case Condition::target_recreated:
        mirror_anew(topic);
        break;
      case Condition::target_deleted:
        if (is_to_recreate) {
          mirror_anew(topic);
        } else {
          fail(topic, topic.reason +
                          "; start shunt again, and it is created and mirrored from the source's start, or let "
                          "shunt.on.target.deleted=recreate do so at once");
        }
        break;
      case Condition::source_recreated:
        if (is_untouched) {
          mirror_anew(topic);  // nothing was written: there is nothing to choose
        } else if (is_to_recreate) {
          topic.stage = Stage::removing;
          topic.due = {};
        } else {
          fail(topic, fmt::format("{}; {} holds what was mirrored of the old one: delete it and start shunt again, or "
                                  "let shunt.on.source.recreated=recreate do both",
                                  topic.reason, topic.target_topic));
        }
        break;
      default:
        fail(topic, topic.reason);
        break;
    }
  }
}

void Replication::fail(MirroredTopic& topic, const std::string& reason) {
  topic.stage = Stage::failed;
  give_up(topic, reason);
}

/// All its partitions have failed.
void Replication::give_up(MirroredTopic& topic, const std::string& reason) {
  spdlog::error("{}: {} stops ({}): {}", settings_.name, topic.source_topic, to_string(*topic.condition), reason);
  topic.reason = reason;
  const std::lock_guard lock(mutex_);
  for (Partition* partition : partitions_of(topic)) {
    partition->phase = Phase::failed;
    partition->condition = topic.condition;
    partition->reason = reason;
  }
}

void Replication::mirror_anew(MirroredTopic& topic) {
  spdlog::warn("{}: {}: {}; mirrored anew ({})", settings_.name, topic.source_topic, topic.reason,
               to_string(*topic.condition));
  topic.stage = Stage::anew;
  next_discovery_ = {};
}

/// Both topics are there and fit: from the source's start, or where the mirror had begun, under new identities.
void Replication::begin_anew(MirroredTopic& topic, const TopicResult& result) {
  const Topic* source = source_.find_topic(topic.source_topic);
  const Topic* target = target_.find_topic(topic.target_topic);
  if (source == nullptr || target == nullptr) return;
  const bool is_source_past = topic.source.is_past(source->id, now(), settings_.topic_patience);
  const bool is_target_past = topic.target.is_past(target->id, now(), settings_.topic_patience);
  if (is_source_past || is_target_past) {
    next_discovery_ = std::min(next_discovery_, now() + retry_after_failure);  // who was asked lags behind
    return;
  }
  if (topic.condition == Condition::source_recreated || topic.source.id() != source->id) topic.old_partitions = 0;
  topic.source.replace(source->id);
  topic.target.replace(target->id);
  topic.stage = Stage::mirrored;
  topic.condition.reset();
  topic.reason.clear();
  const std::vector<Partition*> partitions = partitions_of(topic);
  const auto count = static_cast<std::int32_t>(partitions.size());
  {
    const std::lock_guard lock(mutex_);
    for (Partition* partition : partitions) {
      const PartitionIndex index = partition->spec.partition;
      if (mapped_) mapped_->forget(*partition);
      if (index.value() < result.mirrored_partitions()) {
        replicate::begin_anew(*partition, identity_of(topic, index), new_recovery());
        if (index.value() >= topic.old_partitions) partition->begin = Offset(0);
        adopt_if_mapped(*partition);
      } else {
        if (partition->begin) topic.left_beginnings[index] = *partition->begin;
        by_id_.erase(partition->spec.id);
        partitions_.erase({topic.source_topic, index});
      }
    }
  }
  add_partitions(result, std::min(count, result.mirrored_partitions()));
}

/// The cluster had said that it was gone, and has it after all.
void Replication::reopen(MirroredTopic& topic) {
  spdlog::warn("{}: {} is there again, and is the same topic", settings_.name, topic.source_topic);
  topic.stage = Stage::mirrored;
  topic.condition.reset();
  topic.reason.clear();
  for (Partition* partition : partitions_of(topic)) {
    partition->due = {};
    set_phase(*partition, Phase::admitting);
  }
}

// ---- Removing -------------------------------------------------------------------------------------------------------

void Replication::begin_removals() {
  for (auto& [name, topic] : topics_) {
    if (topic.stage != Stage::removing || topic.is_being_removed || topic.due > now()) continue;
    topic.is_being_removed = true;
    begin_task(remove_target(topic));
  }
}

Awaitable<> Replication::remove_target(MirroredTopic& topic) {
  OwnTargetTopic own{
      .name = topic.target_topic, .id = topic.target.id(), .source_topic = topic.source_topic, .tag = tag_};
  const TopicRemoval removal = co_await remove_own_topic(target_, std::move(own));
  topic.is_being_removed = false;
  switch (removal.outcome) {
    case TopicRemoval::Outcome::gone:
      spdlog::warn("{}: topic {} was deleted on {} (shunt.on.source.recreated)", settings_.name, topic.target_topic,
                   target_.alias());
      topic.target.handle_deleted();
      mirror_anew(topic);
      break;
    case TopicRemoval::Outcome::refused:
      fail(topic, fmt::format("{}; {}", topic.reason, removal.reason));
      break;
    case TopicRemoval::Outcome::retry:
      spdlog::warn("{}: {} cannot be deleted yet: {}", settings_.name, topic.target_topic, removal.reason);
      topic.due = now() + retry_after_failure;
      break;
  }
}

}  // namespace shunt::replicate
