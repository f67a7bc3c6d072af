// Keeps the positions of a flow where MirrorMaker 2 keeps its own, so that it can go on where shunt has ended: in Connect's
// offset topic on the target, if there is one. shunt itself needs none of this.
#pragma once

#include <chrono>
#include <cstdint>

#include "replicate/admin/duty.h"
#include "replicate/admin/mirrored.h"
#include "replicate/control/connect_offsets.h"
#include "replicate/control/own_topic.h"

namespace shunt::replicate {

struct PositionsSettings {
  ConnectOffsetsSettings connect_offsets;
  std::chrono::milliseconds interval{60'000};  // offset.flush.interval.ms
  std::int32_t produce_timeout_ms = 30'000;
};

class Positions final : public Duty {
 public:
  /// `target` must outlive it.
  Positions(Cluster& target, const PositionsSettings& settings, AskPlaces ask);

  [[nodiscard]] const char* name() const override { return "positions"; }
  [[nodiscard]] net::Duration interval() const override { return settings_.interval; }
  [[nodiscard]] bool is_due_at_the_end() const override { return true; }
  net::Awaitable<> perform() override;

 private:
  Cluster& target_;
  const PositionsSettings settings_;
  const AskPlaces ask_;
  OwnTopic topic_;
  ConnectOffsets written_;
};

}  // namespace shunt::replicate
