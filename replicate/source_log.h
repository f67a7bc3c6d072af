// Which log of the source it is, of which something was mirrored.
#pragma once

#include "protocol/ids.h"
#include "protocol/uuid.h"

namespace shunt::replicate {

/// As it was when everything that is in question was there.
struct SourceLog {
  protocol::Uuid topic_id = {};            // KIP-516; zero: not known
  protocol::LeaderEpoch leader_epoch{-1};  // KIP-320; -1: not known

  bool operator==(const SourceLog&) const = default;
};

}  // namespace shunt::replicate
