// Text that came from elsewhere (a broker's error message, a server that is none) on its way to a terminal or into
// JSON: it must neither steer the terminal nor break the line or the encoding.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

namespace shunt::tools {

/// Control characters become spaces, bytes that are not UTF-8 become U+FFFD.
std::string printable(std::string_view text);

/// `text`, which must be UTF-8, in at most `columns` code points; a '~' at the end says that something is missing.
std::string fit(std::string_view text, std::size_t columns);

/// Writes all of `text`; false when the other side is gone or full. For output whose loss must not end the program.
bool write_out(std::FILE* file, std::string_view text) noexcept;

}  // namespace shunt::tools
