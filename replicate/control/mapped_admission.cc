#include "replicate/control/mapped_admission.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "net/asio.h"
#include "net/concurrently.h"
#include "replicate/control/hole_filler.h"
#include "replicate/control/leaders.h"
#include "replicate/control/log_cursor.h"
#include "replicate/control/map_recovery.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;
using protocol::ProducerId;
using protocol::Sequence;

namespace {

// Each holds two stretches of log.
constexpr std::size_t concurrency = 8;

constexpr auto look_pause = std::chrono::milliseconds(50);

constexpr std::int64_t first_look_back = 1024;
constexpr std::int64_t look_back_factor = 16;

MappedAdmission verdict(MappedAdmission::Verdict verdict, std::string reason, std::optional<Condition> condition) {
  MappedAdmission admission;
  admission.verdict = verdict;
  admission.reason = std::move(reason);
  admission.condition = condition;
  return admission;
}
MappedAdmission refuse(std::string reason, std::optional<Condition> condition = {}) {
  return verdict(MappedAdmission::Verdict::refuse, std::move(reason), condition);
}
MappedAdmission retry(std::string reason) {
  return verdict(MappedAdmission::Verdict::retry, std::move(reason), {});
}
MappedAdmission start(const Standing& standing) {
  MappedAdmission admission = verdict(MappedAdmission::Verdict::start, {}, {});
  admission.standing = standing;
  return admission;
}

/// Offsets [from, end).
struct Range {
  Offset from;
  Offset end;
};

struct Bounds {
  Offset source_start;
  Offset source_readable_end;
  Offset source_end;
  Offset target_start;
  Offset target_end;
  std::vector<ActiveProducer> producers;

  [[nodiscard]] bool knows(ProducerId id) const {
    const ActiveProducer* known = find_producer(producers, id);
    return known != nullptr && known->last_sequence >= 0;
  }
};

Awaitable<Bounds> look(Cluster& source, Cluster& target, const MappedQuestion& question, Isolation isolation) {
  const std::vector<TopicPartition> on_source{question.source};
  const std::vector<TopicPartition> on_target{question.target};
  Bounds bounds;
  const auto target_starts = co_await log_starts(target, on_target);
  const auto target_ends = co_await log_ends(target, on_target);
  const auto producers = co_await active_producers(target, on_target);
  const auto source_starts = co_await log_starts(source, on_source);
  const auto readable = co_await readable_ends(source, on_source, isolation);
  const auto source_ends = co_await log_ends(source, on_source);
  bounds.target_start = value_of(target_starts, question.target, "the log start");
  bounds.target_end = value_of(target_ends, question.target, "the log end");
  bounds.producers = value_of(producers, question.target, "the list of producers");
  bounds.source_start = value_of(source_starts, question.source, "the log start");
  bounds.source_readable_end = value_of(readable, question.source, "the log end");
  bounds.source_end = value_of(source_ends, question.source, "the log end");
  co_return bounds;
}

/// The last batch that `writer` has written; looked for further and further back.
Awaitable<std::optional<Range>> last_batch(Cluster& cluster, TopicPartition partition, Offset start, Offset end,
                                           ProducerId writer) {
  std::optional<Range> last;
  for (std::int64_t distance = first_look_back; !last; distance *= look_back_factor) {
    const Offset from = std::max(start, end - distance);
    LogCursor cursor(cluster, partition, from, end, Isolation::read_uncommitted, writer);
    while (co_await cursor.settle()) {
      last = Range{.from = cursor.header().base_offset(), .end = cursor.header().next_offset()};
      cursor.skip_batch();
    }
    if (from == start) break;
  }
  co_return last;
}

/// What a life before this one has sent under `identity` is executed within the doubt, or that is seen to move.
Awaitable<> await_late_requests(Cluster& target, const TopicPartition& partition, ProducerId identity) {
  const std::vector<TopicPartition> asked{partition};
  std::int32_t last_sequence = -1;
  for (net::Time quiet_since = net::now(); net::now() - quiet_since < HoleSettings{}.doubt;) {
    const auto producers = co_await active_producers(target, asked);
    const ActiveProducer* known = find_producer(value_of(producers, partition, "the list of producers"), identity);
    const std::int32_t seen = known == nullptr ? -1 : known->last_sequence;
    if (std::exchange(last_sequence, seen) != seen) quiet_since = net::now();
    co_await net::sleep_for(look_pause);
  }
}

/// Whether what the target has in `range` is what the source has at the same offsets. True also where the source has
/// deleted all of it.
Awaitable<bool> is_in_place(Cluster& source, Cluster& target, const MappedQuestion& question, const Bounds& bounds,
                            Range range, Isolation isolation) {
  if (range.end <= bounds.source_start) co_return true;
  const Offset from = std::max(range.from, bounds.source_start);
  LogCursor here(source, question.source, from, range.end, isolation);
  LogCursor there(target, question.target, from, range.end, Isolation::read_uncommitted);
  bool has_seen = false;
  for (;;) {
    const bool has_here = co_await here.settle();
    if (!has_here) co_return has_seen;
    bool has_there = co_await there.settle();
    while (has_there && there.record().offset < here.record().offset) {
      there.next_record();
      has_there = co_await there.settle();
    }
    if (!has_there || there.record().offset != here.record().offset || !is_copy(here, there)) co_return false;
    has_seen = true;
    here.next_record();
  }
}

Awaitable<MappedAdmission> begin(Cluster& source, Cluster& target, OffsetSyncs& syncs, const MappedQuestion& question,
                                 Bounds bounds, Isolation isolation) {
  if (bounds.knows(question.identity)) {
    co_return refuse(fmt::format(
        "{} holds records of this mirror, but the map of their offsets is gone (topic {}): restore that topic, or "
        "delete the target topic to have it mirrored anew",
        question.target.to_string(), syncs.topic()));
  }
  Offset first = question.start_at_latest ? bounds.source_readable_end : bounds.source_start;
  if (bounds.knows(question.identical_identity)) {
    co_await await_late_requests(target, question.target, question.identical_identity);
    bounds = co_await look(source, target, question, isolation);
    const auto last = co_await last_batch(target, question.target, bounds.target_start, bounds.target_end,
                                          question.identical_identity);
    if (!last) {
      co_return refuse(
          fmt::format("{} was mirrored with identical offsets, but no record of that is left: where to go "
                      "on cannot be told; delete the target topic to have it mirrored anew",
                      question.target.to_string()));
    }
    // Another writer may have come between, and then records of ours that were under way are not in their places.
    const bool is_exact = co_await is_in_place(source, target, question, bounds, *last, isolation);
    if (!is_exact) {
      co_return refuse(
          fmt::format("{} was mirrored with identical offsets, and what it has at offsets {} to {}, the last of "
                      "this mirror's, is not what the source has there: where to go on cannot be told; delete the "
                      "target topic to have it mirrored anew",
                      question.target.to_string(), last->from.value(), last->end.value() - 1),
          Condition::foreign_writer);
    }
    first = last->end;
  }
  syncs.begin(question.source, question.identity,
              {.source = first, .target = bounds.target_end, .sequence = Sequence(0)});
  co_return start({.confirmed = first, .sequence = Sequence(0)});
}

Awaitable<MappedAdmission> go_on(Cluster& source, Cluster& target, OffsetSyncs& syncs, const MappedQuestion& question,
                                 const MapTip& tip, Isolation isolation) {
  MapQuestion asked{.source = question.source,
                    .target = question.target,
                    .identity = question.identity,
                    .tip = tip,
                    .isolation = isolation};
  MapRecovery recovery = co_await recover_map(source, target, std::move(asked));
  switch (recovery.outcome) {
    case MapRecovery::Outcome::retry:
      co_return retry(std::move(recovery.reason));
    case MapRecovery::Outcome::refuse:
      co_return refuse(std::move(recovery.reason), recovery.condition);
    case MapRecovery::Outcome::found:
      break;
  }
  syncs.append(question.source, recovery.runs, recovery.unplaced);
  co_return start(recovery.standing);
}

Awaitable<MappedAdmission> admit_one(Cluster& source, Cluster& target, OffsetSyncs& syncs,
                                     const MappedQuestion& question, Isolation isolation) {
  const Bounds bounds = co_await look(source, target, question, isolation);
  const OffsetMap* map = syncs.find(question.source, question.identity);
  if (map == nullptr) co_return co_await begin(source, target, syncs, question, bounds, isolation);
  const MapTip tip = map->tip();
  MappedAdmission admission = co_await go_on(source, target, syncs, question, tip, isolation);
  admission.source_start = bounds.source_start;
  const Offset position = admission.standing.confirmed;
  if (admission.verdict != MappedAdmission::Verdict::start) co_return admission;
  if (position > bounds.source_end) {
    co_return refuse(
        fmt::format("{} ends at {} on the source, but was mirrored up to {}: the source was recreated or "
                    "lost data",
                    question.source.to_string(), bounds.source_end.value(), position.value()));
  }
  if (position < bounds.source_start) {
    admission.verdict = MappedAdmission::Verdict::overtaken;
    admission.reason = fmt::format(
        "{} begins at offset {} on the source, but was mirrored up to {}: the source has "
        "deleted {} offsets that were never mirrored (retention)",
        question.source.to_string(), bounds.source_start.value(), position.value(), bounds.source_start - position);
  }
  co_return admission;
}

}  // namespace

Awaitable<std::vector<MappedAdmission>> admit_mapped(Cluster& source, Cluster& target, OffsetSyncs& syncs,
                                                     std::vector<MappedQuestion> questions, Isolation isolation) {
  struct Candidate {
    MappedQuestion question;
    MappedAdmission admission;
  };
  std::vector<Candidate> candidates;
  candidates.reserve(questions.size());
  for (MappedQuestion& question : questions) candidates.push_back({.question = std::move(question), .admission = {}});
  const auto one = [&](Candidate& candidate) -> Awaitable<> {
    try {
      candidate.admission = co_await admit_one(source, target, syncs, candidate.question, isolation);
    } catch (const net::BrokerError& error) {
      candidate.admission = retry(error.what());
    } catch (const ClusterError& error) {
      candidate.admission = retry(error.what());
    } catch (const LogError& error) {
      candidate.admission = retry(error.what());
    }
  };
  co_await net::for_each_concurrently(candidates, concurrency, one);
  std::vector<MappedAdmission> admissions;
  admissions.reserve(candidates.size());
  for (Candidate& candidate : candidates) admissions.push_back(std::move(candidate.admission));
  co_return admissions;
}

}  // namespace shunt::replicate
