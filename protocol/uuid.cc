#include "protocol/uuid.h"

#include <cstring>

namespace shunt::protocol {

namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t text_size = 22;  // 16 bytes are 128 bits: 21 characters of six bits, and two bits in the last

}  // namespace

std::string Uuid::to_string() const {
  std::string text;
  text.reserve(text_size);
  std::uint32_t held = 0;
  unsigned bits = 0;
  for (const std::byte byte : bytes) {
    held = held << 8 | std::to_integer<std::uint32_t>(byte);
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      text += alphabet[held >> bits & 0x3f];
    }
  }
  text += alphabet[held << (6 - bits) & 0x3f];
  return text;
}

std::optional<Uuid> Uuid::from_string(std::string_view text) {
  if (text.size() != text_size) return std::nullopt;
  Uuid uuid;
  std::uint32_t held = 0;
  unsigned bits = 0;
  std::size_t next = 0;
  for (const char character : text) {
    const std::size_t value = alphabet.find(character);
    if (value == std::string_view::npos) return std::nullopt;
    held = held << 6 | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    uuid.bytes[next++] = static_cast<std::byte>(held >> bits & 0xff);
  }
  // The last character carries four bits beyond the sixteenth byte; they must be zero, or two texts would name one id.
  if ((held & ((1U << bits) - 1)) != 0) return std::nullopt;
  return uuid;
}

}  // namespace shunt::protocol

std::size_t std::hash<shunt::protocol::Uuid>::operator()(const shunt::protocol::Uuid& uuid) const noexcept {
  std::uint64_t halves[2];
  std::memcpy(halves, uuid.bytes.data(), sizeof halves);
  return std::hash<std::uint64_t>{}(halves[0] * 0x9e3779b97f4a7c15U ^ halves[1]);
}
