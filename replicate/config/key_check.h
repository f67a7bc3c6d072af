// Says of every line of a file whether shunt knows its key, whether it stands where it counts, and whether it does
// anything: unknown and misspelt keys, keys at the wrong level, old names, keys without effect, features that are not
// there. What the values mean is not looked at here, save whether they ask for something that is not supported.
#pragma once

#include <string>
#include <vector>

#include "replicate/config/diagnostics.h"
#include "replicate/config/properties.h"

namespace shunt::replicate {

/// `aliases`: the clusters of the file.
void check_keys(const Properties& properties, const std::vector<std::string>& aliases, Diagnostics& diagnostics);

}  // namespace shunt::replicate
