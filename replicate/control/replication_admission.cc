// The part of Replication that decides, from a comparison of both logs (control/admission.h), how partitions begin.
#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "replicate/control/beginning.h"
#include "replicate/control/leaders.h"
#include "replicate/control/replication.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;
using protocol::Sequence;

void Replication::begin_admissions() {
  std::vector<Partition*> identical;
  std::vector<Partition*> mapped;
  for (Partition* partition : due_in(Phase::admitting)) {
    if (goes_over_with_another(*partition)) continue;
    const Topic::Partition* known = source_.find_partition({partition->spec.source_topic, partition->spec.partition});
    // As it was before the logs are compared: a later one is a reason to look again.
    partition->source_epoch = known == nullptr ? std::nullopt : std::optional(known->leader_epoch);
    (partition->spec.is_mapped() ? mapped : identical).push_back(partition);
  }
  for (std::vector<Partition*>& group : by_leaders(identical)) {
    if (!can_begin(*group.front())) break;
    ++admissions_;
    begin_work(std::move(group), &Replication::admit_identical);
  }
  if (!mapped.empty()) {
    are_maps_busy_ = true;
    begin_work(std::move(mapped), &Replication::admit_mapped);
  }
}

/// Where a mirror begins is found once in the life of a process, as far as the source's log still goes there: what comes
/// later is not to be left out. Another life may have found another place, unless it is one of a certain time.
AdmissionQuestion Replication::question_of(const Partition& partition, const Answers<Offset>& beginnings) const {
  const FlowSpec& spec = partition.spec;
  AdmissionQuestion question{.source = {spec.source_topic, spec.partition},
                             .target = {spec.target_topic, spec.partition},
                             .identity = spec.identity};
  const auto found = beginnings.find(question.source);
  if (found == beginnings.end() || !found->second.value) return question;
  question.begin = std::min(*found->second.value, partition.begin.value_or(*found->second.value));
  const bool is_begin_known = partition.begin && !partition.is_begin_guessed;
  question.is_begin_certain = is_begin_known || settings_.start.kind == StartPosition::Kind::time;
  return question;
}

Awaitable<> Replication::admit_identical(std::vector<Partition*> due) {
  struct Ended {
    ~Ended() { --admissions; }
    std::size_t& admissions;
  };
  const Ended ended{admissions_};
  std::vector<TopicPartition> sources;
  sources.reserve(due.size());
  for (const Partition* partition : due) sources.push_back({partition->spec.source_topic, partition->spec.partition});
  Answers<Offset> ends;
  Answers<Offset> beginnings;
  if (settings_.until_caught_up) ends = co_await readable_ends(source_, sources, settings_.detours.isolation);
  if (settings_.start.is_later()) {
    beginnings = co_await start_positions(source_, sources, settings_.start, settings_.detours.isolation);
  }
  std::vector<AdmissionQuestion> questions;
  questions.reserve(due.size());
  for (const Partition* partition : due) questions.push_back(question_of(*partition, beginnings));
  const std::vector<Admission> admissions = co_await admit(source_, target_, questions, settings_.detours.isolation);
  const auto has_begun = [](const Admission& admission) { return admission.target_end > Offset(0); };
  // A map is stored before anything is written by it: of what was seen here the maps tell now.
  if (mapped_ && std::ranges::any_of(admissions, has_begun)) {
    const std::string problem = co_await why_maps_are_not_current();
    if (!problem.empty()) {
      for (Partition* partition : due) {
        if (partition->phase == Phase::admitting) postpone(*partition, problem, Condition::target_error);
      }
      co_return;
    }
  }
  for (std::size_t i = 0; i < due.size(); ++i) {
    // The questions may have brought newer answers about the topics.
    const bool are_same = are_topics_same(topics_.at(due[i]->spec.source_topic));
    if (due[i]->phase != Phase::admitting) continue;
    if (!are_same) {
      due[i]->due = now() + retry_after_failure;
      continue;
    }
    if (goes_over_with_another(*due[i])) continue;
    const bool may_start =
        admissions[i].verdict != Admission::Verdict::refuse && admissions[i].verdict != Admission::Verdict::retry;
    std::optional<Offset> end;
    std::optional<Answered<Offset>> missing;  // the answer to a question that matters
    for (const Answers<Offset>* answers : {&ends, &beginnings}) {
      const auto answered = answers->find(sources[i]);
      if (!may_start || answered == answers->end()) continue;
      if (answers == &ends) end = answered->second.value;
      if (!answered->second.value) missing = answered->second;
    }
    if (missing) {
      postpone(*due[i], missing->reason,
               condition_of(*missing, Condition::source_unauthorized, Condition::source_leader));
      continue;
    }
    const bool may_begin = may_map(*due[i]) && may_start && admissions[i].target_end == Offset(0);
    if (may_begin && co_await is_too_much_filling(*due[i], admissions[i].start)) continue;
    handle_admission(*due[i], admissions[i], end, questions[i].begin);
  }
}

/// `readable_end`: of the source; known where it matters. `begin`: where a new one is to; unset: where the source does.
void Replication::handle_admission(Partition& partition, const Admission& admission, std::optional<Offset> readable_end,
                                   std::optional<Offset> begin) {
  if (readable_end) set_goal(partition, *readable_end);
  const FlowSpec& spec = partition.spec;
  const BeginningQuestion question{
      .source = {spec.source_topic, spec.partition},
      .target = {spec.target_topic, spec.partition},
      .begin = begin,
      .may_map = may_map(partition),
      .maps_behind_others = !spec.is_mapped() && settings_.policies.of(Condition::foreign_writer) == Policy::go_on,
      .goes_on_overtaken = settings_.policies.of(Condition::overtaken) == Policy::go_on,
      .is_own_topic = own_topics_.contains(spec.target_topic),
      .is_mapping = settings_.topic_mapping.contains(spec.source_topic),
      .most_padding = settings_.most_padding};
  const Beginning beginning = decide_beginning(admission, question);
  switch (beginning.kind) {
    case Beginning::Kind::start:
      start_flow(partition, admission, begin);
      break;
    case Beginning::Kind::fill_head:
      fill_head(partition, beginning, admission.target_end);
      break;
    case Beginning::Kind::map:
      if (beginning.condition) count(spec.source_topic, *beginning.condition);
      map_offsets(partition, beginning.setting, beginning.reason);
      break;
    case Beginning::Kind::refuse:
      refuse(partition, beginning.reason, beginning.condition);
      break;
    case Beginning::Kind::retry:
      postpone(partition, beginning.reason, *beginning.condition);
      break;
  }
}

void Replication::start_flow(Partition& partition, const Admission& admission, std::optional<Offset> begin) {
  if (!admission.reason.empty()) {
    spdlog::info("{}: {}: {}", settings_.name, partition.spec.source_name(), admission.reason);
  }
  note_begun(partition);
  const std::lock_guard lock(mutex_);
  // Behind markers an earlier life may have something under way: only the fence of a detour ends that.
  const bool is_fenced_first = admission.ends_in_markers || partition.is_fence_due;
  partition.phase = is_fenced_first ? Phase::waiting_for_detour : Phase::assignable;
  partition.due = {};
  partition.reason.clear();
  partition.start = admission.start.value();
  // From where it goes on nothing is left out any more, also where compaction moves what a time leads to, or nobody knows
  // where a life before this one began.
  if (begin && settings_.start.kind == StartPosition::Kind::time) partition.begin = std::min(*begin, admission.start);
  if (!partition.begin) {
    partition.begin = admission.is_new ? admission.start : admission.begun.value_or(admission.start);
    partition.is_begin_guessed = !admission.is_new;
  }
  partition.head.reset();
  partition.awaits_late_markers = admission.may_be_half_a_head;
  partition.admitted = admission.target_end;
  partition.standing.reset();  // the target's log has been compared with the source's instead
  partition.compared = {
      .confirmed = admission.target_end,
      .sequence = admission.last_sequence < 0 ? Sequence(0) : Sequence(admission.last_sequence).advanced(1)};
}

void Replication::fill_head(Partition& partition, const Beginning& beginning, Offset target_end) {
  const HeadFill& head = beginning.head;
  if (head.is_lost) {
    spdlog::error("{}: DATA LOSS: {}; going on behind them (shunt.on.overtaken)", settings_.name, beginning.reason);
    count(partition.spec.source_topic, Condition::overtaken);
  } else {
    spdlog::debug("{}: {} begins at offset {}: the offsets before it are filled", settings_.name,
                  partition.spec.source_name(), head.end.value());
    const std::lock_guard lock(mutex_);
    partition.start = head.end.value();
    partition.begin = partition.begin.value_or(head.end);
  }
  note_begun(partition);
  partition.head = head;
  partition.due = {};
  partition.admitted = target_end;
  partition.standing.reset();
  partition.compared.reset();
  set_phase(partition, Phase::waiting_for_detour);
}

void Replication::refuse(Partition& partition, const std::string& reason, std::optional<Condition> condition) {
  // What does not fit the source may be of another topic of the target's.
  if (condition == Condition::source_recreated) return doubt(partition, reason, condition);
  spdlog::error("{}: {} cannot be mirrored: {}", settings_.name, partition.spec.source_name(), reason);
  set_failed(partition, condition, reason);
}

/// Rights are waited for, unless the run is to come to an end: then the partition has failed.
bool Replication::is_worth_waiting(Partition& partition, const std::string& reason, Condition condition) {
  if (!is_about_rights(condition) || settings_.recovery.waits_for_rights) return true;
  refuse(partition, reason, condition);
  return false;
}

net::Duration Replication::pause_of(Condition condition, net::Duration otherwise) const {
  if (condition == Condition::another_instance) return settings_.recovery.standby_delay;
  return is_about_rights(condition) ? settings_.recovery.unauthorized_delay : otherwise;
}

/// It is fit for mirroring.
void Replication::note_begun(const Partition& partition) {
  if (settings_.known_topics) settings_.known_topics->add(partition.spec.source_topic, partition.spec.target_topic);
}

void Replication::postpone(Partition& partition, const std::string& reason, Condition condition) {
  put_off(partition, Phase::admitting, retry_after_failure, reason, condition);
}

void Replication::put_off(Partition& partition, Phase phase, net::Duration pause, const std::string& reason,
                          Condition condition) {
  if (!is_worth_waiting(partition, reason, condition)) return;
  hold_up(partition, condition, reason);
  partition.due = now() + pause_of(condition, pause);
  set_phase(partition, phase, reason);
}

}  // namespace shunt::replicate
