#include "replicate/control/mapped_admission.h"

#include <algorithm>
#include <cassert>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "net/concurrently.h"
#include "replicate/control/leaders.h"
#include "replicate/control/log_cursor.h"
#include "replicate/control/map_recovery.h"
#include "replicate/control/padding.h"
#include "replicate/control/producer_fence.h"
#include "replicate/control/take_over.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::LeaderEpoch;
using protocol::Offset;
using protocol::ProducerEpoch;
using protocol::ProducerId;
using protocol::Sequence;

namespace {

// Each holds two stretches of log.
constexpr std::size_t concurrency = 8;

// Source offsets, behind which the map ends.
constexpr std::int64_t first_compared = 16;
constexpr std::int64_t most_compared = 65536;

constexpr std::int64_t first_look_back = 1024;
constexpr std::int64_t look_back_factor = 16;
constexpr std::int64_t most_look_back_unknown = first_look_back * look_back_factor;

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
MappedAdmission retry(std::string reason, std::optional<Condition> condition = {}) {
  return verdict(MappedAdmission::Verdict::retry, std::move(reason), condition);
}
MappedAdmission start(const Standing& standing) {
  MappedAdmission admission = verdict(MappedAdmission::Verdict::start, {}, {});
  admission.standing = standing;
  return admission;
}

struct Bounds {
  Offset source_start;
  Offset source_readable_end;
  Offset target_start;
  Offset target_end;
  std::vector<ActiveProducer> producers;

  [[nodiscard]] bool knows(ProducerId id) const { return place_of(id).last_sequence >= 0; }
  [[nodiscard]] ProducerPlace place_of(ProducerId id) const {
    const ActiveProducer* known = find_producer(producers, id);
    if (known == nullptr) return {};
    return {.epoch = known->epoch, .last_sequence = known->last_sequence};
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
  bounds.target_start = value_of(target, target_starts, question.target, "the log start");
  bounds.target_end = value_of(target, target_ends, question.target, "the log end");
  bounds.producers = value_of(target, producers, question.target, "the list of producers");
  bounds.source_start = value_of(source, source_starts, question.source, "the log start");
  bounds.source_readable_end = value_of(source, readable, question.source, "the log end");
  co_return bounds;
}

/// A batch that was written with identical offsets.
struct OwnBatch {
  Offset base;
  Offset end;
  Sequence sequence;  // of its first record
  bool is_padding = false;
};

/// Goes on to the record at `place`, or behind it. False: there is none at it.
Awaitable<bool> reach(LogCursor& cursor, Offset place) {
  bool has_record = co_await cursor.settle();
  while (has_record && cursor.record().offset < place) {
    cursor.next_record();
    has_record = co_await cursor.settle();
  }
  co_return has_record&& cursor.record().offset == place;
}

/// Whether the target's batch holds what the source has at the same offsets. Empty: the source has no record there.
Awaitable<std::optional<bool>> is_in_place(Cluster& source, Cluster& target, const MappedQuestion& question,
                                           const OwnBatch& batch, Offset source_start, Isolation isolation) {
  const Offset from = std::max(batch.base, source_start);
  LogCursor here(source, question.source, from, batch.end, isolation);
  LogCursor there(target, question.target, from, batch.end, Isolation::read_uncommitted);
  std::optional<bool> has_seen;
  for (;;) {
    const bool has_here = co_await here.settle();
    if (!has_here) co_return has_seen;
    const bool is_there = co_await reach(there, here.record().offset);
    if (!is_there || !is_copy(here, there)) co_return false;
    has_seen = true;
    here.next_record();
  }
}

/// Where this mirror's records were still at the source's offsets, as near to the target's end as can be found; looked
/// for further and further back. Batches behind it may be displaced: another writer has come between while they were
/// under way.
struct LastInPlace {
  bool is_any_there = false;  // a batch of this mirror's
  std::optional<MapTip> tip;
};
Awaitable<LastInPlace> find_last_in_place(Cluster& source, Cluster& target, const MappedQuestion& question,
                                          const Bounds& bounds, Isolation isolation) {
  LastInPlace found;
  // An identity that was not used for a day is forgotten, though its batches are there; those are not sought for ever.
  const bool is_known = bounds.knows(question.identity);
  for (std::int64_t distance = first_look_back; is_known || distance <= most_look_back_unknown;
       distance *= look_back_factor) {
    const Offset from = std::max(bounds.target_start, bounds.target_end - distance);
    LogCursor cursor(target, question.target, from, bounds.target_end, Isolation::read_uncommitted, question.identity);
    std::optional<OwnBatch> first;
    std::optional<OwnBatch> last;
    while (co_await cursor.settle()) {
      found.is_any_there = true;
      const protocol::RecordBatchHeader header = cursor.header();
      const auto bytes = cursor.batch();
      last = OwnBatch{.base = header.base_offset(),
                      .end = header.next_offset(),
                      .sequence = header.base_sequence(),
                      .is_padding = bytes && is_padding(*bytes)};
      if (!first) first = last;
      // What others have displaced may lie beyond all that the source has.
      if (last->end > bounds.source_readable_end) break;
      if (last->end > bounds.source_start) {
        const auto is_there = co_await is_in_place(source, target, question, *last, bounds.source_start, isolation);
        if (is_there.value_or(false)) {
          found.tip = MapTip{.source = last->base, .target = last->base, .sequence = last->sequence};
          co_return found;
        }
        if (is_there) break;  // so are all behind it
      }
      cursor.skip_batch();
    }
    if (last && last->end <= bounds.source_start) {
      // All of it is gone from the source: nothing is left to be displaced.
      found.tip =
          MapTip{.source = last->end, .target = last->end, .sequence = last->sequence.advanced(last->end - last->base)};
      co_return found;
    }
    if (from == bounds.target_start && first && first->sequence == Sequence(0) && !first->is_padding) {
      // Another writer was there before the first of it came: none of it is in its place, and all of it is there.
      found.tip = MapTip{.source = Offset(0), .target = first->base, .sequence = Sequence(0)};
    }
    if (from == bounds.target_start) break;
  }
  co_return found;
}

/// Where nothing of this mirror's is left in the target's log: if as many records were written as offsets are gone, padding
/// of a head perhaps, they were those.
std::optional<MapTip> find_dense_tip(const MappedQuestion& question, const Bounds& bounds) {
  const ActiveProducer* known = find_producer(bounds.producers, question.identity);
  const Sequence next = Sequence(known->last_sequence).advanced(1);
  if (next.value() != bounds.target_start.value()) return std::nullopt;
  return MapTip{.source = bounds.target_start, .target = bounds.target_start, .sequence = next};
}

MappedAdmission refuse_other_source(Cluster& source, const MappedQuestion& question, const std::string& what) {
  const Topic::Partition* known = source.find_partition(question.source);
  if (known != nullptr && known->is_in_first_epoch()) {
    return refuse(what + "; no leader was elected on the source since: the source topic was deleted and created again",
                  Condition::source_recreated);
  }
  return refuse(
      what + "; the source lost them (unclean leader election, or a disk), or the topic was deleted and created again",
      Condition::source_truncated);
}

bool is_another_topic(const SourceLog& before, const SourceLog& present) {
  return !before.topic_id.is_zero() && !present.topic_id.is_zero() && before.topic_id != present.topic_id;
}

MappedAdmission refuse_another_topic(const MappedQuestion& question, const OffsetMap& map) {
  return refuse(
      fmt::format("topic {} was deleted on the source and created again since {} was mirrored up to offset {} "
                  "(its id was {} and is {})",
                  question.source.topic, question.source.to_string(), map.tip().source.value(),
                  map.source_log().topic_id.to_string(), question.source_log.topic_id.to_string()),
      Condition::source_recreated);
}

/// Where what the source's leader of this epoch had ends in its log now (KIP-320); of an unknown epoch, and where the
/// leader knows of none, where the log ends.
Awaitable<Offset> end_of_epoch(Cluster& source, const TopicPartition& partition, LeaderEpoch epoch) {
  if (epoch >= LeaderEpoch(0)) {
    std::map<TopicPartition, LeaderEpoch> asked{{partition, epoch}};
    const auto answers = co_await epoch_ends(source, std::move(asked));
    const EpochEnd there = value_of(source, answers, partition, "the end of a leader epoch");
    if (there.epoch >= LeaderEpoch(0)) co_return there.end;
  }
  const std::vector<TopicPartition> on_source{partition};
  const auto ends = co_await log_ends(source, on_source);
  co_return value_of(source, ends, partition, "the log end");
}

/// The refusal of a source that does not have any more all up to `position` that its leader of `epoch` had.
Awaitable<std::optional<MappedAdmission>> refuse_lost_end(Cluster& source, const MappedQuestion& question,
                                                          Offset position, LeaderEpoch epoch) {
  const Offset end = co_await end_of_epoch(source, question.source, epoch);
  if (position <= end) co_return std::nullopt;
  co_return refuse_other_source(
      source, question,
      fmt::format("{} was mirrored up to offset {}, and the source does not have any more what it had from {} on, {} "
                  "offsets",
                  question.source.to_string(), position.value(), end.value(), position - end));
}

/// What speaks against a map that ends at `position`, which was found by questions to the source: nothing, if one leader has
/// answered them, and has all up to there. Of what the source has there later the map would say nothing.
Awaitable<std::optional<MappedAdmission>> object_to(Cluster& source, const MappedQuestion& question, Offset position) {
  auto lost = co_await refuse_lost_end(source, question, position, question.source_log.leader_epoch);
  const Topic::Partition* known = source.find_partition(question.source);
  const LeaderEpoch epoch = question.source_log.leader_epoch;
  if (epoch >= LeaderEpoch(0) && (known == nullptr || known->leader_epoch != epoch)) {
    co_return retry(fmt::format("{} has another leader on the source than when it was looked at first",
                                question.source.to_string()),
                    Condition::source_leader);
  }
  co_return lost;
}

Awaitable<MapRecovery> recover(Cluster& source, Cluster& target, const MappedQuestion& question, MapTip tip,
                               Isolation isolation, LoopGuard loop_guard) {
  MapQuestion asked{.source = question.source,
                    .target = question.target,
                    .identity = question.identity,
                    .tip = tip,
                    .isolation = isolation,
                    .loop_guard = loop_guard};
  co_return co_await recover_map(source, target, std::move(asked));
}

/// Of a recovery that has not found where to go on.
MappedAdmission objection_of(Cluster& source, const MappedQuestion& question, MapRecovery recovery) {
  if (recovery.outcome == MapRecovery::Outcome::retry) return retry(std::move(recovery.reason), recovery.condition);
  if (recovery.is_of_other_source) return refuse_other_source(source, question, recovery.reason);
  MappedAdmission refused = refuse(std::move(recovery.reason), recovery.condition);
  refused.lacks_map = recovery.lacks_map;
  return refused;
}

/// What was found behind the end of a partition's map becomes a part of it, and the mirror goes on there.
MappedAdmission take_in(OffsetMap& map, const MappedQuestion& question, const MapRecovery& recovery) {
  [[maybe_unused]] const bool is_behind_tip = map.append(recovery.runs);
  assert(is_behind_tip);
  if (recovery.unplaced > 0) map.skip(recovery.unplaced, recovery.standing.source, recovery.standing.target);
  map.confirm(question.source_log);
  return start({.confirmed = recovery.standing.source,
                .sequence = recovery.standing.sequence,
                .epoch = recovery.standing.epoch});
}

/// A partition that was mirrored with identical offsets.
Awaitable<MappedAdmission> begin_behind_identical(Cluster& source, Cluster& target, OffsetSyncs& syncs,
                                                  const MappedQuestion& question, const Bounds& bounds, MapTip tip,
                                                  Isolation isolation) {
  MapRecovery recovery = co_await recover(source, target, question, tip, isolation, {});
  // It may be another instance's, which has begun with mapped offsets, and has not stored its map yet.
  if (recovery.is_of_other_source)
    recovery = co_await recover(source, target, question, tip, isolation, question.loop_guard);
  if (recovery.outcome != MapRecovery::Outcome::found) {
    recovery.is_of_other_source = false;  // a guess, without a map
    co_return objection_of(source, question, std::move(recovery));
  }
  auto objection = co_await object_to(source, question, recovery.standing.source);
  if (objection) co_return std::move(*objection);
  // What comes before it is where it was on the source. (The sequence is a reckoning: it is right where the run ends.)
  const Offset first = std::min(std::max(bounds.source_start, bounds.target_start), tip.source);
  const std::int64_t identical = tip.source - first;
  OffsetMap& map = syncs.begin(
      question.source, question.identity,
      {.source = first, .target = identical > 0 ? first : tip.target, .sequence = tip.sequence.advanced(-identical)});
  if (identical > 0)
    recovery.runs.insert(recovery.runs.begin(), {.source = first, .target = first, .records = identical});
  co_return take_in(map, question, recovery);
}

/// A partition to which MirrorMaker 2 has written last. What it has copied is not counted by our sequence numbers: the next
/// one is `sequence`, and goes behind all that.
Awaitable<MappedAdmission> begin_behind_mirror_maker(Cluster& source, Cluster& target, OffsetSyncs& syncs,
                                                     const MappedQuestion& question, const Bounds& bounds,
                                                     Sequence sequence) {
  std::string why;
  const MirrorMakerTrace trace{.anchor = syncs.find_pair(question.source), .next = question.connect_next};
  const std::optional<TakeOver> found =
      co_await take_over(source, target, question.source, question.target, trace, why);
  if (!found) {
    co_return refuse(fmt::format(
        "MirrorMaker 2 has written {}, and where it had come to cannot be told: {}; delete the target topic to have it "
        "mirrored anew",
        question.target.to_string(), why));
  }
  auto objection = co_await object_to(source, question, found->position);
  if (objection) co_return std::move(*objection);
  MapTip first{.source = found->position, .target = bounds.target_end, .sequence = sequence};
  if (!found->runs.empty()) {
    std::int64_t copied = 0;
    for (const OffsetRun& run : found->runs) copied += run.records;
    first = {.source = found->runs.front().source,
             .target = found->runs.front().target,
             .sequence = sequence.advanced(-copied)};
  }
  OffsetMap& map = syncs.begin(question.source, question.identity, first);
  [[maybe_unused]] const bool is_in_order = map.append(found->runs);
  assert(is_in_order);
  map.confirm(question.source_log);
  MappedAdmission admission = start({.confirmed = found->position, .sequence = sequence});
  admission.is_taken_over = true;
  co_return admission;
}

/// MirrorMaker 2 has copied what lies at `position`, or more.
bool has_passed(const OffsetSyncs& syncs, const MappedQuestion& question, Offset position) {
  const auto pair = syncs.find_pair(question.source);
  return (pair && pair->source >= position) || (question.connect_next && *question.connect_next > position);
}

MappedAdmission no_map(const MappedQuestion& question, const OffsetSyncs& syncs, std::string_view why) {
  MappedAdmission admission = refuse(fmt::format(
      "{} holds records of this mirror, but there is no map of their offsets (topic {}), and {}: restore that topic, "
      "or delete the target topic to have it mirrored anew",
      question.target.to_string(), syncs.topic(), why));
  admission.lacks_map = true;
  return admission;
}

Awaitable<MappedAdmission> begin(Cluster& source, Cluster& target, OffsetSyncs& syncs, const MappedQuestion& question,
                                 const Bounds& bounds, Isolation isolation) {
  const bool is_known = bounds.knows(question.identity);
  LastInPlace last;
  if (bounds.place_of(question.identity).epoch > first_epoch.value()) {
    co_return no_map(question, syncs, "they have been numbered anew since the first one");
  }
  // Nothing was written where nothing was confirmed: the source's first records may be gone without being lost.
  if (question.standing && (is_known || question.standing->confirmed > Offset(0))) {
    const Standing& left = *question.standing;
    last = {.is_any_there = true,
            .tip = MapTip{.source = left.confirmed, .target = left.confirmed, .sequence = left.sequence}};
  } else {
    last = co_await find_last_in_place(source, target, question, bounds, isolation);
  }
  if (!last.tip && !last.is_any_there && is_known) last.tip = find_dense_tip(question, bounds);
  if (last.tip) {
    co_return co_await begin_behind_identical(source, target, syncs, question, bounds, *last.tip, isolation);
  }
  if (last.is_any_there || is_known) {
    co_return no_map(question, syncs,
                     last.is_any_there ? "no batch of theirs is where the source has it" : "nothing of them is left");
  }
  // An empty log is not the one of which something is said.
  if (bounds.target_end > Offset(0) && has_passed(syncs, question, Offset(0))) {
    co_return co_await begin_behind_mirror_maker(source, target, syncs, question, bounds, Sequence(0));
  }
  Offset first = bounds.source_start;
  if (question.start.is_later()) {
    const std::vector<TopicPartition> asked{question.source};
    const auto beginnings = co_await start_positions(source, asked, question.start, isolation);
    first = std::max(first, value_of(source, beginnings, question.source, "where to begin"));
  }
  auto objection = co_await object_to(source, question, first);
  if (objection) co_return std::move(*objection);
  // What an earlier life, or another instance, still has under way meets the same sequence numbers.
  OffsetMap& map = syncs.begin(question.source, question.identity,
                               {.source = first, .target = bounds.target_end, .sequence = Sequence(0)});
  map.confirm(question.source_log);
  co_return start({.confirmed = first, .sequence = Sequence(0)});
}

Awaitable<MappedAdmission> go_on(Cluster& source, Cluster& target, OffsetSyncs& syncs, OffsetMap& map,
                                 const MappedQuestion& question, const Bounds& bounds, Isolation isolation) {
  MapRecovery recovery = co_await recover(source, target, question, map.tip(), isolation, question.loop_guard);
  if (recovery.outcome != MapRecovery::Outcome::found) co_return objection_of(source, question, std::move(recovery));
  auto objection = co_await object_to(source, question, recovery.standing.source);
  if (objection) co_return std::move(*objection);
  if (recovery.unplaced > 0) {
    // They cannot be compared. They were read from the leader that the map speaks of: with another one's there is a newer.
    auto lost = co_await refuse_lost_end(source, question, recovery.standing.source, map.source_log().leader_epoch);
    if (lost) {
      lost->lacks_map = true;
      co_return std::move(*lost);
    }
  }
  if (has_passed(syncs, question, recovery.standing.source)) {
    co_return co_await begin_behind_mirror_maker(source, target, syncs, question, bounds, recovery.standing.sequence);
  }
  co_return take_in(map, question, recovery);
}

/// What the source has where its last records were mirrored to that both sides still have.
struct Comparison {
  bool is_any_equal = false;
  std::string difference;  // in words; empty: none was found
};

/// Compares the last place of the map where both sides still have something, looked for further and further back. A topic
/// that was created again tells of itself by nothing else where it has the id of the one before, or none; nor does one that
/// has lost its end and has been given another, where the leader epochs do not tell.
Awaitable<Comparison> compare_last(Cluster& source, Cluster& target, const MappedQuestion& question,
                                   const OffsetMap& map, const Bounds& bounds, Isolation isolation) {
  Comparison found;
  const std::optional<OffsetRun> last = map.last_before(map.blocks().size());
  if (!last) co_return found;
  const Offset end = last->source_end();
  for (std::int64_t distance = first_compared; distance <= most_compared; distance *= look_back_factor) {
    const Offset from = std::max(bounds.source_start, end - distance);
    if (from >= end) break;
    const Offset from_there = std::max(bounds.target_start, map.translate(from));
    LogCursor here(source, question.source, from, end, isolation, {}, question.loop_guard);
    // Of this identity: another topic of the target's may have taken the place of the one that the map is of.
    LogCursor there(target, question.target, from_there, last->target_end(), Isolation::read_uncommitted,
                    question.identity);
    for (;;) {
      const bool has_here = co_await here.settle();
      if (!has_here) break;
      const Offset offset = here.record().offset;
      const std::optional<Offset> place = map.find(offset);
      bool is_there = false;
      if (place) is_there = co_await reach(there, *place);
      if (is_there && !is_copy(here, there)) {
        found.difference =
            fmt::format("{} has another record at offset {} on the source than was mirrored to offset {} of {}",
                        question.source.to_string(), offset.value(), place->value(), question.target.to_string());
        co_return found;
      }
      found.is_any_equal = found.is_any_equal || is_there;
      here.next_record();
    }
    if (found.is_any_equal || from == bounds.source_start) break;
  }
  co_return found;
}

/// Whether whoever writes behind `tip` must be alone: where the source has gaps, others count its records otherwise.
bool is_fence_due(const MappedQuestion& question, const Bounds& bounds, const MapTip& tip) {
  return question.is_fence_due || tip.epoch > first_epoch ||
         bounds.place_of(question.identity).epoch > tip.epoch.value() || bounds.source_start > tip.source;
}

/// Goes on where the map ends; if need be in an epoch of its own, raised first: whatever others have written in the one
/// before is there then.
Awaitable<MappedAdmission> go_on_fenced(Cluster& source, Cluster& target, OffsetSyncs& syncs, OffsetMap& map,
                                        MappedQuestion& question, Bounds& bounds, Isolation isolation) {
  const MapTip tip = map.tip();
  const ProducerPlace before = bounds.place_of(question.identity);
  const bool is_own = question.own_epoch.has_value();
  const bool is_due = question.may_fence && is_fence_due(question, bounds, tip);
  MappedAdmission admission = co_await go_on(source, target, syncs, map, question, bounds, isolation);
  admission.stops_at_gaps = !is_due;
  if (admission.verdict != MappedAdmission::Verdict::start || !is_due) co_return admission;
  if (admission.standing.confirmed < bounds.source_start && !question.goes_on_overtaken) co_return admission;
  if (!is_own) {
    question.own_epoch = co_await raise_epoch(target, question.target, question.identity, tip.epoch);
    bounds = co_await look(source, target, question, isolation);
    const bool is_taken_over = admission.is_taken_over;
    admission = co_await go_on(source, target, syncs, map, question, bounds, isolation);
    admission.is_taken_over = admission.is_taken_over || is_taken_over;
    admission.stops_at_gaps = false;
    admission.is_unfenced = !question.own_epoch;
    if (admission.verdict != MappedAdmission::Verdict::start) co_return admission;
  }
  // Without a fence of its own it goes on in the epoch that there is.
  const MapTip end = map.tip();
  const ProducerEpoch epoch = question.own_epoch.value_or(
      ProducerEpoch(static_cast<std::int16_t>(std::max<std::int32_t>(before.epoch, end.epoch.value()))));
  if (epoch > end.epoch) {
    map.begin_epoch(epoch, admission.standing.confirmed, std::max(end.target, bounds.target_end));
    admission.standing.sequence = Sequence(0);
    admission.standing.epoch = epoch;
  }
  co_return admission;
}

Awaitable<MappedAdmission> admit_one(Cluster& source, Cluster& target, OffsetSyncs& syncs, MappedQuestion& question,
                                     Isolation isolation) {
  Bounds bounds = co_await look(source, target, question, isolation);
  const ProducerPlace producer = bounds.place_of(question.identity);
  const bool is_own = question.own_epoch && producer == ProducerPlace{.epoch = question.own_epoch->value()};
  if (!is_own) question.own_epoch.reset();
  if (!is_own && question.another_at && producer != *question.another_at) {
    MappedAdmission stands_by =
        retry(fmt::format("another instance of this mirror writes to {}, and this one stands by",
                          question.target.to_string()),
              Condition::another_instance);
    stands_by.producer = producer;
    co_return stands_by;
  }
  MappedAdmission admission;
  OffsetMap* map = syncs.find(question.source, question.identity);
  if (map == nullptr) {
    admission = co_await begin(source, target, syncs, question, bounds, isolation);
  } else {
    const Offset mirrored = map->tip().source;
    const bool is_another = is_another_topic(map->source_log(), question.source_log);
    if (is_another && mirrored > bounds.source_readable_end) co_return refuse_another_topic(question, *map);
    if (!is_another) {
      auto lost = co_await refuse_lost_end(source, question, mirrored, map->source_log().leader_epoch);
      if (lost) co_return std::move(*lost);
    }
    if (mirrored > bounds.source_readable_end) {
      // What could be read once stays so: the source has lost its end, and it is not decided yet what has come since.
      co_return retry(fmt::format("{} was mirrored up to offset {}, and can be read up to {} on the source now",
                                  question.source.to_string(), mirrored.value(), bounds.source_readable_end.value()),
                      Condition::open_transaction);
    }
    const Comparison compared = co_await compare_last(source, target, question, *map, bounds, isolation);
    const bool is_different = !compared.difference.empty();
    // One that was restored has the same records.
    if (is_another && (is_different || !compared.is_any_equal)) co_return refuse_another_topic(question, *map);
    if (is_different) co_return refuse_other_source(source, question, compared.difference);
    admission = co_await go_on_fenced(source, target, syncs, *map, question, bounds, isolation);
  }
  admission.source_start = bounds.source_start;
  const Offset position = admission.standing.confirmed;
  if (admission.verdict != MappedAdmission::Verdict::start) co_return admission;
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
    } catch (const UnauthorizedError& error) {
      candidate.admission =
          retry(error.what(), error.is_of(source) ? Condition::source_unauthorized : Condition::target_unauthorized);
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
  for (Candidate& candidate : candidates) {
    admissions.push_back(std::move(candidate.admission));
    admissions.back().own_epoch = candidate.question.own_epoch;
  }
  co_return admissions;
}

}  // namespace shunt::replicate
