// Reading the user's file for a command: warnings and errors go to standard error, all at once.
#pragma once

#include <optional>
#include <string>

#include "replicate/config/model.h"

namespace shunt::tools {

/// Nothing when the file cannot be used; everything there is to say has been said. Sets up logging: `log_level`, if not
/// empty, overrides the file's.
std::optional<replicate::Config> read_configuration(const std::string& file, const std::string& log_level);

/// The flow in the other direction, `target->source`, of a file that was read before: nothing is printed but errors.
std::optional<replicate::Config> read_reversed(const std::string& file, const std::string& source,
                                               const std::string& target);

}  // namespace shunt::tools
