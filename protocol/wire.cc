#include "protocol/wire.h"

#include <fmt/format.h>

namespace shunt::protocol {

std::uint32_t Reader::unsigned_varint() {
  std::uint32_t value = 0;
  for (unsigned shift = 0; shift <= 28; shift += 7) {
    const auto byte = static_cast<std::uint32_t>(static_cast<std::uint8_t>(integer<std::int8_t>()));
    if (shift == 28 && byte > 0x0f) break;
    value |= (byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  fail("a varint of more than 32 bits");
  return 0;
}

std::span<const std::byte> Reader::bytes(std::size_t size) {
  if (left_.size() < size) {
    fail_short(size);
    return {};
  }
  const auto taken = left_.first(size);
  left_ = left_.subspan(size);
  return taken;
}

void Reader::fail_short(std::size_t wanted) {
  if (ok_) fail(fmt::format("{} bytes wanted, {} left", wanted, left_.size()));
}

void Reader::fail(std::string_view why) {
  if (!ok_) return;
  ok_ = false;
  why_ = fmt::format("{} (byte {})", why, offset());
  // Nothing is left to read: the offset stays where the trouble is, and every later read finds too few bytes.
  size_ = offset();
  left_ = {};
}

void Reader::within(std::string_view name) {
  const bool joined = place_.empty() || place_.front() == '[';
  place_.insert(0, joined ? std::string(name) : std::string(name) + ".");
}

std::string Reader::why() const {
  return place_.empty() ? why_ : place_ + ": " + why_;
}

// Not in the header: g++ 12, seeing through it, warns of overflows in growing vectors where there are none.
void Writer::bytes(std::span<const std::byte> bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

void Writer::unsigned_varint(std::uint32_t value) {
  while (value >= 0x80) {
    integer(static_cast<std::int8_t>(static_cast<std::uint8_t>(value | 0x80)));
    value >>= 7;
  }
  integer(static_cast<std::int8_t>(value));
}

}  // namespace shunt::protocol
