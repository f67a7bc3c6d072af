// Offset syncs of partitions whose offsets are identical, for MirrorMaker 2: what it needs to go on where this mirror has
// left off, and to translate offsets with its own means. One for every partition that has moved, once per interval:
// the last record's offset, which is the same on both sides. Maps of offsets are not its business
// (control/offset_syncs.h): the records here are appended plainly, under no producer id, and carry none.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "replicate/admin/duty.h"
#include "replicate/admin/mirrored.h"
#include "replicate/control/own_topic.h"

namespace shunt::replicate {

struct PlainSyncsSettings {
  std::string topic;
  bool is_on_target = false;
  std::int16_t replication_factor = 3;
  std::int32_t produce_timeout_ms = 30'000;
  std::chrono::seconds interval{60};
};

class PlainSyncs final : public Duty {
 public:
  /// `cluster`: where the topic is; must outlive it.
  PlainSyncs(Cluster& cluster, PlainSyncsSettings settings, AskPlaces ask);

  [[nodiscard]] const char* name() const override { return "offset syncs"; }
  [[nodiscard]] net::Duration interval() const override { return settings_.interval; }
  [[nodiscard]] bool is_due_at_the_end() const override { return true; }
  net::Awaitable<> perform() override;

 private:
  const PlainSyncsSettings settings_;
  const AskPlaces ask_;
  OwnTopic topic_;
  std::map<TopicPartition, protocol::Offset> written_;
};

}  // namespace shunt::replicate
