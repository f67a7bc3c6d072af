// What records (protocol/record.h) and their headers are made of: zigzag varints, and byte strings behind their sizes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace shunt::protocol {

/// Varints and byte strings off the front of a span; poisoned by the first that is not there.
class FieldCursor {
 public:
  explicit FieldCursor(std::span<const std::byte> bytes) : left_(bytes) {}

  std::int64_t varint() {
    std::uint64_t raw = 0;
    constexpr std::size_t longest = 10;
    for (std::size_t i = 0; i < longest && i < left_.size(); ++i) {
      const auto byte = static_cast<std::uint64_t>(left_[i]);
      raw |= (byte & 0x7f) << (7 * i);
      if ((byte & 0x80) == 0) {
        left_ = left_.subspan(i + 1);
        return static_cast<std::int64_t>(raw >> 1) ^ -static_cast<std::int64_t>(raw & 1);
      }
    }
    fail();
    return 0;
  }

  std::span<const std::byte> bytes(std::int64_t size) {
    if (size < 0 || static_cast<std::uint64_t>(size) > left_.size()) {
      fail();
      return {};
    }
    const std::span<const std::byte> taken = left_.first(static_cast<std::size_t>(size));
    left_ = left_.subspan(taken.size());
    return taken;
  }

  std::optional<std::span<const std::byte>> nullable_bytes() {
    const std::int64_t size = varint();
    if (size == -1) return std::nullopt;
    return bytes(size);
  }

  void fail() {
    ok_ = false;
    left_ = {};
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::span<const std::byte> left() const { return left_; }

 private:
  std::span<const std::byte> left_;
  bool ok_ = true;
};

inline void append_varint(std::vector<std::byte>& out, std::int64_t value) {
  std::uint64_t raw = static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
  for (; raw >= 0x80; raw >>= 7) out.push_back(static_cast<std::byte>(raw | 0x80));
  out.push_back(static_cast<std::byte>(raw));
}

inline std::size_t varint_size(std::int64_t value) {
  std::uint64_t raw = static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
  std::size_t size = 1;
  for (; raw >= 0x80; raw >>= 7) ++size;
  return size;
}

}  // namespace shunt::protocol
