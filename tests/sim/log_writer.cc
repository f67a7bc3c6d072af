#include "tests/sim/log_writer.h"

#include <algorithm>
#include <set>

#include "tests/sim/records.h"

namespace shunt::sim {

namespace attributes = protocol::batch_attributes;
using protocol::Codec;

namespace {

constexpr std::int64_t no_producer = -1;
constexpr std::int64_t idempotent_producer = 17;
constexpr std::size_t most_open = 3;
constexpr std::int64_t longest_batch = 12;
constexpr std::int64_t highest_number = 1'000'000'000'000'000;

// The cleaner leaves the active segment alone.
constexpr std::size_t active_batches = 5;

}  // namespace

LogWriter::LogWriter(World& world, FakeCluster& cluster, PartitionKey key, Habits habits)
    : world_(world), cluster_(cluster), key_(std::move(key)), habits_(habits) {}

void LogWriter::begin_at(std::int64_t offset) {
  log().begin_at(offset);
  entries_.assign(static_cast<std::size_t>(offset), Entry{.is_removed = true});
}

const std::vector<std::byte>* LogWriter::plain_batch(std::int64_t base) const {
  const auto found = plain_batches_.find(base);
  return found == plain_batches_.end() ? nullptr : &found->second;
}

std::optional<std::int64_t> LogWriter::find(std::uint64_t digest) const {
  const auto found = offsets_.find(digest);
  return found == offsets_.end() ? std::nullopt : std::optional(found->second);
}

bool LogWriter::has_producer(std::int64_t producer_id) const {
  return producer_id >= first_transactional_producer && producer_id < next_producer_id_;
}

/// What was written behind end() meanwhile is none of this writer's.
void LogWriter::pass_others() {
  entries_.resize(static_cast<std::size_t>(log().end()));
}

void LogWriter::write() {
  // Between two writes there may be the ends of all open transactions.
  if (avoided_ && end() + longest_batch + static_cast<std::int64_t>(most_open) >= avoided_->first) {
    write_batch(no_producer, avoided_->second + 1 - end() + world_.between(0, 3));
    avoided_.reset();
  } else if (met_ && end() + longest_batch >= *met_) {
    if (*met_ > end()) write_batch(no_producer, *met_ - end());
    met_.reset();
  } else if (habits_.transactions && world_.chance(0.45)) {
    if (!open_.empty() && world_.chance(0.45)) {
      const auto one = std::next(open_.begin(), world_.between(0, static_cast<std::int64_t>(open_.size()) - 1));
      if (world_.chance(0.5)) {
        end_transaction(one->first);
      } else {
        write_batch(one->first);
      }
    } else if (open_.size() < most_open) {
      const std::int64_t producer_id = next_producer_id_++;
      // A transaction without data, too, leaves its marker.
      if (world_.chance(0.15)) {
        append_marker(producer_id, world_.chance(0.5));
      } else {
        open_[producer_id];
        write_batch(producer_id);
      }
    }
  } else if (habits_.opposite >= 0 && world_.chance(0.4)) {
    write_batch(habits_.opposite);
  } else {
    write_batch(world_.chance(0.5) ? idempotent_producer : no_producer);
  }
  cluster_.wake_fetches();
}

void LogWriter::write_batch(std::int64_t producer_id, std::optional<std::int64_t> size) {
  const bool is_transactional = has_producer(producer_id);
  const bool is_returned = producer_id >= 0 && producer_id == habits_.opposite;
  const bool is_large = !size && habits_.large_batches && world_.chance(0.03);
  const std::int64_t base = log().end();
  const std::int64_t count = size ? *size : is_large ? 1 : world_.between(1, longest_batch);
  BatchShape shape{
      .base = base,
      .next = base + count,
      .codec = habits_.codecs && world_.chance(0.3) ? static_cast<Codec>(world_.between(1, 4)) : Codec::none,
      .flags = is_transactional ? attributes::transactional : std::uint16_t{0},
      .producer_id = producer_id,
      .producer_epoch = static_cast<std::int16_t>(producer_id >= 0 ? 0 : -1)};
  if (producer_id >= 0) {
    std::int32_t& sequence = sequences_[producer_id];
    shape.base_sequence = sequence;
    sequence += static_cast<std::int32_t>(count);
  }
  const bool has_append_times = habits_.append_times && world_.chance(0.15);
  if (has_append_times) {
    shape.flags |= attributes::log_append_time;
    shape.append_time_ms = world_.unix_ms();
  }
  std::vector<SimRecord> records;
  for (std::int64_t offset = base; offset < shape.next; ++offset) {
    SimRecord& record = records.emplace_back();
    record.offset = offset;
    record.timestamp_ms = world_.unix_ms() - world_.between(0, 1000);
    const bool has_value = world_.chance(0.9);
    // The numbers make every record one of its kind.
    if (!has_value || world_.chance(0.8)) record.key = fmt::format("k{}", world_.between(0, highest_number));
    if (has_value) {
      record.value = std::string(static_cast<std::size_t>(world_.between(0, is_large ? 120'000 : 40)),
                                 static_cast<char>('a' + world_.between(0, 25)));
      *record.value += std::to_string(world_.between(0, highest_number));
    }
    if (world_.chance(0.1)) record.headers = one_header();
  }
  std::vector<std::byte> batch = encode_batch(shape, records);
  pass_others();
  for (const RecordPrint& print : prints_of(batch)) {
    offsets_[print.digest] = print.offset;
    entries_.push_back({.state = is_returned        ? Entry::State::returned
                                 : is_transactional ? Entry::State::pending
                                                    : Entry::State::committed,
                        .digest = print.digest,
                        .timestamp_ms = print.timestamp_ms});
    if (is_transactional) open_.at(producer_id).push_back(print.offset);
  }
  if (!has_append_times && !is_returned) plain_batches_[base] = batch;
  log().append(std::move(batch));
}

void LogWriter::append_marker(std::int64_t producer_id, bool is_commit) {
  pass_others();
  entries_.emplace_back();
  log().write_marker(producer_id, 0, 0, is_commit);
}

void LogWriter::end_transaction(std::int64_t producer_id) {
  const bool is_commit = world_.chance(0.6);
  for (const std::int64_t offset : open_.at(producer_id)) {
    entries_[static_cast<std::size_t>(offset)].state = is_commit ? Entry::State::committed : Entry::State::aborted;
  }
  open_.erase(producer_id);
  append_marker(producer_id, is_commit);
}

void LogWriter::end_transactions() {
  while (!open_.empty()) end_transaction(open_.begin()->first);
  cluster_.wake_fetches();
}

void LogWriter::clean() {
  if (!habits_.compaction) return;
  PartitionLog& cleaned = log();
  const std::int64_t stable = cleaned.last_stable_offset();
  std::set<std::int64_t> with_data;  // producers whose markers still mean something
  const std::size_t count = cleaned.batches().size();
  const std::size_t dirty_end = count > active_batches ? count - active_batches : 0;
  std::size_t index = 0;
  for (std::size_t seen = 0; seen < dirty_end; ++seen) {
    const StoredBatch& batch = cleaned.batches()[index];
    if (batch.next > stable) break;
    const std::int64_t producer_id = batch.header().producer_id().value();
    const bool is_marker = batch.header().is_control();
    const bool is_aborted = !is_marker && at(batch.base).state == Entry::State::aborted;
    bool goes = false;
    if (is_marker) {
      goes = !with_data.contains(producer_id) && world_.chance(0.2);
    } else if (is_aborted) {
      goes = world_.chance(0.3);
    } else if (world_.chance(0.3)) {
      std::vector<std::byte> left = thinned(batch.bytes, [&](std::int64_t) { return world_.chance(0.6); });
      std::set<std::int64_t> kept;
      for (const RecordPrint& print : prints_of(left)) kept.insert(print.offset);
      for (std::int64_t offset = batch.base; offset < batch.next; ++offset) {
        if (!kept.contains(offset)) entries_[static_cast<std::size_t>(offset)].is_removed = true;
      }
      // An emptied batch stays while its producer's sequence hangs on it.
      goes = kept.empty() && (producer_id < 0 || world_.chance(0.5));
      if (!goes) cleaned.replace(index, std::move(left));
    }
    if (goes) {
      for (std::int64_t offset = batch.base; offset < batch.next; ++offset) {
        entries_[static_cast<std::size_t>(offset)].is_removed = true;
      }
      cleaned.remove(index);
    } else {
      if (!is_marker) with_data.insert(producer_id);
      ++index;
    }
  }
}

bool LogWriter::lose(std::int64_t batches) {
  const auto data = std::ranges::find_if(log().batches().rbegin(), log().batches().rend(),
                                         [](const StoredBatch& batch) { return batch.header().is_control(); });
  batches = std::min<std::int64_t>(batches, std::distance(log().batches().rbegin(), data));
  if (!cluster_.elect_unclean(key_, batches)) return false;
  const std::int64_t before = end();
  const std::int64_t left = log().end();
  for (std::int64_t offset = left; offset < before; ++offset) {
    lost_.insert(at(offset).digest);
    offsets_.erase(at(offset).digest);
  }
  entries_.resize(static_cast<std::size_t>(left));
  plain_batches_.erase(plain_batches_.lower_bound(left), plain_batches_.end());
  for (auto& [producer_id, offsets] : open_) {
    std::erase_if(offsets, [left](std::int64_t offset) { return offset >= left; });
  }
  std::erase_if(open_, [](const auto& transaction) { return transaction.second.empty(); });
  return left < before;
}

void LogWriter::expire(std::int64_t offset) {
  log().delete_before(std::min(offset, log().last_stable_offset()));
}

}  // namespace shunt::sim
