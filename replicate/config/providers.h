// Kafka's config providers: `${provider:path:key}` and `${provider:key}` in values, replaced by what an environment
// variable, a properties file or a file of a directory holds (KIP-297, KIP-421, KIP-887).
//
//   config.providers = env, file, dir
//   config.providers.env.class  = org.apache.kafka.common.config.provider.EnvVarConfigProvider      ${env:NAME}
//   config.providers.file.class = org.apache.kafka.common.config.provider.FileConfigProvider        ${file:/path:key}
//   config.providers.dir.class  = org.apache.kafka.common.config.provider.DirectoryConfigProvider   ${dir:/path:file}
//
// The parameters `allowlist.pattern` (env) and `allowed.paths` (file, dir) are obeyed. The names before `.class` are
// the user's choice. Kafka leaves what it cannot resolve in the value, where it ends as a strange password or host
// name; here it is an error.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "replicate/config/diagnostics.h"
#include "replicate/config/properties.h"

namespace shunt::replicate {

using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// The environment of this process.
std::optional<std::string> process_environment(const std::string& name);

/// The files and directories that values refer to.
std::vector<std::string> provider_paths(const Properties& properties);

/// Replaces every `${...}` in the values of `properties`, once: what a provider returns is not searched again.
/// Entries it changes are marked `from_provider`, and say how to have them again (`provided`).
void expand_providers(Properties& properties, const Environment& environment, Diagnostics& diagnostics);

}  // namespace shunt::replicate
