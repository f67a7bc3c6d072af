#include "replicate/config/java_classes.h"

namespace shunt::replicate {

const CodePoints& digits() {
  static const CodePoints set{{'0', '9'}};
  return set;
}
const CodePoints& letters() {
  static const CodePoints set{{'A', 'Z'}, {'a', 'z'}};
  return set;
}

std::optional<CodePoints> predefined_class(char32_t name) {
  switch (name) {
    case 'd':
      return digits();
    case 'w':
      return CodePoints{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
    case 's':
      return CodePoints{{'\t', '\r'}, {' ', ' '}};
    case 'h':
      return CodePoints{{'\t', '\t'},     {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680}, {0x180E, 0x180E},
                        {0x2000, 0x200A}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}};
    case 'v':
      return CodePoints{{'\n', '\r'}, {0x85, 0x85}, {0x2028, 0x2029}};
    default:
      return std::nullopt;
  }
}

std::optional<CodePoints> posix_class(std::string_view name) {
  const CodePoints punctuation{{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}};
  if (name == "Lower") return CodePoints{{'a', 'z'}};
  if (name == "Upper") return CodePoints{{'A', 'Z'}};
  if (name == "ASCII") return CodePoints{{0, 0x7F}};
  if (name == "Alpha") return letters();
  if (name == "Digit") return digits();
  if (name == "Alnum") return CodePoints{{'0', '9'}, {'A', 'Z'}, {'a', 'z'}};
  if (name == "Punct") return punctuation;
  if (name == "Graph") return CodePoints{{'!', '~'}};
  if (name == "Print") return CodePoints{{' ', '~'}};
  if (name == "Blank") return CodePoints{{'\t', '\t'}, {' ', ' '}};
  if (name == "Cntrl") return CodePoints{{0, 0x1F}, {0x7F, 0x7F}};
  if (name == "XDigit") return CodePoints{{'0', '9'}, {'A', 'F'}, {'a', 'f'}};
  if (name == "Space") return predefined_class('s');
  return std::nullopt;
}

}  // namespace shunt::replicate
