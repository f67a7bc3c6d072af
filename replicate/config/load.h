// From a MirrorMaker 2 file to a checked Config: parse, resolve ${...}, check the keys, read the values, check what
// belongs together. Every problem of the file is reported, not only the first.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "replicate/config/diagnostics.h"
#include "replicate/config/model.h"
#include "replicate/config/properties.h"
#include "replicate/config/providers.h"

namespace shunt::replicate {

struct LoadOptions {
  /// `--clusters` of connect-mirror-maker.sh: run only flows into these. Empty: all flows.
  std::vector<std::string> target_aliases;
  Environment environment = process_environment;
  /// Of the flow with these aliases (source, target): the flow in the other direction alone, with that one's own keys if
  /// the file has any, else with this one's.
  std::optional<std::pair<std::string, std::string>> reversed;
};

struct LoadedConfig {
  std::optional<Config> config;  // held exactly when there are no errors
  Diagnostics diagnostics;
};

LoadedConfig load_config(const std::string& path, const LoadOptions& options = {});

/// The same from settings already parsed; `name` is what messages call their file.
LoadedConfig load_config(Properties properties, const std::string& name, const LoadOptions& options = {});

}  // namespace shunt::replicate
