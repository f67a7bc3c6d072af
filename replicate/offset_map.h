// Where the records of a mapped partition are: source offsets to target offsets, exactly, at any distance.
//
// The map is a step function that changes only at holes and at other producers' records, so it is kept as runs: source
// offsets [source, source + records) lie at [target, target + records). Runs come in order and only at the end. They
// are kept packed, in blocks of about a thousand; a block is also what is stored in a record of the offset syncs topic
// (control/offset_syncs.h), so that a map is stored by storing the blocks that have changed.
//
// With every block goes the sequence number of its first record, and the producer epoch in which that counts: whoever
// reads the map back and asks the target for the last sequence of the flow's producer id knows how many records lie
// behind the map's end. And with the map goes which log of the source it is of: whoever asks the source where its leader
// epoch ends knows whether all of it is still there (KIP-320).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "protocol/ids.h"
#include "replicate/identity.h"
#include "replicate/source_log.h"

namespace shunt::replicate {

struct OffsetRun {
  protocol::Offset source;  // of its first record
  protocol::Offset target;
  std::int64_t records = 0;

  [[nodiscard]] protocol::Offset source_end() const { return source + records; }
  [[nodiscard]] protocol::Offset target_end() const { return target + records; }
  bool operator==(const OffsetRun&) const = default;
};

/// Appends `run` to `runs`, as a part of the last one where it follows without a gap on both sides.
void append_run(std::vector<OffsetRun>& runs, const OffsetRun& run);

/// A mirror's position in a partition: what comes next, on both sides.
struct MapTip {
  protocol::Offset source;
  protocol::Offset target;      // the log may be longer: others write to it, too
  protocol::Sequence sequence;  // of the next record
  protocol::ProducerEpoch epoch = first_epoch;

  bool operator==(const MapTip&) const = default;
};

/// A part of a map: where it begins, and runs from there on.
class OffsetBlock {
 public:
  /// `unplaced`: records written right before it that are in no run (OffsetMap::skip()).
  explicit OffsetBlock(const MapTip& begin, std::int32_t unplaced = 0)
      : begin_(begin), end_(begin), unplaced_(unplaced) {}

  /// From what packed() gave. Empty when it is malformed, or not in order.
  static std::optional<OffsetBlock> unpack(const MapTip& begin, std::int32_t unplaced,
                                           std::span<const std::byte> packed);
  /// Three varints a run: the gap before it on the source, the gap on the target, its records.
  [[nodiscard]] std::vector<std::byte> packed() const;

  /// `run` lies behind end() on both sides.
  void append(const OffsetRun& run);

  [[nodiscard]] const MapTip& begin() const { return begin_; }
  [[nodiscard]] const MapTip& end() const { return end_; }
  [[nodiscard]] std::int32_t unplaced() const { return unplaced_; }
  [[nodiscard]] std::size_t size() const { return size_; }  // in runs
  [[nodiscard]] std::vector<OffsetRun> runs() const;
  [[nodiscard]] std::optional<OffsetRun> first_run() const;  // behind begin(), where that is a hole

 private:
  MapTip begin_;
  MapTip end_;
  std::int32_t unplaced_;
  MapTip packed_end_ = begin_;
  std::vector<std::byte> packed_;  // all runs but the last
  std::optional<OffsetRun> last_;  // can still grow
  std::size_t size_ = 0;
};

class OffsetMap {
 public:
  /// A map of nothing yet: the mirror begins at `begin`.
  explicit OffsetMap(const MapTip& begin) : blocks_{OffsetBlock(begin)} {}

  /// A map that was stored begins with this block.
  explicit OffsetMap(OffsetBlock first, const SourceLog& source_log = {})
      : blocks_{std::move(first)}, source_log_(source_log), first_changed_(1) {}

  /// False, and nothing changes: `run` does not lie behind tip() on both sides.
  bool append(const OffsetRun& run);
  /// False: nor does one of these, and those from there on are left out.
  bool append(const std::vector<OffsetRun>& runs);
  /// So many records were written behind tip() that are not there any more, on one side or the other. What comes next
  /// lies at `source` and `target`, or behind them.
  void skip(std::int64_t records, protocol::Offset source, protocol::Offset target);
  /// The source has nothing between tip() and `source`, if that is behind it.
  void pass(protocol::Offset source);
  /// What comes next is written in another epoch, and lies at `source` and `target`, or behind them.
  void begin_epoch(protocol::ProducerEpoch epoch, protocol::Offset source, protocol::Offset target);
  /// This log of the source had everything below tip().
  void confirm(const SourceLog& source_log);
  /// A block as it was stored, with source_log(). It replaces everything from where it begins on, for a block is stored
  /// again while it grows. False, and nothing changes, when it does not go on where the map ends: one in between was not
  /// stored.
  bool restore(OffsetBlock block, const SourceLog& source_log = {});

  [[nodiscard]] const MapTip& tip() const { return blocks_.back().end(); }
  /// As last confirmed.
  [[nodiscard]] const SourceLog& source_log() const { return source_log_; }
  /// The run that holds `source`, or the first one behind it.
  [[nodiscard]] std::optional<OffsetRun> run_at(protocol::Offset source) const;
  /// Where the record at `source` is. Empty: there is none in the map at that offset.
  [[nodiscard]] std::optional<protocol::Offset> find(protocol::Offset source) const;
  /// Where a reader goes on whose next offset on the source is `source`: at the next record's place, or where the next
  /// one will be at the earliest.
  [[nodiscard]] protocol::Offset translate(protocol::Offset source) const;

  /// The source's offset of the first record at `target` or behind it; tip().source when there is none.
  [[nodiscard]] protocol::Offset translate_back(protocol::Offset target) const;

  [[nodiscard]] const std::vector<OffsetBlock>& blocks() const { return blocks_; }
  /// The last record before `block`, a run of one; none: there is none in the map.
  [[nodiscard]] std::optional<OffsetRun> last_before(std::size_t block) const;
  /// The first block that has changed since this was last asked, or the number of blocks.
  std::size_t take_first_changed();

 private:
  void begin_block(const MapTip& begin, std::int64_t unplaced);

  std::vector<OffsetBlock> blocks_;  // never empty
  SourceLog source_log_;
  std::size_t first_changed_ = 0;
};

/// Many questions to one map, in the order of the source's offsets. The map must outlive it, and stay as it is.
class OffsetMapCursor {
 public:
  explicit OffsetMapCursor(const OffsetMap& map) : map_(map) {}

  /// As OffsetMap::run_at().
  std::optional<OffsetRun> run_at(protocol::Offset source);

 private:
  const OffsetMap& map_;
  std::size_t next_block_ = 0;
  std::vector<OffsetRun> runs_;  // of the block before
  std::size_t run_ = 0;
};

}  // namespace shunt::replicate
