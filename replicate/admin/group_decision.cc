#include "replicate/admin/group_decision.h"

namespace shunt::replicate {

namespace {

bool is_older(const GroupQuestion& question, std::chrono::milliseconds age) {
  return question.now_ms - question.committed->time_ms > age.count();
}

/// Nothing has changed since it was written that the source knows of.
bool is_unchanged(const GroupQuestion& question) {
  return question.committed && question.committed->source == question.source;
}

bool is_as_written(const GroupQuestion& question) {
  return is_unchanged(question) && question.committed->target == question.target;
}

}  // namespace

bool is_due(const GroupQuestion& question) {
  return !is_as_written(question) || is_older(question, committed_is_renewed_after);
}

GroupDecision decide(const GroupQuestion& question, std::optional<protocol::Offset> there, bool may_rewind) {
  if (!there) {
    const bool is_certain = is_unchanged(question) && !is_older(question, committed_is_certain_for);
    return is_certain ? GroupDecision::deleted : GroupDecision::write;
  }
  if (*there == question.target) {
    const bool is_old = question.committed && is_older(question, committed_is_renewed_after);
    return is_old ? GroupDecision::write : GroupDecision::nothing;
  }
  if (*there < question.target) return is_as_written(question) ? GroupDecision::moved : GroupDecision::write;
  // The other flow's group is news: where this one put the group, it would miss records of that one.
  if (question.is_shared && question.committed && question.committed->target == *there) return GroupDecision::write;
  return may_rewind && !is_as_written(question) ? GroupDecision::write : GroupDecision::ahead;
}

}  // namespace shunt::replicate
