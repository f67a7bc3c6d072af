#include "tests/sim/stops.h"

#include <algorithm>

#include "tests/sim/settings.h"

namespace shunt::sim {

using replicate::Condition;
using replicate::PartitionStatus;

namespace {

/// Of the target's log: nobody's, as far as it can tell.
bool has_only_markers(FakeCluster& target, const PartitionKey& key) {
  return target.has_log(key) && std::ranges::all_of(target.log(key).batches(), [](const StoredBatch& batch) {
           return batch.header().is_control();
         });
}

/// A partition of the target has data of two producers, or is not empty and has none of any.
bool is_anybody_else_there(FakeCluster& target) {
  return std::ranges::any_of(target.logs(), [](const auto& log) {
    const auto writers = std::ranges::count_if(log.second.producers(),
                                               [](const auto& producer) { return producer.second.last_sequence >= 0; });
    return log.first.first == topic_name && log.second.end() > 0 && writers != 1;
  });
}

}  // namespace

bool is_of_topic(const PartitionStatus& stop) {
  return stop.condition == Condition::source_deleted || stop.condition == Condition::source_recreated ||
         stop.condition == Condition::target_deleted;
}

std::uint64_t Verdict::*why_stopped(const Surroundings& around, const PartitionKey& key, const PartitionStatus& stop) {
  const auto& [scenario, checker, source, target, writers, source_losses, target_losses] = around;
  const auto says = [&stop](const char* text) { return stop.reason.find(text) != std::string::npos; };
  if (checker.has_lost_records(key)) return &Verdict::truncated;
  if (says("shunt.on.overtaken=continue") && scenario.retention) return &Verdict::overtaken;
  if (says("shunt.on.target.truncated=continue") && scenario.unclean_target && !scenario.continue_truncated) {
    return &Verdict::truncated;
  }
  const bool may_topic_have_stopped =
      std::ranges::any_of(writers, [&around](const auto& one) { return around.checker.may_have_stopped(one.first); });
  if (checker.may_have_stopped(key) || (is_of_topic(stop) && may_topic_have_stopped)) return &Verdict::overfilled;
  // Nor can another's marker be told from one of the mirror's own, where no data of others are behind it.
  if (scenario.continue_foreign && says("a broker has written a marker twice")) return &Verdict::overfilled;
  // Under the identity of the topic that had the name before.
  if (stop.condition == Condition::foreign_writer && checker.has_begun_early(key)) return &Verdict::overfilled;
  // A process that had asked for that may have died before it was done.
  const bool is_lost = target_losses > 0 || (scenario.recreate_source && source_losses > 0);
  if (stop.condition == Condition::target_deleted && is_lost && !target.has_topic(topic_name)) {
    return scenario.recreate_target ? nullptr : &Verdict::replaced;
  }
  if (source_losses == 0) return nullptr;
  if (!scenario.recreate_source) {
    const bool is_known = stop.condition == Condition::source_recreated;
    return is_known || checker.is_of_another(key) ? &Verdict::replaced : nullptr;
  }
  // In the topic that is there, or in one that has gone since.
  const bool may_not_delete = says("is not deleted, because") && (is_anybody_else_there(target) || target_losses > 0);
  // After a restart nobody knows why a log that has had several leaders is another one.
  const bool is_unclear = stop.condition == Condition::source_truncated && source.log(key).leader_epoch > 0;
  // Nor, where compaction or retention has taken what the last data could be compared with, that it is another one.
  const bool is_unlike = says("a broker has written a marker twice");
  // What was on its way to the target's topic before this one is under that one's identity.
  const bool is_of_before = target_losses > 0 && stop.condition == Condition::foreign_writer;
  const bool is_old =
      checker.is_of_another(key) && (is_unclear || is_unlike || is_of_before || has_only_markers(target, key));
  return may_not_delete || is_old ? &Verdict::replaced : nullptr;
}

}  // namespace shunt::sim
