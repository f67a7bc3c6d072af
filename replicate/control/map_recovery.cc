#include "replicate/control/map_recovery.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "replicate/control/leaders.h"
#include "replicate/control/log_cursor.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;
using protocol::Sequence;

namespace {

constexpr std::int64_t sequences = std::int64_t{1} << 31;

/// How many records lie between two sequence numbers.
std::int64_t distance(Sequence from, Sequence to) {
  return (std::int64_t{to.value()} - from.value() + sequences) % sequences;
}

/// The sequence number of the cursor's current record. (A batch of ours was dense when it was written.)
Sequence sequence_of(LogCursor& cursor) {
  const protocol::RecordBatchHeader header = cursor.header();
  return header.base_sequence().advanced(cursor.record().offset - header.base_offset());
}

class MapWalk {
 public:
  MapWalk(Cluster& source, Cluster& target, const MapQuestion& question)
      : source_(source), target_(target), question_(question) {}

  Awaitable<MapRecovery> run() {
    co_await look();
    if (result_.outcome == MapRecovery::Outcome::refuse) co_return std::move(result_);
    if (is_known_ && written_ == 0) co_return found(question_.tip.source);
    bool is_paired = false;
    if (source_from_ == question_.tip.source) is_paired = co_await pair_by_count();
    if (!is_paired && !result_.lacks_map) is_paired = co_await pair_by_content();
    if (!is_paired) co_return std::move(result_);
    co_return found(position_);
  }

 private:
  /// What both sides have behind the map's end.
  Awaitable<> look() {
    const std::vector<TopicPartition> on_target{question_.target};
    const std::vector<TopicPartition> on_source{question_.source};
    const auto producers = co_await active_producers(target_, on_target);
    const ActiveProducer* known =
        find_producer(value_of(target_, producers, question_.target, "the list of producers"), question_.identity);
    // Of an epoch that is over nothing is remembered.
    if (known != nullptr && known->epoch == question_.tip.epoch.value() && known->last_sequence >= 0) {
      is_known_ = true;
      written_ = distance(question_.tip.sequence, Sequence(known->last_sequence).advanced(1));
    }
    const auto target_starts = co_await log_starts(target_, on_target);
    const auto target_ends = co_await log_ends(target_, on_target);
    const auto readable = co_await readable_ends(target_, on_target, Isolation::read_uncommitted);
    const auto source_starts = co_await log_starts(source_, on_source);
    const auto source_ends = co_await readable_ends(source_, on_source, question_.isolation);
    target_from_ = std::max(question_.tip.target, value_of(target_, target_starts, question_.target, "the log start"));
    target_end_ = value_of(target_, target_ends, question_.target, "the log end");
    source_from_ = std::max(question_.tip.source, value_of(source_, source_starts, question_.source, "the log start"));
    source_end_ = value_of(source_, source_ends, question_.source, "the log end");
    if (value_of(target_, readable, question_.target, "the high watermark") < target_end_) {
      throw ClusterError(
          fmt::format("{} cannot be read to its end yet: a follower is behind", question_.target.to_string()));
    }
    if (target_end_ < question_.tip.target) {
      refuse(fmt::format("{} ends at {} on the target, but the mirror had written up to {}: it lost data (unclean "
                         "leader election, or the topic was recreated)",
                         question_.target.to_string(), target_end_.value(), question_.tip.target.value()),
             Condition::target_truncated);
    } else if (written_ > sequences / 2) {
      refuse(
          fmt::format("{} goes on with sequence {} of this mirror on the target, which had written up to {}: it lost "
                      "data (unclean leader election), and others have written since",
                      question_.target.to_string(), question_.tip.sequence.advanced(written_).value(),
                      question_.tip.sequence.value()),
          Condition::target_truncated);
    }
  }

  LogCursor on_target() {
    return {target_, question_.target, target_from_, target_end_, Isolation::read_uncommitted, question_.identity};
  }
  LogCursor on_source() {
    return {source_, question_.source, source_from_, source_end_, question_.isolation, {}, question_.loop_guard};
  }

  /// False: nothing can be said of the current record, and where to go on with it.
  bool is_of_tip(LogCursor& target) {
    const protocol::ProducerEpoch epoch = target.header().producer_epoch();
    if (epoch == question_.tip.epoch) return true;
    result_.lacks_map = true;
    refuse(fmt::format(
        "{} has records of this mirror in epoch {} behind offset {}, and the map of their offsets ends "
        "there, in epoch {}",
        question_.target.to_string(), epoch.value(), question_.tip.target.value(), question_.tip.epoch.value()));
    return false;
  }

  /// The n-th record on the target is the n-th on the source. False: somewhere it is not.
  Awaitable<bool> pair_by_count() {
    LogCursor source = on_source();
    LogCursor target = on_target();
    std::int64_t counted = 0;  // of the source's records behind the tip, those before its cursor
    runs_.clear();
    for (;;) {
      const bool has_target = co_await target.settle();
      if (has_target && !is_of_tip(target)) co_return false;
      const std::int64_t number =
          has_target ? distance(question_.tip.sequence, sequence_of(target)) : std::max(written_, counted);
      while (counted < number) {
        const bool has_source = co_await source.settle();
        if (!has_source) co_return false;
        source.next_record();
        ++counted;
      }
      if (!has_target) break;
      const bool has_source = co_await source.settle();
      if (!has_source || !is_copy(source, target)) co_return false;
      append_run(runs_, {.source = source.record().offset, .target = target.record().offset, .records = 1});
      source.next_record();
      ++counted;
      target.next_record();
    }
    written_ = counted;
    position_ = counted == 0 ? question_.tip.source : source.position();
    co_return true;
  }

  /// What the source still has of the target's records, in order.
  Awaitable<bool> pair_by_content() {
    LogCursor source = on_source();
    LogCursor target = on_target();
    std::int64_t seen = 0;
    std::int64_t gone = 0;  // of those, behind the last one that the source still has
    position_ = question_.tip.source;
    runs_.clear();
    bool has_source = co_await source.settle();
    for (;;) {
      const bool has_target = co_await target.settle();
      if (!has_target) break;
      if (!is_of_tip(target)) co_return false;
      if (distance(question_.tip.sequence, sequence_of(target)) != seen) break;
      ++seen;
      ++gone;
      if (has_source && is_copy(source, target)) {
        append_run(runs_, {.source = source.record().offset, .target = target.record().offset, .records = 1});
        source.next_record();
        position_ = source.position();
        gone = 0;
        has_source = co_await source.settle();
      }
      target.next_record();
    }
    // More: they came after the target was asked for the last sequence.
    if (is_known_ && seen < written_) {
      refuse(fmt::format(
          "{} has {} records of this mirror behind offset {}, of which {} can be read, and the source's "
          "{} has changed since (compaction, retention): where to go on cannot be told; delete the target topic "
          "to have it mirrored anew",
          question_.target.to_string(), written_, question_.tip.target.value(), seen, question_.source.to_string()));
      co_return false;
    }
    written_ = seen;
    position_ = position_ + gone;
    if (has_source && source.record().offset < position_) {
      result_.is_of_other_source = true;
      refuse(
          fmt::format("{} has a record at offset {} on the source that is not in {}, to which it was mirrored up to {}",
                      question_.source.to_string(), source.record().offset.value(), question_.target.to_string(),
                      position_.value()));
      co_return false;
    }
    co_return true;
  }

  MapRecovery found(Offset position) {
    result_.outcome = MapRecovery::Outcome::found;
    result_.unplaced = written_;
    for (const OffsetRun& run : runs_) result_.unplaced -= run.records;
    result_.runs = std::move(runs_);
    result_.standing = {.source = position,
                        .target = target_end_,
                        .sequence = question_.tip.sequence.advanced(written_),
                        .epoch = question_.tip.epoch};
    return std::move(result_);
  }
  void refuse(std::string reason, std::optional<Condition> condition = {}) {
    result_.outcome = MapRecovery::Outcome::refuse;
    result_.condition = condition;
    result_.reason = std::move(reason);
  }

  Cluster& source_;
  Cluster& target_;
  const MapQuestion& question_;
  MapRecovery result_;
  bool is_known_ = false;     // the target remembers our producer id, in that epoch
  std::int64_t written_ = 0;  // records behind the tip
  Offset source_from_;
  Offset target_from_;
  Offset target_end_;
  Offset source_end_;
  Offset position_;
  std::vector<OffsetRun> runs_;
};

}  // namespace

Awaitable<MapRecovery> recover_map(Cluster& source, Cluster& target, MapQuestion question) {
  MapWalk walk(source, target, question);
  MapRecovery result;
  try {
    co_return co_await walk.run();
  } catch (const UnauthorizedError& error) {
    result.reason = error.what();
    result.condition = error.is_of(source) ? Condition::source_unauthorized : Condition::target_unauthorized;
  } catch (const net::BrokerError& error) {
    result.reason = error.what();
  } catch (const ClusterError& error) {
    result.reason = error.what();
  } catch (const LogError& error) {
    result.reason = error.what();
  }
  co_return result;
}

}  // namespace shunt::replicate
