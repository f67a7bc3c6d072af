// A mirror's status as Prometheus text (exposition format 0.0.4). Pure.
#pragma once

#include <string>

#include "replicate/status.h"

namespace shunt::replicate {

/// What the process as a whole has used.
struct ProcessUsage {
  std::string version;  // of the program
  double cpu_seconds = 0;
  std::uint64_t resident_bytes = 0;
};
ProcessUsage process_usage(std::string version);

/// Names beginning with shunt_, and those of MirrorMaker 2 (as Strimzi's boards read them) where they mean the same.
std::string prometheus_text(const MirrorStatus& status, const ProcessUsage& usage);

/// Empty: all is well. Otherwise what is not, a line each.
std::string health_problems(const MirrorStatus& status);

}  // namespace shunt::replicate
