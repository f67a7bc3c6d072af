// What `shunt failover` and `shunt failback` have found and done (replicate/failover/handover.h): for people, and as one
// JSON object with keys that stay.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "replicate/failover/handover.h"

namespace shunt::tools {

struct HandoverResult {
  enum class Command { failover, failback, take_mark_away };
  Command command = Command::failover;
  replicate::Handover handover;
  std::string source;  // aliases, of the flow that clients move along: from the one to the other
  std::string target;
  std::string forward_flow;       // that the mark is about: "A->B"
  std::string bootstrap_servers;  // of `target`
  std::string no_way_back;        // why a flow that fails over cannot fail back; empty: it can
  bool is_dry_run = false;
  bool is_forced = false;
  bool is_done = false;       // the mark is there, or gone
  std::int64_t time_ms = -1;  // of that
  std::uint64_t records = 0;  // that the final sync has copied
  /// What came between the look and the mark; why that could not be told.
  std::vector<replicate::HandoverGrowth> late;
  std::string late_unknown;

  /// Some of that the target has not got, or it cannot be told.
  [[nodiscard]] bool is_late_missing() const;
};

std::string handover_text(const HandoverResult& result);
std::string handover_json(const HandoverResult& result);

}  // namespace shunt::tools
