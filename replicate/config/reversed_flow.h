// The settings of a flow in the other direction.
#pragma once

#include <string>

#include "replicate/config/properties.h"

namespace shunt::replicate {

/// Turns `source->target` off and `target->source` on. Where the file says nothing of the latter but whether it is enabled,
/// it gets the settings of the former; those of the clusters at either end (`source.cluster.`, `target.cluster.`) change
/// places.
void reverse_flow(Properties& properties, const std::string& source, const std::string& target);

}  // namespace shunt::replicate
