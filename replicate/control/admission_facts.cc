// How the facts of an admission are gathered (control/admission.h).
#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <xxhash.h>

#include "net/concurrently.h"
#include "protocol/error.h"
#include "protocol/record_batch.h"
#include "replicate/control/admission.h"
#include "replicate/control/compare_logs.h"
#include "replicate/control/log_cursor.h"
#include "replicate/control/padding.h"
#include "replicate/control/read_log.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;
using protocol::RecordBatchHeader;

namespace errors = protocol::errors;

namespace {

// A marker is a batch of 78 bytes.
constexpr std::int32_t marker_stretch_bytes = 512 * 1024;
constexpr std::int64_t first_look_back = 64;
constexpr std::int64_t look_back_factor = 16;

// Offsets that may have been under way when another writer came between, and more.
constexpr std::int64_t most_displaced = 1 << 18;

/// A partition on its way to its admission.
struct Candidate {
  AdmissionQuestion question;
  AdmissionFacts facts;
  std::optional<Admission> admission;
};
using Candidates = std::vector<Candidate>;

using Side = TopicPartition AdmissionQuestion::*;

std::vector<TopicPartition> open_partitions(const Candidates& candidates, Side side) {
  std::vector<TopicPartition> partitions;
  for (const Candidate& candidate : candidates) {
    if (!candidate.admission) partitions.push_back(candidate.question.*side);
  }
  return partitions;
}

template <class T>
Admission no_answer(const Answered<T>& answered, const Candidate& candidate, Side side, const char* fact) {
  const TopicPartition& partition = candidate.question.*side;
  std::string reason = fmt::format("{} of {} is not known: {}", fact, partition.to_string(), answered.reason);
  const bool is_source = side == &AdmissionQuestion::source;
  if (protocol::is_authorization_failure(answered.error_code)) {
    return Admission::postponed(reason.append(grant_reading),
                                is_source ? Condition::source_unauthorized : Condition::target_unauthorized);
  }
  if (!answered.may_retry) return Admission::refused(std::move(reason));
  return Admission::postponed(std::move(reason), is_source ? Condition::source_leader : Condition::target_leader);
}

/// Hands the answer for every open candidate to `use`, or closes the candidate when there is none.
template <class T, class Use>
void take(Candidates& candidates, Side side, const Answers<T>& answers, const char* fact, Use use) {
  for (Candidate& candidate : candidates) {
    if (candidate.admission) continue;
    const Answered<T>& answered = answers.at(candidate.question.*side);
    if (answered.value) {
      use(candidate, *answered.value);
    } else {
      candidate.admission = no_answer(answered, candidate, side, fact);
    }
  }
}

/// What a question has ended with: a right that is missing on the side that says so, or else `otherwise`.
Admission postponed_by(const std::runtime_error& error, const Cluster& target, Condition otherwise) {
  if (const auto* refused = dynamic_cast<const UnauthorizedError*>(&error)) {
    otherwise = refused->is_of(target) ? Condition::target_unauthorized : Condition::source_unauthorized;
  }
  return Admission::postponed(error.what(), otherwise);
}

using OffsetOf = std::function<Offset(const AdmissionFacts&)>;

Awaitable<> read_tails(Cluster& cluster, Candidates& candidates, Side side, OffsetOf offset_of,
                       std::optional<BatchPrint> AdmissionFacts::*tail, LeaderSettings settings) {
  std::map<TopicPartition, Offset> offsets;
  for (const Candidate& candidate : candidates) {
    if (!candidate.admission) offsets[candidate.question.*side] = offset_of(candidate.facts);
  }
  const Answers<BatchPrint> prints = co_await batches_at(cluster, std::move(offsets), settings);
  for (Candidate& candidate : candidates) {
    if (candidate.admission) continue;
    const Answered<BatchPrint>& answered = prints.at(candidate.question.*side);
    if (answered.value) {
      candidate.facts.*tail = *answered.value;
    } else if (answered.error_code != errors::offset_out_of_range) {
      candidate.admission = no_answer(answered, candidate, side, "the last batch");
    }
  }
}

[[noreturn]] void throw_unread(const Cluster& cluster, const TopicPartition& partition, Offset offset,
                               std::int16_t error_code) {
  std::string reason = fmt::format("{} answered {} to a fetch of {} at offset {}", cluster.alias(),
                                   protocol::error_name(error_code), partition.to_string(), offset.value());
  if (protocol::is_authorization_failure(error_code)) throw UnauthorizedError(cluster, reason.append(grant_reading));
  throw ClusterError(reason);
}

/// The last batch of data in [from, end), of any producer but `without`; empty: there is none. With read_committed not
/// what was aborted.
Awaitable<std::optional<BatchPrint>> last_data_in(Cluster& cluster, TopicPartition partition, Offset from, Offset end,
                                                  std::optional<protocol::ProducerId> without = {},
                                                  Isolation isolation = Isolation::read_uncommitted) {
  std::optional<BatchPrint> last;
  while (from < end) {
    const LogStretch stretch = co_await read_log(cluster, partition, from, marker_stretch_bytes, isolation);
    if (stretch.error_code != 0) throw_unread(cluster, partition, from, stretch.error_code);
    if (stretch.batches.empty()) {
      throw ClusterError(fmt::format("{} cannot be read at offset {} yet", partition.to_string(), from.value()));
    }
    for (const LogBatch& batch : stretch.batches) {
      std::string why;
      const std::optional<BatchPrint> print = BatchPrint::of(batch.bytes, why);
      if (!print)
        throw ClusterError(fmt::format("{} holds a batch that cannot be compared: {}", partition.to_string(), why));
      const bool is_data = !print->is_control && batch.kind != BatchKind::nothing;
      if (is_data && print->producer_id != without) last = print;
      from = print->next_offset();
    }
  }
  co_return last;
}

/// The last data of the target's log; empty: there is none. Looks further and further back, `farthest` at most.
Awaitable<std::optional<BatchPrint>> last_data(Cluster& target, const AdmissionFacts& facts, Isolation isolation,
                                               std::int64_t farthest = std::numeric_limits<std::int64_t>::max()) {
  std::optional<BatchPrint> found;
  for (std::int64_t distance = first_look_back; !found; distance *= look_back_factor) {
    const Offset from = std::max(facts.target_start, facts.target_end - std::min(distance, farthest));
    found = co_await last_data_in(target, facts.target, from, facts.target_end, std::nullopt, isolation);
    if (from == facts.target_start || distance >= farthest) break;
  }
  co_return found;
}

/// Where markers end the target's log: the last data before them.
Awaitable<> look_behind_markers(Cluster& target, Candidate& candidate) {
  AdmissionFacts& facts = candidate.facts;
  try {
    const std::optional<BatchPrint> found = co_await last_data(target, facts, Isolation::read_uncommitted);
    facts.has_only_markers = !found;
    if (found) facts.target_tail = found;
  } catch (const std::runtime_error& error) {
    candidate.admission = postponed_by(error, target, Condition::target_error);
  }
}

/// The target ends with a batch of ours that is not the source's. Had another writer come between before it?
Awaitable<> look_for_others(Cluster& target, Candidate& candidate) {
  AdmissionFacts& facts = candidate.facts;
  try {
    const Offset from = std::max(facts.target_start, facts.target_end - most_displaced);
    const auto others = co_await last_data_in(target, facts.target, from, facts.target_end, facts.identity);
    if (!others) co_return;
    facts.others_at = others->base_offset;
    candidate.admission = decide_by_tails(facts);
  } catch (const std::runtime_error& error) {
    candidate.admission = postponed_by(error, target, Condition::target_error);
  }
}

/// Of what a copy has in common with its original.
std::uint64_t digest_of(const protocol::Record& record, bool has_append_time) {
  std::uint64_t digest = has_append_time ? 0 : static_cast<std::uint64_t>(record.timestamp_ms);
  for (const auto& part : {record.key, record.value})
    digest = part ? XXH3_64bits_withSeed(part->data(), part->size(), digest) : digest + 1;
  return digest;
}

/// The target ends with a batch of ours that is not the source's. Has the source one of its records at another offset? Then
/// the target has lost what was before them, or has more, and it is no other topic's. (Compaction may have taken others from
/// the source.)
Awaitable<> look_for_its_place(Cluster& source, Cluster& target, Candidate& candidate, Isolation isolation) {
  AdmissionFacts& facts = candidate.facts;
  if (!facts.target_tail || facts.target_tail->producer_id != facts.identity) co_return;
  const Offset from = std::max(facts.source_start, facts.target_tail->base_offset - most_displaced);
  const Offset end = std::min(facts.source_end, facts.target_end + most_displaced);
  LogCursor there(target, facts.target, facts.target_tail->base_offset, facts.target_end, Isolation::read_uncommitted);
  LogCursor here(source, facts.source, from, end, isolation);
  try {
    std::unordered_map<std::uint64_t, Offset> places;  // of what the target has
    bool has_append_times = false;
    while (co_await there.settle()) {
      has_append_times = there.has_append_time();
      places.try_emplace(digest_of(there.record(), has_append_times), there.record().offset);
      there.next_record();
    }
    while (!facts.displaced) {
      const bool has_here = co_await here.settle();
      if (!has_here) co_return;
      const Offset offset = here.record().offset;
      const auto place = places.find(digest_of(here.record(), has_append_times));
      if (place != places.end() && place->second != offset)
        facts.displaced = OffsetRun{.source = offset, .target = place->second, .records = 1};
      here.next_record();
    }
    candidate.admission = decide_by_tails(facts);
  } catch (const std::runtime_error& error) {
    candidate.admission = postponed_by(error, target, Condition::source_error);
  }
}

/// The batch that holds `offset`. Throws ClusterError.
Awaitable<std::vector<std::byte>> batch_at(Cluster& cluster, TopicPartition partition, Offset offset) {
  const LogStretch stretch =
      co_await read_log(cluster, partition, offset, marker_stretch_bytes, Isolation::read_uncommitted);
  if (stretch.error_code != 0) throw_unread(cluster, partition, offset, stretch.error_code);
  if (stretch.batches.empty()) {
    throw ClusterError(fmt::format("{} cannot be read at offset {} now", partition.to_string(), offset.value()));
  }
  const std::span<const std::byte> bytes = stretch.batches.front().bytes;
  co_return std::vector<std::byte>(bytes.begin(), bytes.end());
}

/// Whether an earlier life was filling the target's head. Only asked where the target ends at the head's end, or before;
/// or where the head may have been meant to end somewhere else.
Awaitable<> look_for_filled_head(Cluster& target, Candidate& candidate) {
  AdmissionFacts& facts = candidate.facts;
  const bool may_be_head = facts.begin || facts.head_end() >= facts.target_end;
  if (!may_be_head || facts.target_start == facts.target_end) co_return;
  try {
    const std::vector<std::byte> last = co_await batch_at(target, facts.target, facts.target_end - 1);
    facts.ends_in_padding = is_padding(last);
    if (facts.source_start < facts.target_end) co_return;
    if (!facts.knows_identity() && facts.target_start == Offset(0) && RecordBatchHeader::of(last).is_control()) {
      const std::vector<std::byte> first = co_await batch_at(target, facts.target, Offset(0));
      if (!RecordBatchHeader::of(first).is_control()) co_return;
      // A head may have millions of markers: not all of them are read only to find that nobody has written between.
      const auto data = co_await last_data(target, facts, Isolation::read_uncommitted, most_displaced);
      facts.has_only_markers = !data;
    }
  } catch (const std::runtime_error& error) {
    candidate.admission = postponed_by(error, target, Condition::target_error);
  }
}

/// One side may lack records that the other has at the offsets of the target's last batch.
bool is_thinned(const AdmissionFacts& facts) {
  const BatchPrint& ours = *facts.target_tail;
  return !facts.source_tail->is_dense() || !ours.is_dense() || facts.source_tail->is_old_format ||
         facts.source_tail->base_offset >= std::min(ours.next_offset(), facts.target_end);
}

/// What the target's last batch holds, record by record, and the source at the same offsets. Where compaction has left
/// nothing that both have, what is before it as well, further and further back. Throws.
Awaitable<> compare_with_tail(Cluster& source, Cluster& target, AdmissionFacts& facts, Isolation isolation) {
  const BatchPrint& ours = *facts.target_tail;
  const Offset first = std::max(facts.source_start, facts.target_start);
  const Offset end = std::min(ours.next_offset(), facts.target_end);
  Offset from = std::max(ours.base_offset, first);
  ComparisonSettings settings;
  settings.is_compacted = is_thinned(facts);
  const std::function<void(std::uint64_t)> unheard = [](std::uint64_t) {};
  facts.tails_differ.clear();
  for (std::int64_t distance = first_look_back;; distance *= look_back_factor) {
    LogCursor here(source, facts.source, from, end, isolation);
    LogCursor there(target, facts.target, from, end, Isolation::read_uncommitted);
    const Comparison compared = co_await compare_logs(here, there, settings, unheard);
    if (compared.difference) facts.tails_differ = compared.difference->text;
    if (distance == first_look_back) facts.has_common_tail = compared.records > 0;
    facts.has_common_records = compared.records > 0;
    const bool is_decided = compared.difference || compared.records > 0 || !settings.is_compacted;
    if (is_decided || from == first || distance > most_displaced) break;
    from = std::max(first, end - distance);
  }
}

Awaitable<> compare_tails(Cluster& source, Cluster& target, Candidate& candidate, Isolation isolation) {
  AdmissionFacts& facts = candidate.facts;
  try {
    co_await compare_with_tail(source, target, facts, isolation);
    if (facts.tails_differ.empty() || is_thinned(facts)) co_return;
    // What is compaction's work is no difference: it may have come since the source's batch was looked at.
    const std::vector<std::byte> batch = co_await batch_at(source, facts.source, facts.target_tail->next_offset() - 1);
    std::string why;
    facts.source_tail = BatchPrint::of(batch, why);
    if (!facts.source_tail) throw ClusterError(fmt::format("{} cannot be compared: {}", facts.source.to_string(), why));
    if (is_thinned(facts)) co_await compare_with_tail(source, target, facts, isolation);
  } catch (const std::runtime_error& error) {
    candidate.admission = postponed_by(error, target, Condition::source_error);
  }
}

/// Markers behind the target's last data stand for holes: the source must have no record there. One too many, written
/// twice by a broker in trouble, would displace or hide what follows.
Awaitable<> check_markers(Cluster& source, Candidate& candidate, Isolation isolation) {
  const AdmissionFacts& facts = candidate.facts;
  Offset markers = facts.target_tail && !facts.has_only_markers ? facts.target_tail->next_offset() : facts.target_start;
  if (markers >= facts.target_end || !candidate.admission || candidate.admission->verdict != Admission::Verdict::start)
    co_return;
  candidate.admission->ends_in_markers = true;
  // Those of a head stand for records, too.
  if (facts.has_only_markers && facts.begin)
    markers = facts.is_begin_certain ? std::max(markers, *facts.begin) : facts.target_end;
  if (markers >= facts.target_end) co_return;
  LogCursor cursor(source, facts.source, std::max(markers, facts.source_start), facts.target_end, isolation);
  try {
    // Behind that nothing is known yet: a transaction may be open there, whose records are committed later.
    const std::vector<TopicPartition> asked{facts.source};
    const auto readable = co_await readable_ends(source, asked, isolation);
    const Offset known_end = value_of(source, readable, facts.source, "the end for readers");
    const bool has_record = co_await cursor.settle();
    if (!has_record && known_end < facts.target_end) {
      candidate.admission = Admission::postponed(
          fmt::format("{} ends at {} with markers from {} on, and what the source has there is not known beyond {}",
                      facts.target.to_string(), facts.target_end.value(), markers.value(), known_end.value()),
          Condition::source_error);
    } else if (has_record) {
      const auto batch = cursor.batch();
      const Offset record = batch ? RecordBatchHeader::of(*batch).base_offset() : cursor.record().offset;
      candidate.admission = decide_by_markers(facts, markers, record);
    }
  } catch (const UnauthorizedError& error) {
    candidate.admission = Admission::postponed(error.what(), Condition::source_unauthorized);
  } catch (const std::exception& error) {
    candidate.admission = Admission::postponed(error.what(), Condition::source_error);
  }
}

/// The target ends with a transaction of others that was aborted, as what is mirrored back into an old source may. To its
/// readers those records are as empty as markers: where both logs are equal before them, and the source has no record in
/// their place, it is the same log.
Awaitable<> look_behind_aborted(Cluster& source, Cluster& target, Candidate& candidate, Isolation isolation,
                                LeaderSettings settings) {
  const AdmissionFacts& facts = candidate.facts;
  const bool is_foreign = candidate.admission && candidate.admission->verdict == Admission::Verdict::refuse &&
                          candidate.admission->condition == Condition::foreign_writer;
  const bool has_markers = facts.target_tail && facts.target_tail->next_offset() < facts.target_end;
  if (isolation != Isolation::read_committed || !is_foreign || !has_markers) co_return;
  Candidate again{.question = candidate.question, .facts = facts, .admission = std::nullopt};
  try {
    const std::optional<BatchPrint> committed = co_await last_data(target, facts, isolation);
    if (committed && committed->base_offset == facts.target_tail->base_offset) co_return;
    again.facts.has_only_markers = !committed;
    again.facts.target_tail = committed;
  } catch (const std::runtime_error&) {
    co_return;  // a transaction is open, or a broker is away: as it was decided
  }
  again.facts.tails_differ.clear();
  again.facts.has_common_tail = false;
  again.facts.has_common_records.reset();
  again.facts.source_tail.reset();
  Candidates one;
  one.push_back(std::move(again));
  if (one.front().facts.target_tail) {
    const OffsetOf last_of_data = [](const AdmissionFacts& of) { return of.target_tail->next_offset() - 1; };
    co_await read_tails(source, one, &AdmissionQuestion::source, last_of_data, &AdmissionFacts::source_tail, settings);
    const AdmissionFacts& seen = one.front().facts;
    if (!one.front().admission && seen.source_tail && !is_copy(*seen.source_tail, *seen.target_tail))
      co_await compare_tails(source, target, one.front(), isolation);
  }
  if (!one.front().admission) one.front().admission = decide_by_tails(one.front().facts);
  co_await check_markers(source, one.front(), isolation);
  if (one.front().admission->verdict == Admission::Verdict::start) candidate = std::move(one.front());
}

/// The true log ends. A log whose newest records are of a message format before 2 has no leader epochs, and no end of
/// one: there the high watermark will do where the target's log does not go beyond it.
Awaitable<Answers<Offset>> source_log_ends(Cluster& source, const Candidates& candidates, LeaderSettings settings) {
  Answers<Offset> ends = co_await log_ends(source, open_partitions(candidates, &AdmissionQuestion::source), settings);
  std::vector<TopicPartition> unknown;
  for (const Candidate& candidate : candidates) {
    if (candidate.admission) continue;
    const Answered<Offset>& answered = ends.at(candidate.facts.source);
    if (!answered.value && answered.may_retry && answered.error_code == 0) unknown.push_back(candidate.facts.source);
  }
  if (unknown.empty()) co_return ends;
  const auto high_watermarks =
      co_await readable_ends(source, std::move(unknown), Isolation::read_uncommitted, settings);
  for (const Candidate& candidate : candidates) {
    const auto found = high_watermarks.find(candidate.facts.source);
    if (found != high_watermarks.end() && found->second.value && *found->second.value >= candidate.facts.target_end)
      ends[candidate.facts.source] = found->second;
  }
  co_return ends;
}

Awaitable<> gather(Cluster& source, Cluster& target, Candidates& candidates, Isolation isolation,
                   LeaderSettings settings) {
  // The target first: while another instance writes, its end may move on, but never beyond the source's end read later.
  const auto target_ends = co_await log_ends(target, open_partitions(candidates, &AdmissionQuestion::target), settings);
  take(candidates, &AdmissionQuestion::target, target_ends, "the log end",
       [](Candidate& candidate, Offset end) { candidate.facts.target_end = candidate.facts.target_start = end; });
  const auto source_starts =
      co_await log_starts(source, open_partitions(candidates, &AdmissionQuestion::source), settings);
  take(candidates, &AdmissionQuestion::source, source_starts, "the log start", [](Candidate& candidate, Offset start) {
    candidate.facts.source_start = candidate.facts.source_end = start;
    if (candidate.facts.target_end == Offset(0)) candidate.admission = decide_by_bounds(candidate.facts);
  });

  // From here on, those whose target holds something.
  const auto target_starts =
      co_await log_starts(target, open_partitions(candidates, &AdmissionQuestion::target), settings);
  take(candidates, &AdmissionQuestion::target, target_starts, "the log start",
       [](Candidate& candidate, Offset start) { candidate.facts.target_start = start; });
  const auto source_ends = co_await source_log_ends(source, candidates, settings);
  take(candidates, &AdmissionQuestion::source, source_ends, "the log end", [&source](Candidate& candidate, Offset end) {
    const Topic::Partition* known = source.find_partition(candidate.facts.source);
    candidate.facts.source_end = end;
    candidate.facts.is_source_first_epoch = known != nullptr && known->is_in_first_epoch();
  });
  const auto producers =
      co_await active_producers(target, open_partitions(candidates, &AdmissionQuestion::target), settings);
  take(candidates, &AdmissionQuestion::target, producers, "the list of producers",
       [](Candidate& candidate, const std::vector<ActiveProducer>& active) {
         if (const ActiveProducer* known = find_producer(active, candidate.question.identity))
           candidate.facts.last_sequence = known->last_sequence;
       });
  for (Candidate& candidate : candidates) {
    if (!candidate.admission) co_await look_for_filled_head(target, candidate);
    if (!candidate.admission) candidate.admission = decide_by_bounds(candidate.facts);
  }

  const OffsetOf last_of_target = [](const AdmissionFacts& facts) { return facts.target_end - 1; };
  co_await read_tails(target, candidates, &AdmissionQuestion::target, last_of_target, &AdmissionFacts::target_tail,
                      settings);
  for (Candidate& candidate : candidates) {
    if (candidate.admission || !candidate.facts.target_tail) continue;
    if (candidate.facts.target_tail->is_control) co_await look_behind_markers(target, candidate);
    if (candidate.admission) continue;
    const bool has_source_tail = candidate.facts.target_end <= candidate.facts.source_end &&
                                 candidate.facts.target_end >= candidate.facts.source_start;
    if (candidate.facts.has_only_markers || !has_source_tail) candidate.admission = decide_by_tails(candidate.facts);
  }
  const OffsetOf last_of_data = [](const AdmissionFacts& facts) {
    return (facts.target_tail ? facts.target_tail->next_offset() : facts.target_end) - 1;
  };
  co_await read_tails(source, candidates, &AdmissionQuestion::source, last_of_data, &AdmissionFacts::source_tail,
                      settings);
  const auto compare = [&](Candidate* candidate) -> Awaitable<> {
    co_await compare_tails(source, target, *candidate, isolation);
  };
  std::vector<Candidate*> unlike;
  for (Candidate& candidate : candidates) {
    const AdmissionFacts& facts = candidate.facts;
    if (!candidate.admission && facts.source_tail && facts.target_tail &&
        !is_copy(*facts.source_tail, *facts.target_tail)) {
      unlike.push_back(&candidate);
    }
  }
  co_await net::for_each_concurrently(unlike, settings.concurrency, compare);
  for (Candidate& candidate : candidates) {
    const bool has_source_tail = !candidate.admission;
    if (has_source_tail) candidate.admission = decide_by_tails(candidate.facts);
    const auto is_another_log = [&candidate] {
      const std::optional<Condition> condition = candidate.admission->condition;
      return condition == Condition::source_recreated || condition == Condition::source_truncated;
    };
    if (is_another_log()) co_await look_for_others(target, candidate);
    if (has_source_tail && is_another_log()) co_await look_for_its_place(source, target, candidate, isolation);
    co_await check_markers(source, candidate, isolation);
    co_await look_behind_aborted(source, target, candidate, isolation, settings);
  }
}

}  // namespace

Awaitable<std::vector<Admission>> admit(Cluster& source, Cluster& target, std::vector<AdmissionQuestion> questions,
                                        Isolation isolation, LeaderSettings settings) {
  Candidates candidates;
  candidates.reserve(questions.size());
  for (AdmissionQuestion& question : questions) {
    Candidate& candidate = candidates.emplace_back();
    candidate.facts.source = question.source;
    candidate.facts.target = question.target;
    candidate.facts.identity = question.identity;
    candidate.facts.begin = question.begin;
    candidate.facts.is_begin_certain = question.is_begin_certain;
    candidate.question = std::move(question);
  }
  co_await gather(source, target, candidates, isolation, settings);
  std::vector<Admission> admissions;
  admissions.reserve(candidates.size());
  for (Candidate& candidate : candidates) {
    admissions.push_back(
        std::move(candidate.admission).value_or(Admission::postponed("not decided", Condition::source_error)));
    admissions.back().target_end = candidate.facts.target_end;
    if (!candidate.facts.has_only_markers) admissions.back().begun = candidate.facts.target_start;
    admissions.back().last_sequence = candidate.facts.last_sequence;
  }
  co_return admissions;
}

}  // namespace shunt::replicate
