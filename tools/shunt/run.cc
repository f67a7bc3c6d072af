#include <csignal>
#include <cstdio>
#include <memory>

#include <spdlog/spdlog.h>

#include "replicate/metrics/server.h"
#include "replicate/mirror.h"
#include "tools/shunt/commands.h"
#include "tools/shunt/configuration.h"
#include "tools/shunt/printable.h"
#include "tools/shunt/progress_display.h"
#include "tools/shunt/sandbox.h"
#include "tools/shunt/service_manager.h"
#include "tools/shunt/signals.h"
#include "tools/shunt/summary.h"
#include "tools/shunt/watch.h"

namespace shunt::tools {

namespace {

/// The summary for people goes where standard output is theirs; with --json that is standard error.
bool write_summary(const Summary& summary, const replicate::MirrorStatus& status, bool json) {
  const std::string text = summary_text(summary, status);
  if (!json) return write_out(stdout, text);
  write_out(stderr, text);
  return write_out(stdout, summary_json(summary, status));
}

}  // namespace

int run(const RunOptions& options) {
  const auto config = read_configuration(options.file, options.log_level);
  if (!config) return exit_usage;

  std::signal(SIGPIPE, SIG_IGN);
  // In this order: signals are blocked before there are threads; the display owns the logger's output before and after
  // other threads log; an address that is taken is known before anything is mirrored; rights are given up when all is
  // open, and before there are threads; nobody asks for the mirror's status before it has started.
  const TerminationSignals signals;
  const std::unique_ptr<ProgressDisplay> display = make_progress_display();
  replicate::Mirror mirror(*config, {.until_caught_up = options.until_caught_up});
  std::unique_ptr<replicate::MetricsServer> metrics;
  if (config->process.metrics_listen) {
    metrics = std::make_unique<replicate::MetricsServer>(*config->process.metrics_listen, SHUNT_VERSION);
    spdlog::info("metrics on http://{}/metrics", metrics->address());
  }
  const ServiceManager manager;
  enter_sandbox(*config);
  mirror.start();
  if (metrics) metrics->serve([&mirror] { return mirror.status(); });
  manager.tell("READY=1");
  Watching watching;
  watching.ending = [&manager] { manager.tell("STOPPING=1"); };
  watch(mirror, signals, *display, watching);
  const replicate::MirrorStatus status = mirror.join();
  metrics.reset();
  display->show(status);

  if (!write_summary(summarise(status), status, options.json)) {
    write_out(stderr, "shunt: cannot write the summary to standard output\n");
    return exit_failed;
  }
  return status.any_failed() ? exit_failed : exit_done;
}

}  // namespace shunt::tools
