// Any bytes as a message set of formats 0 and 1: offsets only rise, wrappers are opened within the limit, and what is
// read and built as a batch of format 2 reads the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "protocol/message_set.h"
#include "protocol/stored_records.h"
#include "tests/support/message_sets.h"

namespace {

using namespace shunt::protocol;  // NOLINT(google-build-using-namespace)

constexpr std::size_t most = 256 * 1024;

void require(bool holds) {
  if (!holds) std::abort();
}

bool is_same(const std::optional<std::span<const std::byte>>& a, const std::optional<std::span<const std::byte>>& b) {
  return a.has_value() == b.has_value() && (!a || std::equal(a->begin(), a->end(), b->begin(), b->end()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  std::vector<std::byte> bytes(input.begin(), input.end());
  std::string why;
  // Every CRC right, or nothing behind them would ever be looked at.
  for (std::span<std::byte> left(bytes);;) {
    const auto entry = MessageSetEntry::of(left, why);
    if (!entry) break;
    shunt::tests::seal_message(left.first(entry->bytes().size()));
    left = left.subspan(entry->bytes().size());
  }
  MessageSetReader reader(bytes, most);
  StoredRecords stored(bytes, most);
  Offset previous(-1);
  for (Record record; reader.next(record);) {
    require(record.offset > previous);
    previous = record.offset;
    Record other;
    require(stored.next(other) && other.offset == record.offset && is_same(record.key, other.key));
    RecordBatchBuilder builder(Codec::none);
    builder.append(record);
    const std::vector<std::byte> batch = builder.finish({});
    StoredRecords built(batch, 2 * most);
    Record again;
    require(built.next(again) && is_same(record.key, again.key) && is_same(record.value, again.value));
    require(again.timestamp_ms == record.timestamp_ms && !built.next(again) && built.ok());
  }
  return 0;
}
