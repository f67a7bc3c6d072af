#include "replicate/offset_map.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

namespace shunt::replicate {

using protocol::Offset;
using protocol::Sequence;

namespace {

// A block is stored whole whenever it has grown: some 4 KB.
constexpr std::size_t most_runs = 1000;

// Seven bits a byte, the lowest first.
void put_varint(std::vector<std::byte>& into, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) into.push_back(static_cast<std::byte>(value | 0x80));
  into.push_back(static_cast<std::byte>(value));
}

/// Takes a varint off the front of `from`. Empty: cut off, or not a count of offsets.
std::optional<std::int64_t> take_varint(std::span<const std::byte>& from) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 63 && !from.empty(); shift += 7) {
    const auto byte = std::to_integer<std::uint64_t>(from.front());
    from = from.subspan(1);
    value |= (byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return static_cast<std::int64_t>(value);
  }
  return std::nullopt;
}

bool follows(const OffsetRun& before, const OffsetRun& run) {
  return before.source_end() == run.source && before.target_end() == run.target;
}

void pack(std::vector<std::byte>& into, const MapTip& before, const OffsetRun& run) {
  put_varint(into, static_cast<std::uint64_t>(run.source - before.source));
  put_varint(into, static_cast<std::uint64_t>(run.target - before.target));
  put_varint(into, static_cast<std::uint64_t>(run.records));
}

/// Of what pack() has made, in a block that was checked when it was unpacked.
OffsetRun take_run(std::span<const std::byte>& from, const MapTip& before) {
  const auto source_gap = take_varint(from);
  const auto target_gap = take_varint(from);
  const auto records = take_varint(from);
  return {.source = before.source + source_gap.value(),
          .target = before.target + target_gap.value(),
          .records = records.value()};
}

void advance(MapTip& tip, const OffsetRun& run) {
  tip = {.source = run.source_end(),
         .target = run.target_end(),
         .sequence = tip.sequence.advanced(run.records),
         .epoch = tip.epoch};
}

/// Whether offsets stay offsets when `count` is added to them.
bool has_room(Offset offset, std::int64_t count) {
  return count <= std::numeric_limits<std::int64_t>::max() - offset.value();
}

}  // namespace

void append_run(std::vector<OffsetRun>& runs, const OffsetRun& run) {
  if (!runs.empty() && follows(runs.back(), run)) {
    runs.back().records += run.records;
  } else {
    runs.push_back(run);
  }
}

// ---- Blocks ---------------------------------------------------------------------------------------------------------

void OffsetBlock::append(const OffsetRun& run) {
  assert(run.records > 0 && run.source >= end_.source && run.target >= end_.target);
  if (last_ && follows(*last_, run)) {
    last_->records += run.records;
  } else {
    if (last_) {
      pack(packed_, packed_end_, *last_);
      advance(packed_end_, *last_);
    }
    last_ = run;
    ++size_;
  }
  advance(end_, run);
}

std::vector<std::byte> OffsetBlock::packed() const {
  std::vector<std::byte> all = packed_;
  if (last_) pack(all, packed_end_, *last_);
  return all;
}

std::optional<OffsetBlock> OffsetBlock::unpack(const MapTip& begin, std::int32_t unplaced,
                                               std::span<const std::byte> packed) {
  OffsetBlock block(begin, unplaced);
  while (!packed.empty()) {
    const auto source_gap = take_varint(packed);
    const auto target_gap = take_varint(packed);
    const auto records = take_varint(packed);
    const MapTip& end = block.end_;
    if (!source_gap || !target_gap || !records || *records == 0) return std::nullopt;
    if (!has_room(end.source, *source_gap) || !has_room(end.source + *source_gap, *records)) return std::nullopt;
    if (!has_room(end.target, *target_gap) || !has_room(end.target + *target_gap, *records)) return std::nullopt;
    block.append({.source = end.source + *source_gap, .target = end.target + *target_gap, .records = *records});
  }
  return block;
}

std::vector<OffsetRun> OffsetBlock::runs() const {
  std::vector<OffsetRun> runs;
  runs.reserve(size_);
  MapTip tip = begin_;
  for (std::span<const std::byte> left = packed_; !left.empty();) {
    runs.push_back(take_run(left, tip));
    advance(tip, runs.back());
  }
  if (last_) runs.push_back(*last_);
  return runs;
}

std::optional<OffsetRun> OffsetBlock::first_run() const {
  if (packed_.empty()) return last_;
  std::span<const std::byte> left = packed_;
  return take_run(left, begin_);
}

// ---- The map --------------------------------------------------------------------------------------------------------

bool OffsetMap::append(const OffsetRun& run) {
  if (run.source < tip().source || run.target < tip().target) return false;
  if (blocks_.back().size() >= most_runs) blocks_.emplace_back(blocks_.back().end());
  first_changed_ = std::min(first_changed_, blocks_.size() - 1);
  blocks_.back().append(run);
  return true;
}

bool OffsetMap::append(const std::vector<OffsetRun>& runs) {
  return std::ranges::all_of(runs, [this](const OffsetRun& run) { return append(run); });
}

void OffsetMap::skip(std::int64_t records, Offset source, Offset target) {
  begin_block({.source = source, .target = target, .sequence = tip().sequence.advanced(records), .epoch = tip().epoch},
              records);
}

void OffsetMap::pass(Offset source) {
  if (source <= tip().source) return;
  begin_block({.source = source, .target = tip().target, .sequence = tip().sequence, .epoch = tip().epoch}, 0);
}

void OffsetMap::begin_epoch(protocol::ProducerEpoch epoch, Offset source, Offset target) {
  assert(epoch > tip().epoch);
  begin_block({.source = source, .target = target, .sequence = Sequence(0), .epoch = epoch}, 0);
}

void OffsetMap::confirm(const SourceLog& source_log) {
  if (source_log == source_log_) return;
  source_log_ = source_log;
  first_changed_ = std::min(first_changed_, blocks_.size() - 1);
}

void OffsetMap::begin_block(const MapTip& begin, std::int64_t unplaced) {
  assert(begin.source >= tip().source && begin.target >= tip().target);
  // Of two blocks that begin at the same offset of the source only one would be found again.
  if (blocks_.back().begin().source == begin.source) {
    unplaced += blocks_.back().unplaced();
    blocks_.pop_back();
  }
  blocks_.emplace_back(begin, static_cast<std::int32_t>(unplaced));
  first_changed_ = std::min(first_changed_, blocks_.size() - 1);
}

bool OffsetMap::restore(OffsetBlock block, const SourceLog& source_log) {
  const auto replaced = std::find_if(blocks_.begin(), blocks_.end(), [&block](const OffsetBlock& known) {
    return known.begin().source >= block.begin().source;
  });
  if (replaced != blocks_.begin()) {
    const MapTip& before = (replaced - 1)->end();
    const MapTip& begin = block.begin();
    // There may be a hole between them, but no record.
    const bool follows = begin.epoch == before.epoch ? begin.sequence == before.sequence.advanced(block.unplaced())
                                                     : begin.epoch > before.epoch && begin.sequence == Sequence(0);
    if (!follows || begin.source < before.source || begin.target < before.target) return false;
  }
  blocks_.erase(replaced, blocks_.end());
  blocks_.push_back(std::move(block));
  source_log_ = source_log;
  first_changed_ = blocks_.size();
  return true;
}

std::optional<OffsetRun> OffsetMap::last_before(std::size_t block) const {
  while (block-- > 0) {
    const MapTip& end = blocks_[block].end();
    if (blocks_[block].size() > 0) return OffsetRun{.source = end.source - 1, .target = end.target - 1, .records = 1};
  }
  return std::nullopt;
}

std::size_t OffsetMap::take_first_changed() {
  return std::exchange(first_changed_, blocks_.size());
}

std::optional<OffsetRun> OffsetMap::run_at(Offset source) const {
  // A block's end is the beginning of the next one: no other can hold it.
  auto block = std::upper_bound(blocks_.begin(), blocks_.end(), source,
                                [](Offset offset, const OffsetBlock& one) { return offset < one.begin().source; });
  if (block != blocks_.begin()) --block;
  for (; block != blocks_.end(); ++block) {
    if (block->end().source <= source) continue;
    for (const OffsetRun& run : block->runs()) {
      if (source < run.source_end()) return run;
    }
  }
  return std::nullopt;
}

Offset OffsetMap::translate(Offset source) const {
  const std::optional<OffsetRun> run = run_at(source);
  return run ? run->target + std::max<std::int64_t>(0, source - run->source) : tip().target;
}

Offset OffsetMap::translate_back(Offset target) const {
  for (const OffsetBlock& block : blocks_) {
    if (block.end().target <= target) continue;
    for (const OffsetRun& run : block.runs()) {
      if (target < run.target_end()) return run.source + std::max<std::int64_t>(0, target - run.target);
    }
  }
  return tip().source;
}

std::optional<Offset> OffsetMap::find(Offset source) const {
  const std::optional<OffsetRun> run = run_at(source);
  if (!run || source < run->source) return std::nullopt;
  return run->target + (source - run->source);
}

std::optional<OffsetRun> OffsetMapCursor::run_at(Offset source) {
  for (;;) {
    for (; run_ < runs_.size(); ++run_) {
      if (source < runs_[run_].source_end()) return runs_[run_];
    }
    if (next_block_ == map_.blocks().size()) return std::nullopt;
    runs_ = map_.blocks()[next_block_++].runs();
    run_ = 0;
  }
}

}  // namespace shunt::replicate
