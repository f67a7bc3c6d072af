// The reading half of the codec: bytes into a message's fields, in order. For use through codec.h.
//
// It reads straight ahead; the first impossible thing poisons the Reader, after which every step is a no-op. Memory is
// taken for bytes that are there, never for what a length or a count promises, and no more than `memory`: an element of
// one byte on the wire may take a hundred here.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "protocol/field_types.h"
#include "protocol/fields.h"
#include "protocol/uuid.h"
#include "protocol/wire.h"

namespace shunt::protocol::codec {

class Decoder {
 public:
  Decoder(Reader& in, std::int16_t version, bool flexible, std::size_t memory)
      : in_(in), version_(version), flexible_(flexible), memory_(memory), memory_left_(memory) {}

  /// Fields that are not on the wire keep the defaults `m` came with.
  template <WithFields M>
  void read_struct(M& m) {
    M::fields(FieldVisitor{[&](std::string_view name, auto& value, Presence presence = {}) {
                             if (!in_.ok() || !presence.in(version_)) return;
                             read(value, presence.null_allowed(version_));
                             if (!in_.ok()) in_.within(name);
                           },
                           [](std::string_view, auto&, Tagged) {}},
              m);
    if (flexible_) read_tagged(m);
  }

 private:
  template <WithFields M>
  void read_tagged(M& m) {
    const std::uint32_t count = in_.unsigned_varint();
    std::int64_t previous = -1;
    for (std::uint32_t i = 0; i < count && in_.ok(); ++i) {
      const std::uint32_t tag = in_.unsigned_varint();
      const std::uint32_t size = in_.unsigned_varint();
      if (std::int64_t{tag} <= previous) return in_.fail("tagged fields are not in ascending order");
      previous = tag;
      const std::size_t before = in_.left();
      bool known = false;
      M::fields(FieldVisitor{[](std::string_view, auto&, Presence = {}) {},
                             [&](std::string_view name, auto& value, Tagged presence) {
                               if (presence.tag() != std::int64_t{tag} || !presence.in(version_)) return;
                               known = true;
                               read_held(value, presence.null_allowed());
                               if (!in_.ok()) in_.within(name);
                             }},
                m);
      // A tag of a newer broker is skipped; that is what tags are for.
      if (!known) {
        in_.bytes(size);
      } else if (in_.ok() && before - in_.left() != size) {
        in_.fail(fmt::format("tagged field {} is {} bytes, not {} as its size says", tag, before - in_.left(), size));
      }
    }
  }

  template <class T>
  void read_held(T& value, bool null_allowed) {
    if constexpr (is_optional<T>) {
      if constexpr (is_sized<typename T::value_type>) {
        read(value, null_allowed);
      } else {
        value = typename T::value_type{};  // not emplace(): clang 16 takes nested types for not default constructible
        read(*value, false);
      }
    } else {
      read(value, false);
    }
  }

  template <class T>
  void read(T& value, bool null_allowed) {
    if constexpr (is_optional<T>) {
      static_assert(is_sized<typename T::value_type>, "only what has a length can be null");
      value.reset();
      if (const auto length = read_length<typename T::value_type>(null_allowed)) fill(value.emplace(), *length);
    } else if constexpr (is_sized<T>) {
      if (const auto length = read_length<T>(false)) fill(value, *length);
    } else if constexpr (std::same_as<T, bool>) {
      value = in_.integer<std::int8_t>() != 0;
    } else if constexpr (WireInteger<T>) {
      value = in_.integer<T>();
    } else if constexpr (StrongId<T>) {
      value = T(in_.integer<decltype(value.value())>());
    } else if constexpr (std::same_as<T, Uuid>) {
      std::ranges::copy(in_.bytes(value.bytes.size()), value.bytes.begin());
    } else {
      read_struct(value);
    }
  }

  /// Nothing: null, or the reader is poisoned.
  template <class T>
  std::optional<std::size_t> read_length(bool null_allowed) {
    std::int64_t length;
    if (flexible_) {
      length = std::int64_t{in_.unsigned_varint()} - 1;
    } else if constexpr (std::same_as<T, std::string>) {
      length = in_.integer<std::int16_t>();
    } else {
      length = in_.integer<std::int32_t>();
    }
    if (!in_.ok()) return std::nullopt;
    if (length == -1) {
      if (!null_allowed) in_.fail("null, where there must be a value");
      return std::nullopt;
    }
    // Every element takes at least a byte, so no honest length exceeds the bytes left. A string keeps the limit of its
    // 16 bit length in flexible versions too (KIP-482).
    if (length < 0 || static_cast<std::uint64_t>(length) > in_.left() ||
        (std::same_as<T, std::string> && length > std::numeric_limits<std::int16_t>::max())) {
      in_.fail(fmt::format("a length of {} with {} bytes left", length, in_.left()));
      return std::nullopt;
    }
    return static_cast<std::size_t>(length);
  }

  template <class T>
  void fill(T& value, std::size_t length) {
    if constexpr (is_array<T>) {
      if (!take(length, sizeof(typename T::value_type))) return;
      value.reserve(length);
      for (std::size_t i = 0; i < length; ++i) {
        read(value.emplace_back(), false);
        if (!in_.ok()) return in_.within(fmt::format("[{}]", i));
      }
    } else if constexpr (std::same_as<T, std::string>) {
      if (length > sizeof(std::string) && !take(length, 1)) return;
      const auto bytes = in_.bytes(length);
      value.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    } else {
      if (!take(length, 1)) return;
      const auto bytes = in_.bytes(length);
      value = Bytes(bytes.begin(), bytes.end());
    }
  }

  /// Before memory for `count` elements is allocated.
  bool take(std::size_t count, std::size_t element_size) {
    constexpr std::size_t allocators_own = 32;
    if (count == 0) return true;
    if (memory_left_ < allocators_own || count > (memory_left_ - allocators_own) / element_size) {
      in_.fail(
          fmt::format("{} elements of {} bytes, where the message may take {} bytes", count, element_size, memory_));
      return false;
    }
    memory_left_ -= count * element_size + allocators_own;
    return true;
  }

  Reader& in_;
  std::int16_t version_;
  bool flexible_;
  std::size_t memory_;
  std::size_t memory_left_;
};

}  // namespace shunt::protocol::codec
