// Which topics come back to where they are from, and would be mirrored again and again: flows that keep names, and lead
// from one cluster to another and back. A flow that leaves out what its opposite has brought (loop_guard.h) takes
// nothing back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "replicate/config/model.h"

namespace shunt::replicate {

/// The shortest loop through each flow that keeps names, whatever they select; each set of flows once.
std::vector<std::vector<const FlowConfig*>> loops_of_names(const std::vector<FlowConfig>& flows);

/// The flows, `first` the first, by which `topic` of its source comes back to there, under whatever name, and would be
/// mirrored by it again. Empty: it does not.
std::vector<const FlowConfig*> loop_of_topic(const std::vector<FlowConfig>& flows, const FlowConfig& first,
                                             std::string_view topic);

/// "A->B and B->A".
std::string names_of(const std::vector<const FlowConfig*>& flows);

}  // namespace shunt::replicate
