#include "replicate/condition.h"

#include <cassert>

namespace shunt::replicate {

namespace {

using enum Condition;

constexpr std::array<ConditionInfo, condition_count> table{{
    {overtaken, "shunt.on.overtaken", Policy::stop, Policy::go_on,
     "the source has deleted records before they were mirrored (retention)"},
    {source_deleted, "shunt.on.source.deleted", Policy::stop, {}, "the source topic is gone"},
    {source_recreated, "shunt.on.source.recreated", Policy::stop, Policy::recreate,
     "another topic of the same name has taken the source topic's place"},
    {source_truncated,
     "shunt.on.source.truncated",
     Policy::stop,
     {},
     "the source no longer has records that were mirrored (lost data, unclean leader election)"},
    {target_deleted, "shunt.on.target.deleted", Policy::stop, Policy::recreate, "the target topic is gone"},
    {target_recreated,
     "shunt.on.target.recreated",
     Policy::tell,
     {},
     "somebody has created the target topic anew; it is looked at like any topic that is there already"},
    {target_truncated, "shunt.on.target.truncated", Policy::stop, Policy::go_on,
     "the target no longer has records that it had acknowledged (lost data, unclean leader election)"},
    {foreign_writer, "shunt.on.foreign.writer", Policy::stop, Policy::go_on,
     "the target holds records of another producer"},
    {loop,
     "shunt.on.loop",
     Policy::stop,
     {},
     "the source holds records that the flow in the other direction has brought (shunt.loop.prevention)"},
    {failed_over,
     "shunt.on.failed.over",
     Policy::stop,
     {},
     "the flow has failed over to its target (shunt failover), and was not brought back (shunt failback)"},
    {source_unreachable, "shunt.on.source.unreachable", Policy::wait, {}, "no connection to a broker of the source"},
    {target_unreachable, "shunt.on.target.unreachable", Policy::wait, {}, "no connection to a broker of the target"},
    {source_leader,
     "shunt.on.source.leader",
     Policy::wait,
     {},
     "the partition's leader on the source has moved, or there is none"},
    {target_leader,
     "shunt.on.target.leader",
     Policy::wait,
     {},
     "the partition's leader on the target has moved, or there is none"},
    {source_error,
     "shunt.on.source.error",
     Policy::wait,
     {},
     "a broker of the source answers with an error that may pass, such as KAFKA_STORAGE_ERROR"},
    {target_error,
     "shunt.on.target.error",
     Policy::wait,
     {},
     "a broker of the target answers with an error that may pass, such as KAFKA_STORAGE_ERROR"},
    {target_under_replicated,
     "shunt.on.target.under.replicated",
     Policy::wait,
     {},
     "too few replicas of the target partition are in sync (NOT_ENOUGH_REPLICAS)"},
    {target_rejecting,
     "shunt.on.target.rejecting",
     Policy::wait,
     {},
     "the target takes offence at a batch; given up after several times without progress"},
    {target_coordinator,
     "shunt.on.target.coordinator",
     Policy::wait,
     {},
     "the target's transaction coordinator has moved, or does not answer as expected"},
    {source_authentication,
     "shunt.on.source.authentication",
     Policy::wait,
     {},
     "a broker of the source does not take shunt for who it is, or the other way round: credentials, certificates"},
    {target_authentication,
     "shunt.on.target.authentication",
     Policy::wait,
     {},
     "a broker of the target does not take shunt for who it is, or the other way round: credentials, certificates"},
    {source_unauthorized,
     "shunt.on.source.unauthorized",
     Policy::wait,
     {},
     "the source's authorizer does not let this user read the topic"},
    {target_unauthorized,
     "shunt.on.target.unauthorized",
     Policy::wait,
     {},
     "the target's authorizer does not let this user write the topic"},
    {source_throttled, "shunt.on.source.throttled", Policy::wait, {}, "a quota of the source slows the mirror down"},
    {target_throttled, "shunt.on.target.throttled", Policy::wait, {}, "a quota of the target slows the mirror down"},
    {open_transaction,
     "shunt.on.open.transaction",
     Policy::wait,
     {},
     "a transaction of the source stays open and holds back the records behind it"},
    {another_instance,
     "shunt.on.another.instance",
     Policy::wait,
     {},
     "another instance of this mirror writes to the partition; this one stands by"},
    {target_more_partitions,
     "shunt.on.target.more.partitions",
     Policy::tell,
     {},
     "the target topic has partitions that the source topic has not; they stay as they are"},
}};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (static_cast<std::size_t>(table[i].condition) != i) return false;
  }
  return true;
}
static_assert(is_in_order());

}  // namespace

std::string_view to_string(Policy policy) {
  switch (policy) {
    case Policy::stop:
      return "stop";
    case Policy::go_on:
      return "continue";
    case Policy::recreate:
      return "recreate";
    case Policy::wait:
      return "wait";
    case Policy::tell:
      return "tell";
  }
  return "?";
}

std::span<const ConditionInfo, condition_count> condition_table() {
  return table;
}

const ConditionInfo& info_of(Condition condition) {
  return table[static_cast<std::size_t>(condition)];
}

std::string to_string(Condition condition) {
  return std::string(info_of(condition).name());
}

Policies::Policies() {
  for (const ConditionInfo& info : table) chosen_[static_cast<std::size_t>(info.condition)] = info.standard;
}

void Policies::set(Condition condition, Policy policy) {
  assert(policy == info_of(condition).standard || policy == info_of(condition).alternative);
  chosen_[static_cast<std::size_t>(condition)] = policy;
}

}  // namespace shunt::replicate
