// The part of FlowPlanning that is about partitions: how their offsets would be, and where they would begin.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "net/machine.h"
#include "replicate/control/filling_estimate.h"
#include "replicate/control/leaders.h"
#include "replicate/control/mapped_partitions.h"
#include "replicate/control/target_identity.h"
#include "replicate/identity.h"
#include "replicate/plan/flow_plan.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;
using protocol::PartitionIndex;

namespace {

FlowSpec spec_of(std::uint16_t tag, const TopicPartition& source, const TopicPartition& target, const Topic* there) {
  FlowSpec spec;
  spec.source_topic = source.topic;
  spec.target_topic = target.topic;
  spec.partition = source.partition;
  spec.identity = target_identity(tag, there, target.topic, source);
  return spec;
}

std::vector<TopicPartition> sources_of(const auto& candidates) {
  std::vector<TopicPartition> sources;
  sources.reserve(std::size(candidates));
  for (const auto& candidate : candidates) sources.push_back(candidate.source());
  return sources;
}

/// Of a target partition that is not there yet: its log is empty.
Admission admission_to_nothing(const TopicPartition& source, const TopicPartition& target,
                               const Answered<Offset>& start) {
  Admission admission;
  if (!start.value) {
    admission.reason = start.reason;
    return admission;
  }
  AdmissionFacts facts;
  facts.source = source;
  facts.target = target;
  facts.source_start = facts.source_end = *start.value;
  facts.target_start = facts.target_end = Offset(0);
  admission = decide_by_bounds(facts).value_or(Admission{});
  admission.target_end = Offset(0);
  return admission;
}

}  // namespace

Awaitable<> FlowPlanning::plan_partitions() {
  for (PlannedTopic& topic : plan_.topics) {
    if (topic.action == PlannedTopic::Action::refuse) continue;
    const bool grows = topic.action != PlannedTopic::Action::none;
    const std::int32_t count =
        grows ? topic.source_partitions : std::min(topic.source_partitions, topic.target_partitions);
    topic.partitions.resize(static_cast<std::size_t>(count));
    for (std::int32_t index = 0; index < count; ++index)
      topic.partitions[static_cast<std::size_t>(index)].partition = index;
  }
  Candidates candidates;
  for (PlannedTopic& topic : plan_.topics) {
    for (PlannedPartition& partition : topic.partitions) candidates.push_back({&topic, &partition});
  }
  co_await learn_ends(candidates);
  Candidates mapped;
  candidates = co_await with_maps(std::move(candidates), mapped);
  co_await plan_identical(std::move(candidates), mapped);
  co_await plan_mapped(std::move(mapped));
}

Awaitable<> FlowPlanning::learn_ends(Candidates candidates) {
  const auto ends = co_await readable_ends(source_, sources_of(candidates), settings_.detours.isolation, many_leaders);
  for (const Candidate& candidate : candidates) {
    const auto& end = ends.at(candidate.source()).value;
    candidate.partition->source_end = end ? end->value() : -1;
  }
}

/// Those without a map of offsets; the others, and all where that is the setting, are `mapped`.
Awaitable<FlowPlanning::Candidates> FlowPlanning::with_maps(Candidates candidates, Candidates& mapped) {
  if (!mapped_) co_return candidates;
  co_await mapped_->load();
  Candidates others;
  for (const Candidate& candidate : candidates) {
    const MirroredPartition partition(spec_of(flow_tag(flow_.source, flow_.target), candidate.source(),
                                              candidate.target(), target_.find_topic(candidate.topic->target)),
                                      Recovery(settings_.recovery, 0));
    const bool has_map = mapped_->has_map(partition);
    if (has_map) candidate.partition->reason = "it has a map of offsets, and goes on with it";
    if (!has_map && settings_.offsets == OffsetsMode::mapped) candidate.partition->reason = "shunt.offsets=mapped";
    (candidate.partition->reason.empty() ? others : mapped).push_back(candidate);
  }
  co_return others;
}

Awaitable<> FlowPlanning::plan_identical(Candidates candidates, Candidates& mapped) {
  const auto starts = co_await log_starts(source_, sources_of(candidates), many_leaders);
  Answers<Offset> beginnings;
  if (settings_.start.is_later()) {
    beginnings = co_await start_positions(source_, sources_of(candidates), settings_.start, settings_.detours.isolation,
                                          many_leaders);
  }
  const auto begin_of = [&beginnings](const Candidate& candidate) -> std::optional<Offset> {
    const auto found = beginnings.find(candidate.source());
    return found == beginnings.end() ? std::nullopt : found->second.value;
  };
  std::vector<AdmissionQuestion> questions;
  std::vector<std::size_t> asked;  // the candidates of the questions
  std::vector<Admission> admissions(candidates.size());
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const Candidate& candidate = candidates[i];
    const Topic* there = target_.find_topic(candidate.topic->target);
    if (there == nullptr || target_.find_partition(candidate.target()) == nullptr) {
      admissions[i] = admission_to_nothing(candidate.source(), candidate.target(), starts.at(candidate.source()));
      continue;
    }
    const FlowSpec spec = spec_of(flow_tag(flow_.source, flow_.target), candidate.source(), candidate.target(), there);
    asked.push_back(i);
    questions.push_back({.source = candidate.source(),
                         .target = candidate.target(),
                         .identity = spec.identity,
                         .begin = begin_of(candidate),
                         .is_begin_certain = settings_.start.kind == StartPosition::Kind::time});
  }
  std::vector<Admission> answered =
      co_await admit(source_, target_, std::move(questions), settings_.detours.isolation, many_leaders);
  for (std::size_t i = 0; i < asked.size(); ++i) admissions[asked[i]] = std::move(answered[i]);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const Candidate& candidate = candidates[i];
    BeginningQuestion question{.source = candidate.source(),
                               .target = candidate.target(),
                               .begin = begin_of(candidate),
                               .may_map = settings_.offsets == OffsetsMode::automatic,
                               .maps_behind_others = settings_.policies.of(Condition::foreign_writer) == Policy::go_on,
                               .goes_on_overtaken = settings_.policies.of(Condition::overtaken) == Policy::go_on,
                               .is_own_topic = candidate.topic->action == PlannedTopic::Action::create,
                               .is_mapping = settings_.topic_mapping.contains(candidate.topic->source),
                               .most_padding = settings_.most_padding};
    co_await decide(candidate, admissions[i], std::move(question), mapped);
  }
}

/// As a run decides it (replication_admission.cc).
Awaitable<> FlowPlanning::decide(const Candidate& candidate, const Admission& admission, BeginningQuestion question,
                                 Candidates& mapped) {
  PlannedPartition& partition = *candidate.partition;
  const bool may_start =
      admission.verdict != Admission::Verdict::refuse && admission.verdict != Admission::Verdict::retry;
  if (question.may_map && may_start && admission.target_end == Offset(0) && !settings_.start.is_later() &&
      partition.source_end >= 0) {
    const FillingEstimate estimate = co_await estimate_filling(
        source_, candidate.source(), admission.start, Offset(partition.source_end), settings_.detours.isolation);
    partition.reason = too_much_filling(estimate, candidate.source());
    if (!partition.reason.empty()) {
      mapped.push_back(candidate);
      co_return;
    }
  }
  const Beginning beginning = decide_beginning(admission, question);
  partition.reason = beginning.reason;
  partition.offsets = PlannedOffsets::identical;
  switch (beginning.kind) {
    case Beginning::Kind::start:
      partition.begin = admission.start.value();
      if (!partition.reason.empty()) break;
      partition.reason = admission.target_end <= Offset(0)
                             ? "nothing is there yet"
                             : fmt::format("what is there is the source's up to {}", admission.target_end.value());
      break;
    case Beginning::Kind::fill_head:
      partition.begin = beginning.head.end.value();
      partition.filled_head = std::max<std::int64_t>(0, beginning.head.end - std::max(admission.target_end, Offset(0)));
      if (beginning.head.is_lost) {
        candidate.topic->findings.push_back({.weight = Finding::Weight::warning,
                                             .about = candidate.target().to_string(),
                                             .text = "records are lost: " + beginning.reason});
      } else {
        partition.reason = fmt::format("{} offsets that the source no longer has are filled", partition.filled_head);
      }
      break;
    case Beginning::Kind::map:
      partition.reason = fmt::format("{}: {}", beginning.setting, beginning.reason);
      mapped.push_back(candidate);
      break;
    case Beginning::Kind::refuse:
      partition.is_refused = true;
      break;
    case Beginning::Kind::retry:
      partition.offsets = PlannedOffsets::undecided;
      candidate.topic->findings.push_back({.weight = Finding::Weight::warning,
                                           .about = candidate.target().to_string(),
                                           .text = "it would wait: " + beginning.reason});
      break;
  }
}

Awaitable<> FlowPlanning::plan_mapped(Candidates candidates) {
  std::vector<MirroredPartition*> partitions;
  Candidates asked;
  for (const Candidate& candidate : candidates) {
    candidate.partition->offsets = PlannedOffsets::mapped;
    const Topic* there = target_.find_topic(candidate.topic->target);
    if (there == nullptr || target_.find_partition(candidate.target()) == nullptr) continue;
    adopted_.push_back(std::make_unique<MirroredPartition>(
        spec_of(flow_tag(flow_.source, flow_.target), candidate.source(), candidate.target(), there),
        Recovery(settings_.recovery, 0)));
    mapped_->adopt(*adopted_.back());
    partitions.push_back(adopted_.back().get());
    asked.push_back(candidate);
  }
  if (partitions.empty()) co_return;
  const std::vector<MappedAdmission> admissions = co_await mapped_->judge(std::move(partitions), settings_.start);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    PlannedPartition& partition = *asked[i].partition;
    const MappedAdmission& admission = admissions[i];
    const bool is_lost = admission.verdict == MappedAdmission::Verdict::overtaken;
    if (admission.verdict == MappedAdmission::Verdict::refuse ||
        (is_lost && settings_.policies.of(Condition::overtaken) == Policy::stop)) {
      partition.is_refused = true;
      partition.reason = admission.reason;
    } else if (admission.verdict != MappedAdmission::Verdict::retry) {
      partition.begin = (is_lost ? admission.source_start : admission.standing.confirmed).value();
    }
  }
}

}  // namespace shunt::replicate
