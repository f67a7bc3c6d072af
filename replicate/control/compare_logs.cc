#include "replicate/control/compare_logs.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include <fmt/format.h>
#include <xxhash.h>

#include "replicate/source_header.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;
using protocol::Record;
using protocol::record_batch_header_size;
using protocol::RecordBatchHeader;

namespace {

using Bytes = std::span<const std::byte>;

// A sample is taken by this much of the source's log.
constexpr std::uint64_t sampled_bytes = 4 * 1024 * 1024;

bool is_equal(Bytes a, Bytes b) {
  return std::ranges::equal(a, b);
}
bool is_equal(const std::optional<Bytes>& a, const std::optional<Bytes>& b) {
  return a.has_value() == b.has_value() && (!a || is_equal(*a, *b));
}

/// Where the source's records are on the target.
class Places {
 public:
  explicit Places(const OffsetMap* map) : map_(map) {
    if (map != nullptr) cursor_.emplace(*map);
  }

  /// Of the record at `source`; to be asked in their order. Empty: the map has none there.
  std::optional<Offset> find(Offset source) {
    if (!cursor_) return source;
    const std::optional<OffsetRun> run = cursor_->run_at(source);
    if (!run || source < run->source) return std::nullopt;
    return run->target + (source - run->source);
  }
  /// Of every record of a dense batch, if they are side by side.
  std::optional<Offset> find(const RecordBatchHeader& batch) {
    if (!cursor_) return batch.base_offset();
    const std::optional<OffsetRun> run = cursor_->run_at(batch.base_offset());
    if (!run || batch.base_offset() < run->source || batch.next_offset() > run->source_end()) return std::nullopt;
    return run->target + (batch.base_offset() - run->source);
  }
  /// Of the first record at `source` or behind it.
  [[nodiscard]] Offset translate(Offset source) const { return map_ == nullptr ? source : map_->translate(source); }

 private:
  const OffsetMap* map_;
  std::optional<OffsetMapCursor> cursor_;
};

/// The same records with the same times, told from the stored bytes; the target's batch is at `place`.
bool is_equal_batch(Bytes source, Bytes target, Offset place) {
  const RecordBatchHeader a = RecordBatchHeader::of(source);
  const RecordBatchHeader b = RecordBatchHeader::of(target);
  return a.size() == b.size() && b.base_offset() == place && a.last_offset_delta() == b.last_offset_delta() &&
         a.record_count() == b.record_count() && a.codec() == b.codec() &&
         a.is_log_append_time() == b.is_log_append_time() && a.base_timestamp_ms() == b.base_timestamp_ms() &&
         a.max_timestamp_ms() == b.max_timestamp_ms() &&
         std::memcmp(source.data() + record_batch_header_size, target.data() + record_batch_header_size,
                     source.size() - record_batch_header_size) == 0;
}

/// Enough to recognise it by, and nothing of what it says.
std::string print_of(const std::optional<Bytes>& bytes) {
  return bytes ? fmt::format("{} bytes (xxh64 {:016x})", bytes->size(), XXH64(bytes->data(), bytes->size(), 0))
               : "null";
}

std::optional<Difference> difference_of(const Record& source, const Record& target, bool with_times) {
  const auto differs = [&](std::string_view what, const std::string& here, const std::string& there) {
    return Difference{.kind = Difference::Kind::content,
                      .offset = source.offset,
                      .text = fmt::format("the {} is {} on the source and {} on the target", what, here, there)};
  };
  if (!is_equal(source.key, target.key)) return differs("key", print_of(source.key), print_of(target.key));
  if (!is_equal(source.value, target.value)) return differs("value", print_of(source.value), print_of(target.value));
  if (!are_same_headers(source, target)) {
    return differs("header list", print_of(source.headers), print_of(target.headers));
  }
  if (with_times && source.timestamp_ms != target.timestamp_ms) {
    return differs("timestamp", std::to_string(source.timestamp_ms), std::to_string(target.timestamp_ms));
  }
  return std::nullopt;
}

Difference only_on_one_side(const Record& record, Difference::Kind kind) {
  const bool is_missing = kind == Difference::Kind::missing;
  return {
      .kind = kind,
      .offset = record.offset,
      .text = fmt::format("a record (key {}, value {}) is on the {} and not on the {}", print_of(record.key),
                          print_of(record.value), is_missing ? "source" : "target", is_missing ? "target" : "source")};
}

/// Both at the next place that is sampled.
void skip_unsampled(LogCursor& source, LogCursor& target, const Places& places, Offset began, std::int64_t sample) {
  const Offset next = source.position() + (source.position() - began) * (sample - 1);
  source.jump(next);
  target.jump(places.translate(next));
}

}  // namespace

const char* to_string(Difference::Kind kind) {
  switch (kind) {
    case Difference::Kind::missing:
      return "missing";
    case Difference::Kind::extra:
      return "extra";
    case Difference::Kind::content:
      return "content";
    case Difference::Kind::damaged:
      return "damaged";
  }
  return "unknown";
}

namespace {

Awaitable<> walk(LogCursor& source, LogCursor& target, ComparisonSettings settings,
                 const std::function<void(std::uint64_t)>& read, Comparison& result) {
  Places places(settings.map);
  Offset stretch_began = source.position();
  std::uint64_t stretch_bytes_began = source.bytes_read();
  while (true) {
    if (settings.sample > 1 && source.bytes_read() - stretch_bytes_began > sampled_bytes) {
      skip_unsampled(source, target, places, stretch_began, settings.sample);
      stretch_began = source.position();
      stretch_bytes_began = source.bytes_read();
    }
    const std::uint64_t bytes_before = source.bytes_read() + target.bytes_read();
    const bool in_source = co_await source.settle();
    const bool in_target = co_await target.settle();
    if (const std::uint64_t bytes = source.bytes_read() + target.bytes_read(); bytes > bytes_before)
      read(bytes - bytes_before);
    if (!in_source && !in_target) co_return;
    if (in_source && in_target) {
      const auto here = source.batch();
      const auto there = target.batch();
      const auto place = here ? places.find(source.header()) : std::nullopt;
      if (there && place && is_equal_batch(*here, *there, *place)) {
        result.records += static_cast<std::uint64_t>(RecordBatchHeader::of(*here).record_count());
        ++result.equal_batches;
        source.check_batch();  // the one thing about a batch that is not the same on both sides
        target.check_batch();
        source.skip_batch();
        target.skip_batch();
        continue;
      }
    }
    const Record* here = in_source ? &source.record() : nullptr;
    const Record* there = in_target ? &target.record() : nullptr;
    // A record that the map does not know is nowhere.
    const std::optional<Offset> place = here == nullptr ? std::nullopt : places.find(here->offset);
    if (here != nullptr && settings.map != nullptr && !place && source.is_met_by(settings.loop_guard)) {
      ++result.left_out;
      source.skip_batch();
    } else if (here != nullptr && settings.map != nullptr && !place && settings.loop_guard.meets(*here)) {
      ++result.left_out;
      source.next_record();
    } else if (here != nullptr && (there == nullptr || !place || *place < there->offset)) {
      if (!settings.is_compacted) {
        result.difference = only_on_one_side(*here, Difference::Kind::missing);
        co_return;
      }
      ++result.missing;
      source.next_record();
    } else if (here == nullptr || there->offset < *place) {
      if (!settings.is_compacted) {
        result.difference = only_on_one_side(*there, Difference::Kind::extra);
        co_return;
      }
      ++result.extra;
      target.next_record();
    } else {
      result.difference = difference_of(*here, *there, !target.has_append_time());
      if (result.difference) co_return;
      ++result.records;
      ++result.decoded_records;
      source.next_record();
      target.next_record();
    }
  }
}

}  // namespace

Awaitable<Comparison> compare_logs(LogCursor& source, LogCursor& target, ComparisonSettings settings,
                                   std::function<void(std::uint64_t)> read) {
  Comparison result;
  try {
    co_await walk(source, target, settings, read, result);
  } catch (const LogError& error) {
    if (!error.is_damaged()) throw;
    result.difference = Difference{.kind = Difference::Kind::damaged,
                                   .offset = std::min(source.position(), target.position()),
                                   .text = error.what()};
  }
  co_return result;
}

}  // namespace shunt::replicate
