// Writes a heartbeat into the flow's target, as MirrorMaker 2's heartbeat connector does. Also for a flow that mirrors
// nothing: its heartbeats are what the opposite flow mirrors, and what tells clients on the other side where data comes from.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "replicate/admin/duty.h"
#include "replicate/control/own_topic.h"

namespace shunt::replicate {

struct HeartbeatsSettings {
  std::string source;  // aliases
  std::string target;
  std::chrono::seconds interval{1};     // emit.heartbeats.interval.seconds
  std::int16_t replication_factor = 3;  // heartbeats.topic.replication.factor
  std::int32_t produce_timeout_ms = 30'000;
};

class Heartbeats final : public Duty {
 public:
  /// `target` must outlive it.
  Heartbeats(Cluster& target, const HeartbeatsSettings& settings);

  [[nodiscard]] const char* name() const override { return "heartbeats"; }
  [[nodiscard]] net::Duration interval() const override { return settings_.interval; }
  net::Awaitable<> perform() override;

 private:
  const HeartbeatsSettings settings_;
  OwnTopic topic_;
};

}  // namespace shunt::replicate
