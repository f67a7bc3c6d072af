#include "tools/shunt/configuration.h"

#include <cstdio>

#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "replicate/config/load.h"
#include "tools/shunt/core_dumps.h"
#include "tools/shunt/log_pattern.h"

namespace shunt::tools {

namespace {

spdlog::level::level_enum level_of(replicate::LogLevel level) {
  switch (level) {
    case replicate::LogLevel::trace:
      return spdlog::level::trace;
    case replicate::LogLevel::debug:
      return spdlog::level::debug;
    case replicate::LogLevel::info:
      return spdlog::level::info;
    case replicate::LogLevel::warn:
      return spdlog::level::warn;
    case replicate::LogLevel::error:
      return spdlog::level::err;
    case replicate::LogLevel::off:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

}  // namespace

std::optional<replicate::Config> read_configuration(const std::string& file, const std::string& log_level) {
  auto logger = spdlog::stderr_color_mt("shunt");
  logger->set_pattern(log_pattern);
  spdlog::set_default_logger(logger);

  forbid_core_dumps();
  replicate::LoadedConfig loaded = replicate::load_config(file);
  for (const replicate::Diagnostic& diagnostic : loaded.diagnostics.sorted()) {
    fmt::print(stderr, "{}\n", diagnostic.to_string());
  }
  if (!loaded.config) {
    fmt::print(stderr, "shunt: {} cannot be used; nothing was started\n", file);
    return std::nullopt;
  }
  spdlog::set_level(log_level.empty() ? level_of(loaded.config->process.log_level)
                                      : spdlog::level::from_str(log_level == "error" ? "err" : log_level));
  apply_core_dumps(*loaded.config);
  return std::move(loaded.config);
}

std::optional<replicate::Config> read_reversed(const std::string& file, const std::string& source,
                                               const std::string& target) {
  replicate::LoadOptions options;
  options.reversed.emplace(source, target);
  replicate::LoadedConfig loaded = replicate::load_config(file, options);
  if (loaded.config) return std::move(loaded.config);
  for (const replicate::Diagnostic& diagnostic : loaded.diagnostics.sorted())
    fmt::print(stderr, "{}\n", diagnostic.to_string());
  fmt::print(stderr, "shunt: {} cannot be used for the flow {}->{}; nothing was started\n", file, target, source);
  return std::nullopt;
}

}  // namespace shunt::tools
