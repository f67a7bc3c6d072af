// Which records of a transactional log are mirrored (KIP-98).
#pragma once

#include <cstdint>

namespace shunt::replicate {

/// The values are those of a Fetch request.
enum class Isolation : std::int8_t {
  read_uncommitted = 0,  // everything, aborted records too, as MirrorMaker 2 does by default
  read_committed = 1,    // what was committed, when it is
};

}  // namespace shunt::replicate
