#include "tests/sim/auto_checker.h"

#include <algorithm>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "replicate/offset_sync.h"
#include "tests/sim/records.h"
#include "tests/sim/settings.h"

namespace shunt::sim {

using replicate::OffsetSync;

AutoChecker::AutoChecker(Writers& writers, const RetiredWriters& retired, Writers& others, FakeCluster& source,
                         FakeCluster& target, Rules rules)
    : Checker(writers, retired, rules), others_(others) {
  // Each of them makes itself the clusters' listener.
  mapped_ = std::make_unique<MappedChecker>(writers, retired, others, source, target, rules);
  mapped_listener_ = std::exchange(target.on_append, {});
  identical_ = std::make_unique<IdenticalChecker>(writers, retired, target, rules);
  identical_listener_ = std::exchange(target.on_append, {});
  target.on_append = [this](const PartitionKey& key, const StoredBatch& batch) {
    if (failure().empty())
      key.first == syncs_topic_name ? check_syncs(key, batch, mapped_listener_) : check(key, batch);
  };
  source.on_append = [this, of_source = source.on_append](const PartitionKey& key, const StoredBatch& batch) {
    if (failure().empty() && key.first == syncs_topic_name) check_syncs(key, batch, of_source);
  };
}

void AutoChecker::handle_start() {
  identical_->handle_start();
  mapped_->handle_start();
}

void AutoChecker::handle_restart() {
  identical_->handle_restart();
  mapped_->handle_restart();
}

const std::string& AutoChecker::failure() const {
  if (!Checker::failure().empty()) return Checker::failure();
  return identical_->failure().empty() ? mapped_->failure() : identical_->failure();
}

/// Markers alone, and what was aborted, may lie where the source has no record either.
bool AutoChecker::has_records_of_others(const PartitionKey& key) const {
  const auto others = others_.find(key);
  if (others == others_.end()) return false;
  for (std::int64_t offset = 0; offset < others->second.end(); ++offset) {
    if (may_be_mirrored(others->second.at(offset).state)) return true;
  }
  return false;
}

const Checker& AutoChecker::of(const PartitionKey& key) const {
  if (with_map_.contains(key) || has_records_of_others(key)) return *mapped_;
  return *identical_;
}

void AutoChecker::check(const PartitionKey& key, const StoredBatch& batch) {
  if (mapped_->is_others(key, batch) || with_map_.contains(key)) {
    mapped_listener_(key, batch);
  } else if (has_records_of_others(key)) {
    fail(key, batch, "identical offsets behind records of others");
  } else {
    if (!batch.header().is_control()) begun_identical_.insert(key);
    identical_listener_(key, batch);
  }
  add_up();
}

/// A map is stored before the first record that it is about.
void AutoChecker::check_syncs(const PartitionKey& key, const StoredBatch& batch, const Listener& listener) {
  BatchShape shape;
  for (const SimRecord& record : decode_batch(batch.bytes, shape)) {
    const auto bytes = [](const std::string& text) { return std::as_bytes(std::span(text)); };
    std::string why;
    const auto sync = OffsetSync::parse(bytes(record.key.value()), bytes(record.value.value()), why);
    if (!sync || !sync->extension) continue;
    const PartitionKey source{sync->topic, sync->partition.value()};
    if (!with_map_.insert(source).second) continue;
    const std::string wrong = judge_map(source);
    if (!wrong.empty()) return fail(key, batch, fmt::format("a map of {}-{}, {}", source.first, source.second, wrong));
  }
  listener(key, batch);
  add_up();
}

/// Empty, or why its offsets should not have been mapped.
std::string AutoChecker::judge_map(const PartitionKey& source) const {
  if (begun_identical_.contains(source)) {
    return "which was mirrored with identical offsets: " + identical_->progress_of(source);
  }
  const auto others = others_.find(source);
  const bool is_anybody_there = others != others_.end() && others->second.end() > 0;
  const auto writer = writers_.find(source);
  const bool is_head_long = writer != writers_.end() && writer->second.start() > most_padding;
  return is_anybody_there || is_head_long ? std::string() : "whose offsets can be identical";
}

void AutoChecker::add_up() {
  const Counters& one = identical_->counters;
  const Counters& other = mapped_->counters;
  counters = {.forwarded = one.forwarded + other.forwarded,
              .rewritten = one.rewritten + other.rewritten,
              .markers = one.markers,
              .padding = one.padding,
              .others = other.others,
              .stored_maps = other.stored_maps};
}

}  // namespace shunt::sim
