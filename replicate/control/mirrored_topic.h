// A topic of a replication: which topics on either side it is, and what becomes of all its partitions together when one
// of them is no longer there, or is another one.
//
//   mirrored --> closing --> failed        until an operator has looked, or the topics have changed again
//                   |
//                   +--> removing --> anew --> mirrored      with new identities, from the source's start
//                   +-----------------^
//
//   closing    its flows settle and its detours end; nobody writes any more
//   removing   the target topic is being deleted (control/topic_removal.h)
//   anew       waits for the next look at both clusters, which creates what is missing
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "net/loop.h"
#include "protocol/ids.h"
#include "replicate/condition.h"
#include "replicate/control/topic_identity.h"

namespace shunt::replicate {

struct MirroredTopic {
  enum class Stage { mirrored, closing, removing, anew, failed };

  MirroredTopic(std::string source_name, std::string target_name, const protocol::Uuid& source_id,
                const protocol::Uuid& target_id)
      : source_topic(std::move(source_name)),
        target_topic(std::move(target_name)),
        source(source_id),
        target(target_id) {}

  const std::string source_topic;
  const std::string target_topic;
  TopicIdentity source;
  TopicIdentity target;
  Stage stage = Stage::mirrored;
  std::optional<Condition> condition;  // why it is closed
  std::string reason;
  /// Of the source: so many were there when it was first seen. Of all others everything is mirrored, wherever a mirror
  /// begins: it has come since.
  std::int32_t old_partitions = 0;
  /// From where those are mirrored that the target has no place for any more, should it have one again.
  std::map<protocol::PartitionIndex, protocol::Offset> left_beginnings;
  bool is_being_removed = false;  // a coroutine is at it
  net::Time due{};                // removing: not before
};

}  // namespace shunt::replicate
