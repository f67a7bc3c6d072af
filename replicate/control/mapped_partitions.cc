#include "replicate/control/mapped_partitions.h"

#include <algorithm>
#include <utility>

namespace shunt::replicate {

using net::Awaitable;

namespace {

using Verdict = MappedAdmission::Verdict;

constexpr protocol::LeaderEpoch unknown_epoch(-1);

TopicPartition source_of(const FlowSpec& spec) {
  return {spec.source_topic, spec.partition};
}

}  // namespace

MappedPartitions::MappedPartitions(Cluster& source, Cluster& target, bool syncs_on_target, OffsetSyncsSettings settings,
                                   ConnectOffsetsSettings connect, Isolation isolation, LoopGuard loop_guard)
    : source_(source),
      target_(target),
      isolation_(isolation),
      loop_guard_(loop_guard),
      syncs_(syncs_on_target ? target : source, std::move(settings)),
      connect_(std::move(connect)) {}

Awaitable<> MappedPartitions::load() {
  for (auto& [partition, adopted] : adopted_) adopted.is_current = false;
  co_await syncs_.load();
  connect_offsets_ = co_await read_connect_offsets(target_, connect_);
  are_stale_ = false;
}

Awaitable<bool> MappedPartitions::check_stale() {
  if (!are_stale_) are_stale_ = co_await syncs_.has_moved();
  co_return are_stale_;
}

std::optional<protocol::Offset> MappedPartitions::find_connect_offset(const TopicPartition& source) const {
  const auto entry = connect_offsets_.find(source);
  return entry == connect_offsets_.end() ? std::nullopt : std::optional(entry->second);
}

bool MappedPartitions::has_map(const MirroredPartition& partition) const {
  return syncs_.find(source_of(partition.spec), partition.spec.identity) != nullptr;
}

void MappedPartitions::adopt(MirroredPartition& partition) {
  // Below where it was to begin there is a head, of which nothing is the source's.
  const bool is_head_left = partition.standing && partition.standing->confirmed.value() < partition.start;
  adopted_[&partition] = {.standing = is_head_left ? std::nullopt : partition.standing};
  partition.spec.written = std::make_shared<WrittenRuns>();
  partition.spec.loop_guard = loop_guard_;
  partition.spec.stops_at_gaps = true;
}

bool MappedPartitions::handle_left(MirroredPartition& partition, const Parked& parked) {
  Adopted& adopted = adopted_.at(&partition);
  if (parked.cause == ParkCause::gap) adopted.is_fence_due = true;
  if (parked.cause == ParkCause::superseded) adopted.another_at = ProducerPlace{};
  if (parked.cause == ParkCause::gap || parked.cause == ParkCause::superseded) return true;
  // What is on its way may count records otherwise than what is read from the source next.
  const bool is_by_itself = parked.cause == ParkCause::stopped || parked.cause == ParkCause::detour;
  const bool is_all_answered = is_by_itself && !parked.is_in_doubt;
  return !is_all_answered && parked.standing && parked.standing->epoch > first_epoch;
}

/// What the shard has reported of it becomes a part of its map.
void MappedPartitions::collect(const MirroredPartition& partition, Adopted& adopted) {
  const protocol::Offset position(partition.position());  // first: all runs below it are there
  const std::vector<OffsetRun> runs = partition.spec.written->take();
  // Otherwise another instance's map has replaced the one these follow: recovery finds them in the log.
  if (!adopted.is_current || !adopted.has_begun) return;
  // A topic that was created again under the same name begins anew.
  OffsetMap& map = *syncs_.find(source_of(partition.spec), partition.spec.identity);
  adopted.is_current = map.append(runs);
  are_stale_ = are_stale_ || !adopted.is_current;
  if (!adopted.is_current) return;
  // The end of a source that retention deletes whole may be a hole, and is not taken for records then.
  if (runs.empty() || partition.has_ended()) map.pass(position);
  map.confirm(adopted.source_log);
}

std::vector<MappedQuestion> MappedPartitions::questions_about(const std::vector<MirroredPartition*>& partitions,
                                                              StartPosition start) {
  std::vector<MappedQuestion> questions;
  for (MirroredPartition* partition : partitions) {
    Adopted& adopted = adopted_.at(partition);
    collect(*partition, adopted);
    const Topic* topic = source_.find_topic(partition->spec.source_topic);
    adopted.source_log = {.topic_id = topic == nullptr ? protocol::Uuid{} : topic->id,
                          .leader_epoch = partition->source_epoch.value_or(unknown_epoch)};
    questions.push_back({.source = source_of(partition->spec),
                         .target = {partition->spec.target_topic, partition->spec.partition},
                         .identity = partition->spec.identity,
                         .source_log = adopted.source_log,
                         .standing = adopted.standing,
                         .start = start,
                         .loop_guard = loop_guard_,
                         .connect_next = find_connect_offset(source_of(partition->spec)),
                         .is_fence_due = adopted.is_fence_due,
                         .own_epoch = adopted.own_epoch,
                         .another_at = adopted.another_at});
    adopted.is_current = true;
    adopted.has_begun = false;
  }
  return questions;
}

Awaitable<std::vector<MappedAdmission>> MappedPartitions::judge(std::vector<MirroredPartition*> partitions,
                                                                StartPosition start) {
  std::vector<MappedQuestion> questions = questions_about(partitions, start);
  for (MappedQuestion& question : questions) question.may_fence = false;
  co_return co_await admit_mapped(source_, target_, syncs_, std::move(questions), isolation_);
}

Awaitable<std::vector<MappedAdmission>> MappedPartitions::admit(std::vector<MirroredPartition*> partitions,
                                                                StartPosition start, bool goes_on_overtaken) {
  std::vector<MappedQuestion> questions = questions_about(partitions, start);
  for (MappedQuestion& question : questions) question.goes_on_overtaken = goes_on_overtaken;
  std::vector<MappedAdmission> admissions =
      co_await admit_mapped(source_, target_, syncs_, std::move(questions), isolation_);
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    Adopted& adopted = adopted_.at(partitions[i]);
    adopted.own_epoch = admissions[i].own_epoch;
    if (admissions[i].condition == Condition::another_instance) adopted.another_at = admissions[i].producer;
    // Another instance may have begun it since the maps were read. But a map that is not there when they are read after
    // its records were seen is gone.
    const bool lacked_map = std::exchange(adopted.lacks_map, admissions[i].lacks_map);
    if (!admissions[i].lacks_map || lacked_map) continue;
    admissions[i].verdict = Verdict::retry;
    are_stale_ = true;
  }
  const OffsetSyncs::Stored stored = co_await store();
  const std::string doubt = co_await why_refusals_are_doubtful(admissions);
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    MappedAdmission& admission = admissions[i];
    if (admission.verdict == Verdict::refuse) {
      if (doubt.empty()) continue;
      admission = MappedAdmission();  // again
      admission.reason = doubt;
    } else if (stored != OffsetSyncs::Stored::all || are_stale_) {
      // Nothing is written before its map has a beginning.
      admission.verdict = Verdict::retry;
      admission.reason = are_stale_ ? others_maps : syncs_.why();
    } else if (admission.verdict != Verdict::retry) {
      Adopted& adopted = adopted_.at(partitions[i]);
      adopted.standing.reset();
      adopted.another_at.reset();
      adopted.is_fence_due = false;
      adopted.has_begun = true;
      partitions[i]->spec.progress->position.store(admission.standing.confirmed.value(), std::memory_order_relaxed);
      partitions[i]->spec.stops_at_gaps = admission.stops_at_gaps;
    }
  }
  co_return admissions;
}

/// In words; empty: they are not. Another instance may have given a topic, a new one perhaps, another map than this process
/// has in mind, by which what is there looks like somebody else's.
Awaitable<std::string> MappedPartitions::why_refusals_are_doubtful(const std::vector<MappedAdmission>& admissions) {
  const bool is_any_refused =
      std::ranges::any_of(admissions, [](const auto& one) { return one.verdict == Verdict::refuse; });
  if (!is_any_refused) co_return std::string();
  try {
    const bool are_stale = co_await check_stale();
    co_return are_stale ? others_maps : "";
  } catch (const net::BrokerError& error) {
    co_return error.what();
  } catch (const ClusterError& error) {
    co_return error.what();
  }
}

Awaitable<OffsetSyncs::Stored> MappedPartitions::store() {
  for (auto& [partition, adopted] : adopted_) collect(*partition, adopted);
  const OffsetSyncs::Stored stored = co_await syncs_.store();
  if (stored == OffsetSyncs::Stored::moved) are_stale_ = true;
  co_return stored;
}

}  // namespace shunt::replicate
