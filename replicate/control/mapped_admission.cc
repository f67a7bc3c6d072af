#include "replicate/control/mapped_admission.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "net/concurrently.h"
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

/// Where the last batch ends that `writer` has written; looked for further and further back.
Awaitable<std::optional<Offset>> end_of_last(Cluster& cluster, TopicPartition partition, Offset start, Offset end,
                                             ProducerId writer) {
  std::optional<Offset> last;
  for (std::int64_t distance = first_look_back; !last; distance *= look_back_factor) {
    const Offset from = std::max(start, end - distance);
    LogCursor cursor(cluster, partition, from, end, Isolation::read_uncommitted, writer);
    while (co_await cursor.settle()) {
      last = cursor.header().next_offset();
      cursor.skip_batch();
    }
    if (from == start) break;
  }
  co_return last;
}

Awaitable<MappedAdmission> begin(Cluster& target, OffsetSyncs& syncs, const MappedQuestion& question,
                                 const Bounds& bounds) {
  if (bounds.knows(question.identity)) {
    co_return refuse(fmt::format(
        "{} holds records of this mirror, but the map of their offsets is gone (topic {}): restore that topic, or "
        "delete the target topic to have it mirrored anew",
        question.target.to_string(), syncs.topic()));
  }
  Offset first = question.start_at_latest ? bounds.source_readable_end : bounds.source_start;
  if (bounds.knows(question.identical_identity)) {
    const auto end = co_await end_of_last(target, question.target, bounds.target_start, bounds.target_end,
                                          question.identical_identity);
    if (!end) {
      co_return refuse(
          fmt::format("{} was mirrored with identical offsets, but no record of that is left: where to go "
                      "on cannot be told; delete the target topic to have it mirrored anew",
                      question.target.to_string()));
    }
    first = *end;
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
  if (map == nullptr) co_return co_await begin(target, syncs, question, bounds);
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
