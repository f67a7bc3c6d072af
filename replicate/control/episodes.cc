#include "replicate/control/episodes.h"

#include <utility>

#include <fmt/format.h>

namespace shunt::replicate {

namespace {

constexpr std::size_t most_reasons = 4;

/// Whoever is refused is told so in many ways, and all say the same.
bool is_its_own_cause(Condition condition) {
  return condition == Condition::source_authentication || condition == Condition::target_authentication;
}

}  // namespace

bool Episodes::add(Condition condition, FlowId flow, const std::string& partition, const std::string& reason,
                   net::Time now) {
  Episode& episode = under_way_[condition];
  const bool is_first = episode.held_up.empty();
  if (episode.is_told && !is_its_own_cause(condition) && episode.reasons.size() < most_reasons &&
      !episode.reasons.contains(reason)) {
    episode.other_partition = partition;
    episode.other_reason = reason;
  }
  if (!episode.held_up.insert(flow).second) return false;
  if (is_first) episode.began = now;
  if (episode.is_told) return true;  // the line of this episode has been written
  if (episode.hit++ == 0) {
    episode.partition = partition;
    episode.reason = reason;
  }
  return true;
}

void Episodes::end(FlowId flow) {
  for (auto& [condition, episode] : under_way_) episode.held_up.erase(flow);
}

std::vector<Episodes::Line> Episodes::take(net::Time now) {
  std::vector<Line> lines;
  for (auto& [condition, episode] : under_way_) {
    if (episode.is_told && episode.held_up.empty()) {
      episode.is_told = false;
      episode.reasons.clear();
      episode.other_reason.clear();
      const auto lasted = std::chrono::duration_cast<std::chrono::seconds>(now - episode.began);
      lines.push_back(
          {.is_end = true,
           .text = fmt::format("{} is over after {} s: {}", to_string(condition), lasted.count(), episode.partition)});
    }
    if (!episode.other_reason.empty() && now >= episode.not_before) {
      lines.push_back({.is_end = false,
                       .text = fmt::format("{} is still tried again ({}), now: {}", episode.other_partition,
                                           to_string(condition), episode.other_reason)});
      episode.reasons.insert(std::exchange(episode.other_reason, {}));
      episode.not_before = now + interval_;
    }
    if (episode.hit == 0 || now < episode.not_before) continue;
    const std::string others = episode.hit == 1 ? "" : fmt::format(" and {} more", episode.hit - 1);
    lines.push_back({.is_end = false,
                     .text = fmt::format("{}{} will be tried again, for as long as it takes ({}): {}",
                                         episode.partition, others, to_string(condition), episode.reason)});
    episode.is_told = !episode.held_up.empty();
    if (episode.is_told) episode.reasons = {episode.reason};
    episode.hit = 0;
    episode.not_before = now + interval_;
  }
  return lines;
}

}  // namespace shunt::replicate
