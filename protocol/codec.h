// Messages to bytes and back, from one list of fields a message states about itself (protocol/messages/*.h):
//
//   struct Topic {
//     std::optional<std::string> name;
//     std::vector<PartitionIndex> partitions;
//     static void fields(auto&& f, auto& m) {        // m is const for encode, not for decode
//       f("Name", m.name, nullable_since(12));       // the name of Kafka's own definition
//       f("Partitions", m.partitions, since(1));
//     }
//     bool operator==(const Topic&) const = default;
//   };
//
// C++ type and wire type: bool, std::int8_t to std::int64_t and the ids of ids.h are what they are; std::string is a
// string; Bytes and Records are bytes; Uuid is a uuid; std::vector<T> is an array; a type with fields() is a struct;
// std::optional<T> is a nullable T, or, with .tag(n), a tagged T that is left out unless held. A member's initialiser
// is the field's default: Kafka's own, with one exception: what can be null starts as null.
//
// decode() gives a whole, valid message or none. It never reads past `body`, and takes no memory ahead of the bytes
// that fill it. encode() throws EncodeError for a message that cannot be said in the version asked for: a programming
// error.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "protocol/api.h"
#include "protocol/fields.h"
#include "protocol/records.h"
#include "protocol/uuid.h"
#include "protocol/wire.h"

namespace shunt::protocol {

using Bytes = std::vector<std::byte>;

struct EncodeError : std::logic_error {
  using std::logic_error::logic_error;
};

template <class T>
concept WithFields = requires(T& t) { T::fields([](auto&&...) {}, t); };

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

/// "FetchRequest", "FetchResponse".
template <class M>
std::string message_name() {
  return std::string(M::api.name) + (requires { typename M::Response; } ? "Request" : "Response");
}

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
    std::size_t index = 0;
    M::fields(FieldVisitor{[&](std::string_view name, const auto& value, Presence presence = {}) {
                             if (exists(m, index++, name, value, presence)) {
                               write(name, value, presence.null_allowed(version_));
                             }
                           },
                           [&](std::string_view name, const auto& value, Tagged presence) {
                             if (!exists(m, index++, name, value, presence) || !is_held(value)) return;
                             ++tagged_count;
                             write_tagged(tagged, name, value, presence.tag());
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

  template <class T>
  static bool is_held(const T& value) {
    if constexpr (is_optional<T>) {
      return value.has_value();
    } else {
      static_assert(is_array<T>, "a tagged field is optional or a vector");
      return !value.empty();
    }
  }

  template <class T>
  void write_tagged(Writer& tagged, std::string_view name, const T& value, std::int16_t tag) {
    Writer content;
    Encoder encoder(content, message_name_, version_, flexible_);
    if constexpr (is_optional<T>) {
      encoder.write(name, *value, false);
    } else {
      encoder.write(name, value, false);
    }
    tagged.unsigned_varint(static_cast<std::uint32_t>(tag));
    tagged.unsigned_varint(static_cast<std::uint32_t>(content.size()));
    tagged.bytes(content.written());
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

class Decoder {
 public:
  Decoder(Reader& in, std::int16_t version, bool flexible) : in_(in), version_(version), flexible_(flexible) {}

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
      using Element = typename T::value_type;
      value.reserve(std::min(length, in_.left() / sizeof(Element) + 1));
      for (std::size_t i = 0; i < length; ++i) {
        read(value.emplace_back(), false);
        if (!in_.ok()) return in_.within(fmt::format("[{}]", i));
      }
    } else if constexpr (std::same_as<T, std::string>) {
      const auto bytes = in_.bytes(length);
      value.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    } else {
      const auto bytes = in_.bytes(length);
      value = Bytes(bytes.begin(), bytes.end());
    }
  }

  Reader& in_;
  std::int16_t version_;
  bool flexible_;
};

}  // namespace codec

/// Appends the body of `message`. Throws EncodeError when `version` is none of ours, when a field is set that the
/// version does not have (and that is not ignorable), or when a value does not fit its wire type.
template <class M>
void encode_into(Writer& out, const M& message, std::int16_t version) {
  if (!M::api.versions.contains(version)) {
    throw EncodeError(fmt::format("{} is spoken in versions {} to {}, not {}", message_name<M>(), M::api.versions.min,
                                  M::api.versions.max, version));
  }
  codec::Encoder(out, message_name<M>, version, M::api.is_flexible(version)).write_struct(message);
}

template <class M>
std::vector<std::byte> encode(const M& message, std::int16_t version) {
  Writer out;
  encode_into(out, message, version);
  return out.take();
}

/// The message, or nothing when `body` is not exactly one message of this version; then `*why` says what is wrong and
/// where: "MetadataResponse v12: Topics[3].Name: 7 bytes wanted, 2 left (byte 120)".
template <class M>
std::optional<M> decode(std::span<const std::byte> body, std::int16_t version, std::string* why = nullptr) {
  Reader in(body);
  std::optional<M> message(std::in_place);
  if (!M::api.versions.contains(version)) {
    in.fail(fmt::format("only versions {} to {} are spoken", M::api.versions.min, M::api.versions.max));
  } else {
    codec::Decoder(in, version, M::api.is_flexible(version)).read_struct(*message);
    if (in.left() > 0) in.fail(fmt::format("{} bytes too many", in.left()));
  }
  if (!in.ok()) {
    if (why != nullptr) *why = fmt::format("{} v{}: {}", message_name<M>(), version, in.why());
    message.reset();
  }
  return message;
}

}  // namespace shunt::protocol
