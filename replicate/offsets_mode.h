// Which offsets a mirror gives its records.
#pragma once

namespace shunt::replicate {

/// Where a source's record lies on the target.
enum class OffsetsMode {
  identical,  // at its own offset; a target that does not allow it is refused
  mapped,     // anywhere, in order; which source offset became which is kept exactly
  automatic,  // identical where that is possible at a reasonable cost, otherwise mapped
};

}  // namespace shunt::replicate
