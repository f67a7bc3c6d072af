// Any bytes as a configuration file: parsed, resolved, checked, loaded. The environment is empty and no provider reads
// files.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "replicate/config/load.h"

using namespace shunt::replicate;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Diagnostics diagnostics;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Properties properties = parse_properties(text, "fuzz", diagnostics);
  for (const auto& [key, entry] : properties) {
    if (key.empty() || key != entry.key || entry.where.line == 0) std::abort();
    if (key.size() > kPropertiesKeyLimitBytes || entry.value.reveal().size() > 2 * kPropertiesValueLimitBytes)
      std::abort();
    if (entry.value.reveal().find("Provider") != std::string_view::npos) return 0;  // would read files the fuzzer names
  }
  LoadOptions options;
  options.environment = [](const std::string&) { return std::nullopt; };
  const LoadedConfig loaded = load_config(std::move(properties), "fuzz", options);
  if (loaded.config.has_value() == loaded.diagnostics.has_errors()) std::abort();
  for (const Diagnostic& diagnostic : loaded.diagnostics.sorted()) {
    if (diagnostic.to_string().empty()) std::abort();
  }
  if (loaded.config) {
    for (const FlowConfig& flow : loaded.config->flows) {
      if (flow.source == flow.target || flow.source_consumer.bootstrap_servers.empty()) std::abort();
      if (flow.mirrors("__consumer_offsets")) std::abort();
    }
  }
  return 0;
}
