#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "replicate/metrics/server.h"
#include "replicate/mirror.h"
#include "tools/shunt/commands.h"
#include "tools/shunt/configuration.h"
#include "tools/shunt/progress.h"
#include "tools/shunt/summary.h"

namespace shunt::tools {

using namespace std::chrono_literals;

namespace {

/// Waits for SIGINT or SIGTERM, for so long. True: one came.
bool wait_for_signal(std::chrono::milliseconds time) {
  sigset_t awaited;
  sigemptyset(&awaited);
  sigaddset(&awaited, SIGINT);
  sigaddset(&awaited, SIGTERM);
  const timespec timeout{.tv_sec = time.count() / 1000, .tv_nsec = time.count() % 1000 * 1'000'000};
  return sigtimedwait(&awaited, nullptr, &timeout) > 0;
}

/// Until the mirror has come to its end. True: a signal asked for it.
bool watch(replicate::Mirror& mirror) {
  const std::unique_ptr<ProgressDisplay> display = make_progress_display();
  auto next_show = std::chrono::steady_clock::now();
  bool asked = false;
  while (!mirror.finished()) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= next_show) {
      display->show(mirror.status());
      next_show = now + display->interval();
    }
    if (!wait_for_signal(20ms)) continue;
    if (asked) {
      spdlog::warn("second signal: ending at once; what was in flight is found again at the next start");
      mirror.stop(replicate::StopMode::at_once);
    } else {
      spdlog::info("draining: waiting for what is in flight (a second signal ends at once)");
      mirror.stop(replicate::StopMode::graceful);
    }
    asked = true;
  }
  return asked;
}

}  // namespace

int run(const RunOptions& options) {
  const auto config = read_configuration(options.file, options.log_level);
  if (!config) return exit_usage;

  replicate::Mirror mirror(*config, {.until_caught_up = options.until_caught_up});
  std::unique_ptr<replicate::MetricsServer> metrics;
  if (config->process.metrics_listen) {
    metrics = std::make_unique<replicate::MetricsServer>(*config->process.metrics_listen,
                                                         [&mirror] { return mirror.status(); });
    spdlog::info("metrics on http://{}/metrics", metrics->address());
  }
  mirror.start();
  watch(mirror);
  const replicate::MirrorStatus status = mirror.join();
  const Summary summary = summarise(status);
  fmt::print(options.json ? stderr : stdout, "{}", summary_text(summary, status));
  if (options.json) fmt::print("{}", summary_json(summary, status));
  return status.any_failed() ? exit_failed : exit_done;
}

}  // namespace shunt::tools
