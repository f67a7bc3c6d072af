#include "tools/shunt/printable.h"

#include "replicate/config/utf8.h"

namespace shunt::tools {

std::string printable(std::string_view text) {
  constexpr char32_t replacement = 0xFFFD;
  constexpr char32_t del = 0x7F;
  constexpr char32_t last_c1_control = 0x9F;
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const auto [code, size] = replicate::decode_utf8(text);
    const bool is_control = code < ' ' || (code >= del && code <= last_c1_control);
    if (size == 0) {
      replicate::append_utf8(replacement, result);
    } else if (is_control) {
      result += ' ';
    } else {
      result += text.substr(0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return result;
}

std::string fit(std::string_view text, std::size_t columns) {
  const auto begins_code_point = [&text](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80;
  };
  std::size_t points = 0;
  std::size_t last = 0;  // where the code point begins that gives way to the '~'
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!begins_code_point(at)) continue;
    if (++points > columns) return columns == 0 ? std::string() : std::string(text.substr(0, last)) + "~";
    last = at;
  }
  return std::string(text);
}

bool write_out(std::FILE* file, std::string_view text) noexcept {
  return std::fwrite(text.data(), 1, text.size(), file) == text.size() && std::fflush(file) == 0;
}

}  // namespace shunt::tools
