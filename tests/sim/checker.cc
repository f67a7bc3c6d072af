#include "tests/sim/checker.h"

#include <algorithm>

#include <fmt/format.h>

namespace shunt::sim {

using protocol::record_batch_header_size;
using replicate::Isolation;
using State = LogWriter::Entry::State;

bool Checker::has_record(const LogWriter& writer, std::int64_t offset) const {
  const LogWriter::Entry& entry = writer.at(offset);
  return (may_be_mirrored(entry.state) || entry.state == State::pending) && !entry.is_removed;
}

bool Checker::may_be_mirrored(State state) const {
  if (rules_.isolation == Isolation::read_uncommitted) return state != State::nothing;
  return state == State::committed;
}

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
