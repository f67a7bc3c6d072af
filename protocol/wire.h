// Kafka's wire primitives: big-endian integers, unsigned varints (KIP-482) and raw bytes. Nothing of messages or
// versions: that is codec.h.
//
// A Reader that meets something impossible is poisoned: it keeps the first reason, every further read yields zero or
// nothing, and no read ever touches a byte outside its span. So decoding code reads straight ahead and looks once, at
// the end, whether all went well.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace shunt::protocol {

template <class T>
concept WireInteger = std::same_as<T, std::int8_t> || std::same_as<T, std::int16_t> || std::same_as<T, std::int32_t> ||
                      std::same_as<T, std::int64_t> || std::same_as<T, std::uint32_t>;

namespace wire {

static_assert(std::endian::native == std::endian::little, "the byte swaps below are for little-endian machines");

template <WireInteger Integer>
Integer swapped(Integer value) {
  if constexpr (sizeof(Integer) == 1) {
    return value;
  } else if constexpr (sizeof(Integer) == 2) {
    return static_cast<Integer>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
  } else if constexpr (sizeof(Integer) == 4) {
    return static_cast<Integer>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
  } else {
    return static_cast<Integer>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
  }
}

/// `from` must hold sizeof(Integer) bytes.
template <WireInteger Integer>
Integer load(const std::byte* from) {
  Integer value;
  std::memcpy(&value, from, sizeof value);
  return swapped(value);
}

/// `to` must hold sizeof(Integer) bytes.
template <WireInteger Integer>
void store(std::byte* to, Integer value) {
  value = swapped(value);
  std::memcpy(to, &value, sizeof value);
}

}  // namespace wire

class Reader {
 public:
  /// `bytes` must outlive the reader and everything bytes() returns.
  explicit Reader(std::span<const std::byte> bytes) : left_(bytes), size_(bytes.size()) {}

  template <WireInteger Integer>
  Integer integer() {
    if (left_.size() < sizeof(Integer)) {
      fail_short(sizeof(Integer));
      return 0;
    }
    const auto value = wire::load<Integer>(left_.data());
    left_ = left_.subspan(sizeof(Integer));
    return value;
  }

  /// Seven bits a byte, lowest first, at most five bytes and 32 bits.
  std::uint32_t unsigned_varint();

  /// The next `size` bytes; empty when there are fewer.
  std::span<const std::byte> bytes(std::size_t size);

  [[nodiscard]] std::size_t left() const { return left_.size(); }
  [[nodiscard]] std::size_t offset() const { return size_ - left_.size(); }

  [[nodiscard]] bool ok() const { return ok_; }
  /// Poisons the reader. The first reason stays; `why` should be a phrase, the place is added.
  void fail(std::string_view why);
  /// Puts the name of what was being read before the reason: "Topics", "[3]", "Name". For use by the layers above,
  /// inside out.
  void within(std::string_view name);
  /// Empty unless poisoned: "Topics[3].Name: 7 bytes wanted, 2 left (byte 120)".
  [[nodiscard]] std::string why() const;

 private:
  void fail_short(std::size_t wanted);

  std::span<const std::byte> left_;
  std::size_t size_;
  bool ok_ = true;
  std::string place_;
  std::string why_;
};

class Writer {
 public:
  template <WireInteger Integer>
  void integer(Integer value) {
    std::array<std::byte, sizeof(Integer)> wire_bytes;
    wire::store(wire_bytes.data(), value);
    bytes(wire_bytes);
  }

  void unsigned_varint(std::uint32_t value);

  void bytes(std::span<const std::byte> bytes);

  void reserve(std::size_t size) { bytes_.reserve(size); }

  /// Rewrites four bytes written earlier: a size that is known only afterwards.
  void patch_int32(std::size_t at, std::int32_t value) { wire::store(bytes_.data() + at, value); }

  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] std::span<const std::byte> written() const { return bytes_; }
  [[nodiscard]] std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace shunt::protocol
