// What stands for the head of a log that the source no longer has: batches of records that mean nothing and weigh next
// to nothing (0.6 bytes each), deleted again before readers come. Markers (hole_filler.h) would do without being deleted,
// at a hundred times the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "protocol/record_batch.h"

namespace shunt::replicate {

/// A dense batch as a Produce request carries it. The records have a key, so that a compacted topic takes them too.
std::vector<std::byte> padding_batch(std::int32_t records, std::int64_t timestamp_ms, const protocol::Stamp& stamp);

/// Whether a batch that was read back, in whatever codec the target keeps, is padding and nothing else.
bool is_padding(std::span<const std::byte> batch);

}  // namespace shunt::replicate
