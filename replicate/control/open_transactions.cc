#include "replicate/control/open_transactions.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "replicate/control/leaders.h"

namespace shunt::replicate {

namespace {

constexpr net::Duration longest_interval = std::chrono::seconds(1);
constexpr std::size_t most_named_at_once = 20;

}  // namespace

/// The partitions whose holder is to be named now.
std::map<TopicPartition, OpenTransactions::Overdue> OpenTransactions::find_overdue(
    const std::vector<const FlowSpec*>& flows, net::Time now) {
  std::map<TopicPartition, Overdue> overdue;
  for (const FlowSpec* flow : flows) {
    const FlowProgress& progress = *flow->progress;
    const std::int64_t stable = progress.stable_end.load(std::memory_order_relaxed);
    const std::int64_t end = progress.source_end.load(std::memory_order_relaxed);
    const bool is_held = stable >= 0 && stable < end && progress.position.load(std::memory_order_relaxed) >= stable;
    if (!is_held) {
      held_.erase(flow->id);
      continue;
    }
    Held& held = held_[flow->id];
    if (held.at != stable) held = {.at = stable, .since = now, .is_named = false};
    if (held.is_named || now - held.since <= patience_) continue;
    held.is_named = true;
    overdue[{flow->source_topic, flow->partition}] = {.at = stable, .waiting = end - stable};
    if (overdue.size() == most_named_at_once) break;
  }
  return overdue;
}

net::Awaitable<std::vector<OpenTransactions::Named>> OpenTransactions::look(std::vector<const FlowSpec*> flows,
                                                                            net::Time now) {
  next_look_ = now + std::min(patience_, longest_interval);
  std::vector<Named> named;
  const std::map<TopicPartition, Overdue> overdue = find_overdue(flows, now);
  if (overdue.empty()) co_return named;
  std::vector<TopicPartition> asked;
  asked.reserve(overdue.size());
  for (const auto& [partition, held] : overdue) asked.push_back(partition);
  const auto answers = co_await active_producers(source_, std::move(asked));
  for (const auto& [partition, held] : overdue) {
    const std::string what =
        fmt::format("{} records of {} are held back by an open transaction", held.waiting, partition.to_string());
    const auto& answered = answers.at(partition);
    if (!answered.value) {
      named.push_back(
          {.source_topic = partition.topic, .text = fmt::format("{}; whose is not known: {}", what, answered.reason)});
      continue;
    }
    for (const ActiveProducer& producer : *answered.value) {
      if (producer.open_since < 0 || producer.open_since > held.at) continue;
      named.push_back(
          {.source_topic = partition.topic,
           .text = fmt::format(
               "{}: producer id {}, epoch {}, open since offset {}; kafka-transactions.sh can find and abort it", what,
               producer.id.value(), producer.epoch, producer.open_since)});
    }
  }
  co_return named;
}

}  // namespace shunt::replicate
