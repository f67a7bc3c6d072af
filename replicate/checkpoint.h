// A record of MirrorMaker 2's checkpoints topic, byte for byte as its Checkpoint class writes it:
//
//   key     group STRING | target topic STRING | partition INT32
//   value   version INT16 = 0 | source offset INT64 | target offset INT64 | metadata STRING
//
// A header, which MirrorMaker 2 does not look at, says what was last committed to the group itself on the target: a group
// that is deleted there is told from one that was never written.
//
//   "shunt.committed"   source offset INT64 | target offset INT64 | when INT64, milliseconds since 1970
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocol/ids.h"
#include "protocol/record.h"

namespace shunt::replicate {

struct Checkpoint {
  std::string group;
  std::string topic;  // of the target
  protocol::PartitionIndex partition;
  protocol::Offset source;
  protocol::Offset target;
  std::string metadata;

  struct Committed {
    protocol::Offset source;
    protocol::Offset target;
    std::int64_t time_ms = 0;
    bool operator==(const Committed&) const = default;
  };
  std::optional<Committed> committed;

  [[nodiscard]] std::vector<std::byte> key() const;
  [[nodiscard]] std::vector<std::byte> value() const;
  /// As protocol::Record has them.
  [[nodiscard]] std::vector<std::byte> headers() const;

  /// Empty when it is none, with the reason in `why`. A header that makes no sense counts as none.
  static std::optional<Checkpoint> parse(const protocol::Record& record, std::string& why);

  bool operator==(const Checkpoint&) const = default;
};

}  // namespace shunt::replicate
