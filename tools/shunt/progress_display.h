// Progress while a mirror runs: a view that is redrawn in place on a terminal, a line every few seconds elsewhere.
// Always on standard error, so that standard output is the summary's alone. Standard error may go away (a closed pipe,
// a full disk): that is no reason to stop mirroring, so failed writes are ignored.
#pragma once

#include <chrono>
#include <memory>

#include "replicate/status.h"

namespace shunt::tools {

class ProgressDisplay {
 public:
  virtual ~ProgressDisplay() = default;
  virtual void show(const replicate::MirrorStatus& status) = 0;
  /// How often to call show().
  [[nodiscard]] virtual std::chrono::milliseconds interval() const = 0;
};

/// The right one for standard error. A live view takes over the default logger's output while it lives, so that log
/// lines appear above it: make it before other threads log, and let it outlive them.
std::unique_ptr<ProgressDisplay> make_progress_display();

}  // namespace shunt::tools
