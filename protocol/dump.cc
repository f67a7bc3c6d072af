#include "protocol/dump.h"

namespace shunt::protocol::codec {

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char character : text) {
    if (character == '"' || character == '\\') {
      out += '\\';
      out += character;
    } else if (static_cast<unsigned char>(character) < 0x20 || character == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(character));
    } else {
      out += character;
    }
  }
  out += '"';
}

}  // namespace shunt::protocol::codec
