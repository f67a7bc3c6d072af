// The character classes java.util.regex has names for.
#pragma once

#include <optional>
#include <string_view>

#include "replicate/config/code_points.h"

namespace shunt::replicate {

const CodePoints& digits();   // 0-9
const CodePoints& letters();  // A-Z a-z

/// \d \w \s \h \v, by their letter; nothing for other letters.
std::optional<CodePoints> predefined_class(char32_t name);

/// \p{Lower} and the other POSIX names, which mean ASCII in Java.
std::optional<CodePoints> posix_class(std::string_view name);

}  // namespace shunt::replicate
