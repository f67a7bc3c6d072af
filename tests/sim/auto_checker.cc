#include "tests/sim/auto_checker.h"

#include <algorithm>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "replicate/offset_sync.h"
#include "tests/sim/records.h"
#include "tests/sim/settings.h"

namespace shunt::sim {

using namespace std::chrono_literals;
using replicate::OffsetSync;

namespace {

// Until a process that was frozen, or a request that is under way, knows that a partition is not the mirror's alone.
constexpr auto longest_ignorance = 10s;

}  // namespace

AutoChecker::AutoChecker(Writers& writers, const RetiredWriters& retired, Writers& others, FakeCluster& source,
                         FakeCluster& target, Rules rules)
    : Checker(writers, retired, rules), others_(others), target_(target) {
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
  target.on_delete = [this, of_identical = target.on_delete](const std::string& topic) {
    of_identical(topic);
    handle_target_deleted(topic);
  };
}

void AutoChecker::handle_target_deleted(const std::string& topic) {
  const auto is_of_topic = [&topic](const PartitionKey& key) { return key.first == topic; };
  mapped_->handle_target_deleted(topic);
  std::erase_if(with_map_, is_of_topic);
  std::erase_if(begun_identical_, is_of_topic);
  std::erase_if(undone_, [&](const auto& undone) { return is_of_topic(undone.first); });
}

void AutoChecker::handle_start() {
  has_started_ = true;
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
  if (with_map_.contains(key) || undone_.contains(key) || has_records_of_others(key)) return *mapped_;
  return *identical_;
}

/// Where others have come behind everything a process may not know of them, and there is no map.
bool AutoChecker::is_mirrored(const PartitionKey& key) const {
  const bool is_unmapped = undone_.contains(key) && !with_map_.contains(key);
  return is_unmapped ? mapped_->has_all_before(key, writers_.at(key).end()) : of(key).is_mirrored(key);
}

/// A process that has begun may have looked at it when it was empty.
void AutoChecker::note_end_of_identical(const PartitionKey& key) {
  if (has_started_) undone_.try_emplace(key, net::now());
}

void AutoChecker::check(const PartitionKey& key, const StoredBatch& batch) {
  if (mapped_->is_others(key, batch)) {
    note_end_of_identical(key);
    mapped_listener_(key, batch);
  } else {
    check_own(key, batch);
  }
  add_up();
}

void AutoChecker::check_own(const PartitionKey& key, const StoredBatch& batch) {
  const bool is_identical = !with_map_.contains(key) && !undone_.contains(key);
  if (is_identical && has_records_of_others(key)) return fail(key, batch, "identical offsets behind records of others");
  const bool is_marker = batch.header().is_control();
  const bool is_padding = !is_marker && std::ranges::all_of(prints_of(batch.bytes), &RecordPrint::is_padding);
  if (with_map_.contains(key) && mapped_->is_fence(key, batch)) {
    mapped_listener_(key, batch);
    return;
  }
  if (is_identical) {
    if (!is_marker) begun_identical_.insert(key);
    identical_listener_(key, batch);
  } else if (is_marker || is_padding || !with_map_.contains(key)) {
    const auto undone = undone_.find(key);
    const bool is_on_its_way = undone != undone_.end() && net::now() - undone->second < longest_ignorance;
    if (!is_on_its_way) return fail(key, batch, "what was to have the source's offsets, where others have written");
  }
  if (!is_marker && !is_padding) mapped_listener_(key, batch);
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
    note_end_of_identical(source);
    if (undone_.contains(source)) mapped_->handle_identical(source, target_.log(source).end());
    if (!wrong.empty()) return fail(key, batch, fmt::format("a map of {}-{}, {}", source.first, source.second, wrong));
  }
  listener(key, batch);
  add_up();
}

/// Empty, or why its offsets should not have been mapped.
std::string AutoChecker::judge_map(const PartitionKey& source) const {
  const auto others = others_.find(source);
  const bool is_anybody_there = others != others_.end() && others->second.end() > 0;
  if (begun_identical_.contains(source) && !undone_.contains(source)) {
    return "which was mirrored with identical offsets: " + identical_->progress_of(source);
  }
  const auto writer = writers_.find(source);
  const bool is_head_long = writer != writers_.end() && writer->second.start() > most_padding;
  // A marker too many is in the way, too, and nothing has come yet.
  const bool is_overfilled = identical_->may_have_stopped(source);
  return is_anybody_there || is_head_long || is_overfilled ? std::string() : "whose offsets can be identical";
}

/// What has identical offsets was looked at by both.
void AutoChecker::add_up() {
  counters = mapped_->counters;
  counters.markers = identical_->counters.markers;
  counters.padding = identical_->counters.padding;
}

}  // namespace shunt::sim
