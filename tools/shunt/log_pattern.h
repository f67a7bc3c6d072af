// How a log line looks, wherever it is written: time with its zone, level (coloured where that is possible), event.
#pragma once

namespace shunt::tools {

inline constexpr const char* log_pattern = "%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v";

}  // namespace shunt::tools
