// Waits for a mirror to come to its end, by itself or because a signal asks for it, and shows how far it is.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "replicate/mirror.h"
#include "tools/shunt/progress_display.h"
#include "tools/shunt/signals.h"

namespace shunt::tools {

struct Watching {
  std::function<void()> ending;  // is told when a signal has asked for the end
  /// So long without any progress is the end, too; unset: never.
  std::optional<std::chrono::seconds> patience;
};
enum class Ended { by_itself, by_signal, stalled };

Ended watch(replicate::Mirror& mirror, const TerminationSignals& signals, ProgressDisplay& display,
            const Watching& watching);

}  // namespace shunt::tools
