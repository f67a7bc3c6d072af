// A record of MirrorMaker 2's offset syncs topic, byte for byte as its OffsetSync class reads and writes it, with what
// exactness needs behind it, where that class does not look:
//
//   key     topic STRING | partition INT32                     | producer id INT64 | source offset INT64
//   value   upstream offset INT64 | downstream offset INT64    | format INT8 = 4 | producer id INT64
//                                                              | source offset INT64 | target offset INT64
//                                                              | producer epoch INT16 | sequence INT32
//                                                              | unplaced INT32
//                                                              | source topic id UUID | source leader epoch INT32
//                                                              | packed runs (offset_map.h)
//
// The id and the offset in the key, where the block begins, give every block of a map a key of its own, so that
// compaction of the topic (it is compacted) keeps them all. MirrorMaker 2 sees the first record of each block as one of
// its syncs: not the block's beginning, which may be a hole, for it takes whatever is behind a sync to lie behind that on
// the target, too, and would lead groups past the first record. A block without records says where the last record before
// it is; the first one of a map "right before it begins". A record with nothing behind MirrorMaker 2's part is one of its
// own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/ids.h"
#include "replicate/offset_map.h"

namespace shunt::replicate {

struct OffsetSync {
  std::string topic;  // of the source
  protocol::PartitionIndex partition;
  protocol::Offset upstream;
  protocol::Offset downstream;  // of a block without records: -1 where it begins at 0

  /// What shunt adds.
  struct Extension {
    protocol::ProducerId identity;  // of everything the flow writes: the map is of no use to another
    OffsetBlock block;
    SourceLog source_log = {};  // OffsetMap::source_log(), when the block was stored
  };
  std::optional<Extension> extension;

  /// `before`: the last record in the map before the block.
  static OffsetSync of(std::string_view topic, protocol::PartitionIndex partition, Extension extension,
                       std::optional<OffsetRun> before = {});

  [[nodiscard]] std::vector<std::byte> key() const;
  [[nodiscard]] std::vector<std::byte> value() const;
  /// Empty when it is none, with the reason in `why`.
  static std::optional<OffsetSync> parse(std::span<const std::byte> key, std::span<const std::byte> value,
                                         std::string& why);
};

}  // namespace shunt::replicate
