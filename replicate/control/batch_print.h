// A record batch as it can be recognised in another cluster: what its header says of place and shape, and a digest of
// its payload. Fields that are restamped on the way (leader epoch, producer, CRC, attributes beyond the codec) are not
// part of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "protocol/compression.h"
#include "protocol/ids.h"
#include "replicate/control/leaders.h"

namespace shunt::replicate {

struct BatchPrint {
  protocol::Offset base_offset;
  std::int32_t last_offset_delta = 0;
  std::int32_t record_count = 0;
  std::int64_t size = 0;  // bytes of the whole batch
  protocol::Codec codec = protocol::Codec::none;
  bool is_control = false;
  bool is_log_append_time = false;
  bool is_old_format = false;  // a message of format 0 or 1, or a compressed one with all that is in it
  std::int64_t base_timestamp_ms = -1;
  protocol::ProducerId producer_id{-1};      // not compared: a mirror writes under its own
  std::uint64_t payload_digest[2] = {0, 0};  // XXH3, 128 bits

  [[nodiscard]] protocol::Offset next_offset() const { return base_offset + (std::int64_t{last_offset_delta} + 1); }
  /// Compaction has not thinned it.
  [[nodiscard]] bool is_dense() const { return std::int64_t{record_count} == std::int64_t{last_offset_delta} + 1; }

  /// Of the batch that `records` begins with. Empty: cut off, malformed, or of an unknown format; `why` says which.
  static std::optional<BatchPrint> of(std::span<const std::byte> records, std::string& why);
};

/// The target's batch is the source's, byte by byte. Otherwise it may still hold the same records: compaction thins a
/// batch, a detour rewrites it, a target topic with a compression.type of its own has it recompressed, a replicator that
/// re-encodes packs records as it likes.
bool is_copy(const BatchPrint& source, const BatchPrint& target);

/// The batch that contains, or else follows, the given offset in each partition (read uncommitted). An offset outside
/// the log is answered with OFFSET_OUT_OF_RANGE (1); one that is not below the high watermark yet may be retried. Needs
/// Read. Memory: a fraction of a MiB for each request under way, or one batch where batches are larger.
net::Awaitable<Answers<BatchPrint>> batches_at(Cluster& cluster, std::map<TopicPartition, protocol::Offset> offsets,
                                               LeaderSettings settings = {});

}  // namespace shunt::replicate
