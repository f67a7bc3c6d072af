// A record of Kafka Connect's offset topic as MirrorMaker 2's source connector keeps its position in it, byte for byte, so
// that either can go on where the other has stopped:
//
//   key     ["MirrorSourceConnector",{"cluster":"A","partition":0,"topic":"orders"}]
//   value   {"offset":41}                the last offset of the source that was copied; null: forgotten
//
// Connect finds the key by its bytes, and the topic's partition by their hash, as any producer of records with keys does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocol/ids.h"

namespace shunt::replicate {

struct ConnectOffset {
  std::string connector;  // `name` of the connector
  std::string cluster;    // alias of the source
  std::string topic;      // of the source
  protocol::PartitionIndex partition;
  std::optional<protocol::Offset> next;  // the first that was not copied; empty: forgotten

  [[nodiscard]] std::vector<std::byte> key() const;
  [[nodiscard]] std::vector<std::byte> value() const;  // `next` is set, and not 0
  /// Empty: some other connector's, which are in the same topic.
  static std::optional<ConnectOffset> parse(std::span<const std::byte> key,
                                            const std::optional<std::span<const std::byte>>& value);
};

/// Where a producer puts a record with this key (BuiltInPartitioner: murmur2).
std::int32_t partition_of_key(std::span<const std::byte> key, std::int32_t partitions);

}  // namespace shunt::replicate
