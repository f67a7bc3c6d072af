// UTF-8, as far as a configuration needs it: checking, decoding, writing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sasl/secret.h"

namespace shunt::replicate {

inline constexpr char32_t kCodePointEnd = 0x110000;

/// A code point and the number of bytes that say it. Size 0: the bytes are not UTF-8 (overlong, surrogate, cut off).
struct DecodedCodePoint {
  char32_t code = 0;
  std::size_t size = 0;
};

/// The first code point of `text`, which must not be empty.
inline DecodedCodePoint decode_utf8(std::string_view text) {
  const auto byte = [&text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < size) return {};
  char32_t code = first & (0x7Fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0u) != 0x80) return {};
    code = (code << 6) | (byte(i) & 0x3Fu);
  }
  constexpr char32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < smallest[size] || code >= kCodePointEnd || (code >= 0xD800 && code < 0xE000)) return {};
  return {code, size};
}

/// The position of the first byte that is not UTF-8; text.size() when all is well.
inline std::size_t find_invalid_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t size = decode_utf8(text.substr(at)).size;
    if (size == 0) return at;
    at += size;
  }
  return at;
}

/// Appends `code`, which must be a code point and no surrogate, to a string or a vector of char.
template <class Chars>
void append_utf8(char32_t code, Chars& out) {
  const auto put = [&out](char32_t byte) { out.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6));
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3F));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

inline sasl::Secret utf8_from_latin1(std::string_view text) {
  std::vector<char> result;
  result.reserve(2 * text.size());
  for (const char c : text) append_utf8(static_cast<unsigned char>(c), result);
  sasl::Secret converted(std::string_view(result.data(), result.size()));
  sasl::wipe(result);
  return converted;
}

}  // namespace shunt::replicate
