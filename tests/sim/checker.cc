#include "tests/sim/checker.h"

#include <algorithm>

#include <fmt/format.h>

namespace shunt::sim {

using protocol::record_batch_header_size;
using replicate::Isolation;
using replicate::StartPosition;
using State = LogWriter::Entry::State;

bool Checker::has_record(const LogWriter& writer, std::int64_t offset) const {
  const LogWriter::Entry& entry = writer.at(offset);
  return (may_be_mirrored(entry.state) || entry.state == State::pending) && !entry.is_removed;
}

bool Checker::may_be_mirrored(State state) const {
  if (rules_.isolation == Isolation::read_uncommitted) return state != State::nothing && state != State::returned;
  return state == State::committed;
}

// ---- Where a mirror begins ------------------------------------------------------------------------------------------

void Checker::handle_start() {
  for (const auto& [key, writer] : writers_) {
    std::int64_t& first = first_beginnings_[key];
    first = readable_end(writer);
    if (rules_.start.kind != StartPosition::Kind::time) continue;
    for (std::int64_t offset = writer.end(); offset-- > writer.start();) {
      const LogWriter::Entry& entry = writer.at(offset);
      if (entry.timestamp_ms >= rules_.start.time_ms && !entry.is_removed) first = offset;
    }
  }
}

void Checker::handle_source_deleted() {
  first_beginnings_.clear();
  begun_.clear();
}

std::int64_t Checker::readable_end(const LogWriter& writer) const {
  return rules_.isolation == Isolation::read_uncommitted ? writer.end() : writer.stable_end();
}

bool Checker::may_begin_behind(const PartitionKey& key, const LogWriter& writer, std::int64_t offset) const {
  const auto begun = begun_.find(key);
  if (!rules_.start.is_later() || (begun != begun_.end() && offset >= begun->second)) return false;
  return rules_.start.kind == StartPosition::Kind::time ? writer.at(offset).timestamp_ms < rules_.start.time_ms
                                                        : offset < readable_end(writer);
}

std::int64_t Checker::first_beginning(const PartitionKey& key) const {
  const auto first = first_beginnings_.find(key);
  return first == first_beginnings_.end() || !rules_.start.is_later() ? 0 : first->second;
}

// ---- What is appended -----------------------------------------------------------------------------------------------

std::optional<bool> Checker::is_forwarded(const LogWriter& writer, std::int64_t base, std::int64_t next,
                                          const StoredBatch& batch) const {
  const std::vector<std::byte>* plain = writer.plain_batch(base);
  if (plain == nullptr) return std::nullopt;
  const auto header = protocol::RecordBatchHeader::of(*plain);
  if (header.next_offset().value() != next || header.record_count() != batch.header().record_count()) {
    return std::nullopt;
  }
  return std::ranges::equal(std::span(*plain).subspan(record_batch_header_size),
                            std::span(batch.bytes).subspan(record_batch_header_size));
}

void Checker::fail(const PartitionKey& key, const StoredBatch& batch, const std::string& what) {
  if (!failure_.empty()) return;
  failure_ = fmt::format("{}-{}: [{}, {}) on the target: {}", key.first, key.second, batch.base, batch.next, what);
}

}  // namespace shunt::sim
