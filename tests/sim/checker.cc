#include "tests/sim/checker.h"

#include <algorithm>

#include <fmt/format.h>

#include "tests/sim/records.h"

namespace shunt::sim {

using protocol::record_batch_header_size;
using replicate::Isolation;
using State = SourceWriter::Entry::State;

Checker::Checker(Writers& writers, FakeCluster& target, Rules rules)
    : writers_(writers), target_(target), rules_(rules) {
  target_.on_append = [this](const PartitionKey& key, const StoredBatch& batch) {
    if (failure_.empty()) check(key, batch);
  };
  target_.on_late_marker = [this](const PartitionKey& key) { late_.insert(key); };
}

void Checker::fail(const PartitionKey& key, const StoredBatch& batch, const std::string& what) {
  failure_ = fmt::format("{}-{}: [{}, {}) on the target: {}", key.first, key.second, batch.base, batch.next, what);
}

void Checker::check(const PartitionKey& key, const StoredBatch& batch) {
  const auto writer = writers_.find(key);
  if (writer == writers_.end()) return fail(key, batch, "no such partition on the source");
  if (batch.header().is_control()) return check_marker(key, batch);
  const auto prints = prints_of(batch.bytes);
  if (std::ranges::all_of(prints, &RecordPrint::is_padding)) {
    ++counters.padding;
    if (batch.next > writer->second.log().start()) return fail(key, batch, "padding where the source has records");
    if (with_data_.contains(key)) return fail(key, batch, "padding behind data");
    padded_[key] = batch.next;
    return;
  }
  check_data(key, batch);
}

/// For a reader, now or when its transaction ends.
bool Checker::has_record(const SourceWriter& writer, std::int64_t offset) const {
  const SourceWriter::Entry& entry = writer.at(offset);
  const bool is_record = entry.state == State::committed || entry.state == State::pending ||
                         (entry.state == State::aborted && rules_.isolation == Isolation::read_uncommitted);
  return is_record && !entry.is_removed;
}

void Checker::check_marker(const PartitionKey& key, const StoredBatch& batch) {
  ++counters.markers;
  const SourceWriter& writer = writers_.at(key);
  const bool is_past = batch.base >= writer.end();
  bool is_wrong = is_past;
  if (!is_past) {
    // Records that have expired are lost either way; whether to go on behind them was the user's choice.
    const bool is_expired =
        batch.base < writers_.at(key).log().start() && (rules_.may_lose_expired || !with_data_.contains(key));
    is_wrong = has_record(writer, batch.base) && !is_expired;
  }
  if (!is_wrong) return;
  if (had_late_marker(key)) {
    displaced_[key].insert(batch.base);
  } else {
    fail(key, batch, is_past ? "a marker beyond the source's end" : "a marker where the source has a record");
  }
}

bool Checker::is_displaced(const PartitionKey& key) const {
  const auto displaced = displaced_.find(key);
  if (displaced == displaced_.end()) return false;
  const SourceWriter& writer = writers_.at(key);
  return std::ranges::any_of(displaced->second, [&](std::int64_t offset) {
    return offset >= writer.end() || (has_record(writer, offset) && offset >= writer.log().start());
  });
}

void Checker::check_data(const PartitionKey& key, const StoredBatch& batch) {
  if (is_displaced(key)) return fail(key, batch, "data behind a marker where the source has a record");
  with_data_.insert(key);
  const SourceWriter& writer = writers_.at(key);
  if (const auto padded = padded_.find(key); padded != padded_.end() && target_.log(key).start() < padded->second) {
    return fail(key, batch, "data behind padding that readers can still see");
  }
  if (batch.next > writer.end()) return fail(key, batch, "data beyond the source's end");
  for (std::int64_t offset = batch.base; offset < batch.next; ++offset) {
    const State state = writer.at(offset).state;
    if (state == State::nothing) return fail(key, batch, fmt::format("the source has a hole at {}", offset));
    if (rules_.isolation == Isolation::read_committed && state != State::committed) {
      return fail(key, batch, fmt::format("{} data at {}", state == State::aborted ? "aborted" : "undecided", offset));
    }
  }
  if (const std::vector<std::byte>* plain = writer.plain_batch(batch.base)) {
    const auto header = protocol::RecordBatchHeader::of(*plain);
    if (header.next_offset().value() == batch.next) {
      const auto payload = std::span(*plain).subspan(record_batch_header_size);
      const bool is_same = std::ranges::equal(payload, std::span(batch.bytes).subspan(record_batch_header_size));
      counters.forwarded += is_same ? 1 : 0;
      if (is_same) return;
      return fail(key, batch, "other bytes than the source's batch");
    }
  }
  ++counters.rewritten;
  for (const RecordPrint& print : prints_of(batch.bytes)) {
    if (writer.at(print.offset).digest != print.digest) {
      return fail(key, batch, fmt::format("another record at {}", print.offset));
    }
  }
}

}  // namespace shunt::sim
