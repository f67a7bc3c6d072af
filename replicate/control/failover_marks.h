// The topic of failover marks (failover_mark.h) on a flow's target.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/uuid.h"
#include "replicate/control/own_topic.h"
#include "replicate/failover_mark.h"

namespace shunt::replicate {

struct FailoverMarksSettings {
  std::string topic;  // empty: nobody looks
  std::string flow;   // "A->B"
  std::int16_t replication_factor = 3;
  std::int32_t produce_timeout_ms = 30'000;
};

class FailoverMarks {
 public:
  /// `target` must outlive it.
  FailoverMarks(Cluster& target, FailoverMarksSettings settings);

  [[nodiscard]] const std::string& topic() const { return topic_.name(); }
  /// The flow's mark as it is now; empty: it has not failed over. Throws UnauthorizedError where this user may not see it,
  /// ClusterError, LogError or net::BrokerError when it cannot be told now.
  net::Awaitable<std::optional<FailoverMark>> read();
  /// Until read() may have news, at most so long: the topic's leader answers as soon as there are records. Ends at once where
  /// nothing can be waited for: there is no topic, or its leader cannot be asked. The question holds up every later one to
  /// that broker: who has others gives it a Cluster of its own.
  net::Awaitable<> wait(net::Duration at_most);
  /// Both throw as OwnTopic, and may be repeated.
  net::Awaitable<> write(FailoverMark mark);
  net::Awaitable<> remove(FailoverMark mark);

 private:
  [[nodiscard]] TopicPartition place() const { return {topic_.name(), protocol::PartitionIndex(0)}; }
  net::Awaitable<> append(std::vector<FailoverRecord> records);

  Cluster& target_;
  const FailoverMarksSettings settings_;
  OwnTopic topic_;
  protocol::Uuid topic_id_;
  std::optional<protocol::Offset> read_to_;  // of that topic; unset: there was none
  std::optional<FailoverMark> mark_;         // as of there
};

/// "failed over to B at 2026-01-31T00:00:00Z; shunt failback FILE brings it back, or says what else can be done".
std::string failed_over_text(const FailoverMark& mark, const std::string& target);

/// "2026-01-31T00:00:00Z".
std::string utc_text(std::int64_t time_ms);

}  // namespace shunt::replicate
