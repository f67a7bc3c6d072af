// The writing half of the codec: a message's fields, in order, as bytes. For use through codec.h.
#pragma once

#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include <fmt/format.h>

#include "protocol/field_types.h"
#include "protocol/fields.h"
#include "protocol/uuid.h"
#include "protocol/wire.h"

namespace shunt::protocol {

/// A message that cannot be said in the version asked for. A programming error: nothing a peer sends leads here.
struct EncodeError : std::logic_error {
  using std::logic_error::logic_error;
};

namespace codec {

class Encoder {
 public:
  /// `message_name` is called when there is something to complain about.
  Encoder(Writer& out, std::string (*message_name)(), std::int16_t version, bool flexible)
      : out_(out), message_name_(message_name), version_(version), flexible_(flexible) {}

  template <WithFields M>
  void write_struct(const M& m) {
    Writer tagged;
    std::uint32_t tagged_count = 0;
    [[maybe_unused]] std::int32_t last_tag = -1;
    std::size_t index = 0;
    M::fields(FieldVisitor{[&](std::string_view name, const auto& value, Presence presence = {}) {
                             if (exists(m, index++, name, value, presence)) {
                               write(name, value, presence.null_allowed(version_));
                             }
                           },
                           [&](std::string_view name, const auto& value, Tagged presence) {
                             if (!exists(m, index++, name, value, presence)) return;
                             if (!write_tagged(tagged, name, value, presence.tag())) return;
                             assert(flexible_ && presence.tag() > last_tag && "tags ascend within a list of fields");
                             last_tag = presence.tag();
                             ++tagged_count;
                           }},
              m);
    if (!flexible_) return;
    out_.unsigned_varint(tagged_count);
    out_.bytes(tagged.written());
  }

 private:
  [[noreturn]] void refuse(std::string_view field, std::string_view what) const {
    throw EncodeError(fmt::format("{}: {} {} in version {}", message_name_(), field, what, version_));
  }

  template <class M, class T>
  bool exists(const M&, std::size_t position, std::string_view name, const T& value, const auto& presence) const {
    if (presence.in(version_)) return true;
    if (!presence.is_ignorable() && !is_default<M>(position, value)) refuse(name, "is set, but does not exist");
    return false;
  }

  /// The field at `position` of a fresh M says what is default.
  template <class M, class T>
  static bool is_default(std::size_t position, const T& value) {
    const M fresh{};
    std::size_t index = 0;
    bool equal = false;
    M::fields(
        [&](std::string_view, const auto& fallback, auto&&...) {
          if constexpr (std::same_as<std::remove_cvref_t<decltype(fallback)>, T>) {
            if (index == position) equal = fallback == value;
          }
          ++index;
        },
        fresh);
    return equal;
  }

  /// False: not held, nothing written.
  template <class T>
  bool write_tagged(Writer& tagged, std::string_view name, const T& value, std::int16_t tag) {
    if constexpr (is_optional<T>) {
      static_assert(!is_array<typename T::value_type>, "an empty vector is absent already");
      return value && write_tagged(tagged, name, *value, tag);
    } else {
      if constexpr (is_array<T>) {
        if (value.empty()) return false;
      }
      Writer content;
      Encoder(content, message_name_, version_, flexible_).write(name, value, false);
      tagged.unsigned_varint(static_cast<std::uint32_t>(tag));
      tagged.unsigned_varint(static_cast<std::uint32_t>(content.size()));
      tagged.bytes(content.written());
      return true;
    }
  }

  template <class T>
  void write(std::string_view name, const T& value, bool null_allowed) {
    if constexpr (is_optional<T>) {
      static_assert(is_sized<typename T::value_type>, "only what has a length can be null");
      if (value) {
        write(name, *value, false);
      } else {
        if (!null_allowed) refuse(name, "must not be null");
        write_null<typename T::value_type>();
      }
    } else if constexpr (std::same_as<T, bool>) {
      out_.integer(static_cast<std::int8_t>(value ? 1 : 0));
    } else if constexpr (WireInteger<T>) {
      out_.integer(value);
    } else if constexpr (StrongId<T>) {
      out_.integer(value.value());
    } else if constexpr (std::same_as<T, Uuid>) {
      out_.bytes(value.bytes);
    } else if constexpr (std::same_as<T, std::string>) {
      write_length<T>(name, value.size());
      out_.bytes(std::as_bytes(std::span(value)));
    } else if constexpr (std::same_as<T, Bytes> || std::same_as<T, Records>) {
      write_length<T>(name, value.size());
      out_.bytes(value);
    } else if constexpr (is_array<T>) {
      write_length<T>(name, value.size());
      for (const auto& element : value) write(name, element, false);
    } else {
      write_struct(value);
    }
  }

  template <class T>
  void write_length(std::string_view name, std::size_t length) {
    constexpr bool is_string = std::same_as<T, std::string>;
    if (length >= (is_string ? std::size_t{std::numeric_limits<std::int16_t>::max()} + 1
                             : std::size_t{std::numeric_limits<std::int32_t>::max()})) {
      refuse(name, fmt::format("is too long ({})", length));
    }
    if (flexible_) {
      out_.unsigned_varint(static_cast<std::uint32_t>(length) + 1);
    } else if constexpr (is_string) {
      out_.integer(static_cast<std::int16_t>(length));
    } else {
      out_.integer(static_cast<std::int32_t>(length));
    }
  }

  template <class T>
  void write_null() {
    if (flexible_) {
      out_.unsigned_varint(0);
    } else if constexpr (std::same_as<T, std::string>) {
      out_.integer(std::int16_t{-1});
    } else {
      out_.integer(std::int32_t{-1});
    }
  }

  Writer& out_;
  std::string (*message_name_)();
  std::int16_t version_;
  bool flexible_;
};

}  // namespace codec

}  // namespace shunt::protocol
