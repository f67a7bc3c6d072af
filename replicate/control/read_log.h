// A stretch of a partition's log as the control plane reads it: whole batches, one partition at a time. The data path
// reads with replicate/data/source.h instead.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "protocol/ids.h"
#include "protocol/record_batch.h"
#include "protocol/records.h"
#include "replicate/control/cluster.h"
#include "replicate/data/batch_kind.h"
#include "replicate/isolation.h"
#include "replicate/loop_guard.h"
#include "replicate/source_log.h"

namespace shunt::replicate {

struct LogBatch {
  /// A whole batch of format 2; or of the older formats one compressed message, or uncompressed ones in a row.
  std::span<const std::byte> bytes;
  BatchKind kind = BatchKind::plain;
  protocol::Offset next_offset;  // the one after its last

  /// Not of BatchKind::old_format.
  [[nodiscard]] protocol::RecordBatchHeader header() const { return protocol::RecordBatchHeader::of(bytes); }
  /// Written under this producer id; the older formats have none.
  [[nodiscard]] bool is_by(protocol::ProducerId writer) const {
    return kind != BatchKind::old_format && header().producer_id() == writer;
  }
};

/// As of a header (data/batch_kind.h). Of the older formats nobody can tell without opening them.
inline bool has_gap(const LogBatch& batch, protocol::Offset position) {
  return batch.kind == BatchKind::old_format || has_gap(batch.header(), batch.kind, position);
}

struct LogStretch {
  LogStretch() = default;
  LogStretch(LogStretch&&) = default;  // `batches` go on pointing into `records`
  LogStretch& operator=(LogStretch&&) = default;

  /// Kafka's, of the partition; not 0: the rest says nothing. THROTTLING_QUOTA_EXCEEDED: nothing this time, and the
  /// next request to this broker waits by itself.
  std::int16_t error_code = 0;
  protocol::Offset log_start{-1};
  protocol::Offset high_watermark{-1};
  protocol::Offset last_stable_offset{-1};
  protocol::Records records;      // as they came; the last batch may be cut off
  std::vector<LogBatch> batches;  // the whole ones, in order. Empty though there are records: they make no sense
};

/// What the leader has from `offset` on: about `bytes`, but at least one whole batch if there is any within
/// `max_wait_ms`. With read_committed the batches of aborted transactions are BatchKind::nothing, and so are those that
/// `loop_guard` meets. `of`: only of this log, as far as it is known; otherwise UNKNOWN_TOPIC_OR_PARTITION,
/// NOT_LEADER_OR_FOLLOWER or FENCED_LEADER_EPOCH. From brokers that know topics by their ids (Fetch 13, Kafka 3.1)
/// nothing is read of another topic than the one that `cluster` knows, even if it has taken its name meanwhile. Throws
/// net::BrokerError, and ClusterError for headers that no log can have (negative counts, offsets beyond all bounds).
net::Awaitable<LogStretch> read_log(Cluster& cluster, TopicPartition partition, protocol::Offset offset,
                                    std::int32_t bytes, Isolation isolation, std::int32_t max_wait_ms = 0,
                                    SourceLog of = {}, LoopGuard loop_guard = {});

}  // namespace shunt::replicate
