#include "tests/sim/partition_log.h"

#include <algorithm>

#include "protocol/crc32c.h"
#include "protocol/error.h"
#include "protocol/wire.h"
#include "tests/sim/records.h"

namespace shunt::sim {

using protocol::Offset;
using protocol::ProducerId;
using protocol::record_batch_header_size;
using protocol::RecordBatchHeader;
using protocol::Sequence;

namespace errors = protocol::errors;

namespace {

constexpr std::size_t remembered_batches = 5;
constexpr std::size_t remembered_appends = 8;
constexpr std::size_t leader_epoch_offset = 12;

constexpr std::int16_t corrupt_message = 2;
constexpr std::int16_t out_of_order_sequence_number = 45;
constexpr std::int16_t invalid_record = 87;

std::int32_t advanced(std::int32_t sequence, std::int32_t records) {
  return Sequence(sequence).advanced(records).value();
}

}  // namespace

void PartitionLog::lead(std::int32_t broker) {
  leader = broker;
  ++leader_epoch;
  std::erase_if(epoch_starts_, [this](const auto& epoch) { return epoch.second >= end_; });
  epoch_starts_[leader_epoch] = end_;
}

std::pair<std::int32_t, std::int64_t> PartitionLog::epoch_end(std::int32_t epoch) const {
  if (epoch > leader_epoch) return {-1, -1};
  if (epoch == leader_epoch) return {epoch, end_};
  const auto later = epoch_starts_.upper_bound(epoch);
  return {later == epoch_starts_.begin() ? epoch : std::prev(later)->first, later->second};
}

PartitionLog::Outcome PartitionLog::produce(std::span<const std::byte> records) {
  if (records.size() < record_batch_header_size) return {.error = invalid_record};
  const RecordBatchHeader header = RecordBatchHeader::of(records);
  if (header.magic() != 2 || header.base_offset() != Offset(0) || header.record_count() == 0 ||
      header.size() != static_cast<std::int64_t>(records.size()) || !header.is_dense() || header.is_control()) {
    return {.error = invalid_record};
  }
  if (protocol::crc32c(records.subspan(21)) != header.crc()) return {.error = corrupt_message};
  if (header.is_transactional()) return {.error = errors::transactional_id_authorization_failed};
  const std::int32_t first = header.base_sequence().value();
  const std::int32_t last = advanced(first, header.record_count() - 1);
  const std::int64_t id = header.producer_id().value();
  if (id >= 0) {
    const auto known = producers_.find(id);
    if (known != producers_.end() && !forgets_sequences) {
      const ProducerState& state = known->second;
      if (header.producer_epoch().value() < state.epoch) return {.error = errors::invalid_producer_epoch};
      if (state.open_since >= 0) return {.error = errors::invalid_txn_state};
      const bool is_new_epoch = header.producer_epoch().value() > state.epoch;
      for (const ProducerState::Batch& batch : state.recent) {
        if (!is_new_epoch && batch.first_sequence == first && batch.last_sequence == last)
          return {.base = misplaces_duplicates ? end_ : batch.base, .is_duplicate = true};
      }
      // An epoch begins with sequence 0, also one that a marker has raised.
      const std::int32_t expected = is_new_epoch || state.last_sequence < 0 ? 0 : advanced(state.last_sequence, 1);
      if (first != expected) return {.error = out_of_order_sequence_number};
    }
    ProducerState& state = producers_[id];
    if (header.producer_epoch().value() > state.epoch) state.recent.clear();
    state.epoch = header.producer_epoch().value();
    state.last_sequence = last;
    state.recent.push_back({first, last, end_});
    if (state.recent.size() > remembered_batches) state.recent.pop_front();
  }
  const std::int64_t base = end_;
  store({records.begin(), records.end()}, base + header.record_count());
  return {.base = base};
}

PartitionLog::Outcome PartitionLog::write_marker(std::int64_t producer_id, std::int16_t epoch,
                                                 std::int32_t coordinator_epoch, bool is_commit) {
  ProducerState& state = producers_[producer_id];
  if (epoch < state.epoch) return {.error = errors::invalid_producer_epoch};
  if (coordinator_epoch < state.coordinator_epoch) return {.error = errors::transaction_coordinator_fenced};
  if (epoch > state.epoch) {
    state.recent.clear();
    state.last_sequence = -1;
  }
  state.epoch = epoch;
  state.coordinator_epoch = coordinator_epoch;
  const std::int64_t base = end_;
  if (state.open_since >= 0 && !is_commit) {
    aborted_.push_back({.producer_id = producer_id, .first = state.open_since, .last = base});
  }
  state.open_since = -1;
  store(encode_marker(base, producer_id, epoch, is_commit, coordinator_epoch), base + 1);
  return {.base = base};
}

void PartitionLog::append(std::vector<std::byte> batch) {
  const RecordBatchHeader header = RecordBatchHeader::of(batch);
  const std::int64_t next = header.next_offset().value();
  if (header.producer_id().value() >= 0) {
    ProducerState& state = producers_[header.producer_id().value()];
    state.epoch = header.producer_epoch().value();
    state.last_sequence = advanced(header.base_sequence().value(), header.last_offset_delta());
    if (header.is_transactional() && state.open_since < 0) state.open_since = end_;
  }
  store(std::move(batch), next);
}

void PartitionLog::store(std::vector<std::byte> bytes, std::int64_t next) {
  protocol::wire::store(bytes.data(), end_);
  protocol::wire::store(bytes.data() + leader_epoch_offset, leader_epoch);
  batches_.push_back({.base = end_, .next = next, .bytes = std::move(bytes)});
  end_ = next;
  memories_.push_back({.end = end_, .leader = leader, .producers = producers_, .aborted = aborted_.size()});
  if (memories_.size() > remembered_appends) memories_.pop_front();
  // A copy: who hears of it may look at the log.
  const StoredBatch stored = batches_.back();
  if (on_append) on_append(stored);
}

std::int64_t PartitionLog::last_stable_offset() const {
  std::int64_t stable = end_;
  for (const auto& [id, state] : producers_) {
    if (state.open_since >= 0) stable = std::min(stable, state.open_since);
  }
  return stable;
}

std::vector<std::byte> PartitionLog::read(std::int64_t offset, std::int64_t most_bytes, bool is_first,
                                          bool is_committed_only) const {
  const std::int64_t bound = is_committed_only ? last_stable_offset() : end_;
  auto batch = std::ranges::lower_bound(batches_, offset, {}, [](const StoredBatch& one) { return one.next - 1; });
  std::vector<std::byte> bytes;
  for (; batch != batches_.end() && batch->base < bound; ++batch) {
    const auto size = static_cast<std::int64_t>(batch->bytes.size());
    std::int64_t left = most_bytes - static_cast<std::int64_t>(bytes.size());
    if (is_first && bytes.empty()) left = std::max(left, size);
    if (left <= 0) break;
    bytes.insert(bytes.end(), batch->bytes.begin(), batch->bytes.begin() + std::min(left, size));
  }
  return bytes;
}

std::vector<protocol::FetchResponse::AbortedTransaction> PartitionLog::aborted(std::int64_t from,
                                                                               std::int64_t to) const {
  std::vector<protocol::FetchResponse::AbortedTransaction> found;
  for (const Aborted& one : aborted_) {
    if (one.last >= from && one.first < to)
      found.push_back({.producer_id = ProducerId(one.producer_id), .first_offset = Offset(one.first)});
  }
  return found;
}

void PartitionLog::delete_before(std::int64_t offset) {
  start_ = std::max(start_, std::min(offset, end_));
  const auto kept = std::ranges::find_if(batches_, [&](const StoredBatch& batch) { return batch.next > start_; });
  batches_.erase(batches_.begin(), kept);
}

void PartitionLog::lose_batches(std::int64_t count, std::int32_t broker) {
  while (count-- > 0 && memories_.size() > 1 && memories_.back().leader != broker &&
         memories_[memories_.size() - 2].end >= start_) {
    memories_.pop_back();
  }
  if (memories_.empty()) return;
  end_ = memories_.back().end;
  producers_ = memories_.back().producers;
  aborted_.resize(memories_.back().aborted);
  std::erase_if(batches_, [this](const StoredBatch& batch) { return batch.base >= end_; });
}

void PartitionLog::replace(std::size_t index, std::vector<std::byte> batch) {
  protocol::wire::store(batch.data() + leader_epoch_offset, batches_[index].header().partition_leader_epoch().value());
  batches_[index].bytes = std::move(batch);
}

void PartitionLog::remove(std::size_t index) {
  batches_.erase(batches_.begin() + static_cast<std::ptrdiff_t>(index));
}

}  // namespace shunt::sim
