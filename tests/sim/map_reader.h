// The offset syncs topic as a process reads it that begins: with the project's own reader, over the simulated network.
#pragma once

#include <string>

#include "replicate/control/cluster.h"
#include "replicate/control/offset_syncs.h"
#include "replicate/control/replication.h"
#include "tests/sim/channel.h"
#include "tests/sim/network.h"

namespace shunt::sim {

class MapReader {
 public:
  /// `client.network` is filled in.
  MapReader(Network& network, const replicate::ReplicationSettings& settings);
  ~MapReader() { context_.abandon(); }
  MapReader(const MapReader&) = delete;
  MapReader& operator=(const MapReader&) = delete;

  /// Lets time pass until everything is read. Empty, or why it cannot be.
  std::string read();
  [[nodiscard]] const replicate::OffsetSyncs& syncs() const { return syncs_; }

 private:
  World& world_;
  bool is_stirred_ = true;
  Context context_;
  SimLoop loop_;
  replicate::Cluster cluster_;
  replicate::OffsetSyncs syncs_;
};

}  // namespace shunt::sim
