#include "replicate/plan/plan.h"

#include <csignal>
#include <cstdio>

#include <boost/asio/io_context.hpp>

#include "tools/shunt/commands.h"
#include "tools/shunt/configuration.h"
#include "tools/shunt/plan_text.h"
#include "tools/shunt/printable.h"
#include "tools/shunt/sandbox.h"
#include "tools/shunt/wait_for.h"

namespace shunt::tools {

int plan(const std::string& file, bool as_json, const std::string& log_level) {
  const auto config = read_configuration(file, log_level);
  if (!config) return exit_usage;
  std::signal(SIGPIPE, SIG_IGN);
  enter_sandbox(*config);
  boost::asio::io_context context(1);
  const replicate::Plan made = wait_for(context, replicate::make_plan(context.get_executor(), *config));
  if (!write_out(stdout, as_json ? plan_json(made) : plan_text(made))) return exit_failed;
  return made.can_begin() ? exit_done : exit_failed;
}

}  // namespace shunt::tools
