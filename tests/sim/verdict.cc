#include "tests/sim/verdict.h"

#include <fmt/format.h>

namespace shunt::sim {

Verdict& Verdict::operator+=(const Verdict& other) {
  lives += other.lives;
  requests += other.requests;
  forwarded += other.forwarded;
  rewritten += other.rewritten;
  markers += other.markers;
  padding += other.padding;
  others += other.others;
  stored_maps += other.stored_maps;
  fences += other.fences;
  duplicates += other.duplicates;
  fenced += other.fenced;
  answers_lost += other.answers_lost;
  executed_after_death += other.executed_after_death;
  late_markers += other.late_markers;
  interruptions += other.interruptions;
  overtaken += other.overtaken;
  overfilled += other.overfilled;
  truncated += other.truncated;
  replaced += other.replaced;
  topics_gone += other.topics_gone;
  return *this;
}

std::string to_string(const Verdict& verdict) {
  return fmt::format(
      "{} lives, {} requests; batches: {} forwarded, {} rewritten, {} of padding, {} recognised duplicates; {} "
      "markers, "
      "{} of them late; {} requests fenced, {} executed after their connection's death, {} answers lost; "
      "{} interruptions; mapped: {} batches of other producers, maps stored {} times, {} epochs raised; partitions "
      "stopped: {} "
      "overtaken, "
      "{} overfilled, {} truncated, {} of {} topics that went",
      verdict.lives, verdict.requests, verdict.forwarded, verdict.rewritten, verdict.padding, verdict.duplicates,
      verdict.markers, verdict.late_markers, verdict.fenced, verdict.executed_after_death, verdict.answers_lost,
      verdict.interruptions, verdict.others, verdict.stored_maps, verdict.fences, verdict.overtaken, verdict.overfilled,
      verdict.truncated, verdict.replaced, verdict.topics_gone);
}

}  // namespace shunt::sim
