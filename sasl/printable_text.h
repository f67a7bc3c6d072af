// What may be shown of a text that a peer has sent.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace shunt::sasl {

/// At most `limit` bytes of it, with `?` for what would steer a terminal.
inline std::string printable_text(std::string_view text, std::size_t limit = 300) {
  std::string result(text.substr(0, limit));
  std::ranges::replace_if(
      result, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }, '?');
  return result;
}

}  // namespace shunt::sasl
