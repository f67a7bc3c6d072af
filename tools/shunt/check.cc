#include "replicate/control/check.h"

#include <cstdio>

#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include "tools/shunt/commands.h"
#include "tools/shunt/configuration.h"
#include "tools/shunt/printable.h"
#include "tools/shunt/sandbox.h"
#include "tools/shunt/wait_for.h"

namespace shunt::tools {

int check(const std::string& file, const std::string& log_level) {
  const auto config = read_configuration(file, log_level);
  if (!config) return exit_usage;

  enter_sandbox(*config);
  boost::asio::io_context context(1);
  const auto tell = [](const replicate::CheckStep& step) {
    fmt::print("{:<7} {}: {}\n", to_string(step.outcome), step.what, printable(step.detail));
    std::fflush(stdout);
  };
  const bool passed = wait_for(context, replicate::check_connectivity(context.get_executor(), *config, tell));
  if (!passed) {
    fmt::print("Connectivity check failed: see the lines marked FAILED.\n");
    return exit_failed;
  }
  fmt::print("Connectivity check passed.\n");
  return exit_done;
}

}  // namespace shunt::tools
