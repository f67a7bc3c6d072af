// What enabled flows mean together: loops, collisions of names, a cluster mirrored onto itself, names no topic can
// have.
#pragma once

#include <vector>

#include "replicate/config/diagnostics.h"
#include "replicate/config/model.h"

namespace shunt::replicate {

/// `file`: where problems that are of no one line are said to be.
void check_flows(const std::vector<FlowConfig>& flows, const Location& file, Diagnostics& diagnostics);

}  // namespace shunt::replicate
