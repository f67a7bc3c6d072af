// Numbers for people.
#pragma once

#include <cstdint>
#include <string>

namespace shunt::tools {

std::string grouped(std::uint64_t number);     // "1,234,567"
std::string count_text(std::uint64_t number);  // the same, "1.23 G" from a thousand million on: at most 11 characters
std::string bytes_text(double bytes);          // "1.23 GB"; powers of ten
std::string duration_text(double seconds);     // "42 s", "3 min 20 s", "2 h 5 min"

}  // namespace shunt::tools
