#include "tools/shunt/core_dumps.h"

#include <sys/prctl.h>
#include <sys/resource.h>

namespace shunt::tools {

namespace {

// As it was at the start.
rlimit& found_limit() {
  static rlimit limit{};
  return limit;
}

}  // namespace

void forbid_core_dumps() {
  getrlimit(RLIMIT_CORE, &found_limit());
  const rlimit none{.rlim_cur = 0, .rlim_max = found_limit().rlim_max};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);  // the limit does not hold for dumps that are piped to a program
}

void apply_core_dumps(const replicate::Config& config) {
  using replicate::CoreDumps;
  const CoreDumps wanted = config.process.core_dumps;
  if (wanted == CoreDumps::off || (wanted == CoreDumps::automatic && config.holds_secrets)) return;
  setrlimit(RLIMIT_CORE, &found_limit());
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

}  // namespace shunt::tools
