// Which C++ types a message's field can have, and what kind of wire type each stands for. The manual is in codec.h.
#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "protocol/records.h"
#include "protocol/wire.h"

namespace shunt::protocol {

using Bytes = std::vector<std::byte>;

/// A struct: states its fields.
template <class T>
concept WithFields = requires(T& t) { T::fields([](auto&&...) {}, t); };

/// One of ids.h: an integer on the wire.
template <class T>
concept StrongId = !WithFields<T> && requires(const T& t) {
  requires WireInteger<decltype(t.value())>;
  T(t.value());
};

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
inline constexpr bool is_array = false;
template <class T>
inline constexpr bool is_array<std::vector<T>> = true;
template <>
inline constexpr bool is_array<Bytes> = false;

/// The types that carry a length, and so can say null.
template <class T>
inline constexpr bool is_sized =
    std::same_as<T, std::string> || std::same_as<T, Bytes> || std::same_as<T, Records> || is_array<T>;

}  // namespace shunt::protocol
