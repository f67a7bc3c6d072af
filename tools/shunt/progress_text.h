// How progress reads: the table of the live view, and the one line for logs. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "replicate/status.h"
#include "tools/shunt/progress_meter.h"

namespace shunt::tools {

struct ViewSize {
  std::size_t columns = 79;
  std::size_t rows = 23;
};

/// None wider than the view, no more of them than it has rows. Those with most to do come first; a narrow view leaves
/// out columns, a low one topics.
std::vector<std::string> live_view(const replicate::MirrorStatus& status, const std::vector<Progress>& topics,
                                   ViewSize size);

std::string progress_line(const replicate::MirrorStatus& status, const std::vector<Progress>& topics);

}  // namespace shunt::tools
