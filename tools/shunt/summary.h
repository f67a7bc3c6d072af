// What a run has done, at its end: for people and, as one JSON object, for machines.
#pragma once

#include <map>
#include <string>

#include "replicate/status.h"

namespace shunt::tools {

struct Summary {
  std::uint64_t records = 0;
  std::uint64_t batches = 0;
  std::uint64_t bytes = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t refetched_bytes = 0;
  std::uint64_t slow_path_batches = 0;
  std::uint64_t filled_offsets = 0;
  std::uint64_t lost_offsets = 0;
  std::uint64_t interruptions = 0;
  std::map<replicate::Condition, std::uint64_t> conditions;  // those that were met, and how often
  double seconds = 0;
  double user_cpu_seconds = 0;
  double system_cpu_seconds = 0;
  std::uint64_t peak_memory_bytes = 0;

  /// User and system CPU per 10^9 bytes of record batches; 0 when nothing was copied.
  [[nodiscard]] double cpu_seconds_per_gb() const;
};

/// CPU and memory are the whole process's so far.
Summary summarise(const replicate::MirrorStatus& status);

std::string summary_text(const Summary& summary, const replicate::MirrorStatus& status);
std::string summary_json(const Summary& summary, const replicate::MirrorStatus& status);

}  // namespace shunt::tools
