// A message as one line of text, for logs and test output:
//
//   FetchRequest v11 {ReplicaId: -1, MaxWaitMs: 500, ..., Topics: [{Topic: "orders", Partitions: [{Partition: 0, ...
//
// Only what the version puts on the wire is shown. Bytes and record data appear as their size, and a secret field not
// at all. The text is for people; nothing parses it.
#pragma once

#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "protocol/codec.h"

namespace shunt::protocol {

namespace codec {

/// `text` in quotes; control characters, quotes and backslashes escaped, so that a hostile name cannot forge a log
/// line.
void append_quoted(std::string& out, std::string_view text);

class Dumper {
 public:
  Dumper(std::string& out, std::int16_t version) : out_(out), version_(version) {}

  template <WithFields M>
  void append_struct(const M& m) {
    out_ += '{';
    bool first = true;
    M::fields(FieldVisitor{[&](std::string_view name, const auto& value, Presence presence = {}) {
                             append_field(first, name, value, presence);
                           },
                           [&](std::string_view name, const auto& value, Tagged presence) {
                             if constexpr (is_optional<std::remove_cvref_t<decltype(value)>>) {
                               if (value) append_field(first, name, *value, presence);
                             } else {
                               if (!value.empty()) append_field(first, name, value, presence);
                             }
                           }},
              m);
    out_ += '}';
  }

 private:
  void append_field(bool& first, std::string_view name, const auto& value, const auto& presence) {
    if (!presence.in(version_)) return;
    out_ += first ? "" : ", ";
    first = false;
    out_ += name;
    out_ += ": ";
    if (presence.is_secret()) {
      out_ += "[hidden]";
    } else {
      append(value);
    }
  }

  template <class T>
  void append(const T& value) {
    if constexpr (is_optional<T>) {
      if (value) {
        append(*value);
      } else {
        out_ += "null";
      }
    } else if constexpr (std::same_as<T, bool>) {
      out_ += value ? "true" : "false";
    } else if constexpr (WireInteger<T>) {
      fmt::format_to(std::back_inserter(out_), "{}", value);
    } else if constexpr (StrongId<T>) {
      fmt::format_to(std::back_inserter(out_), "{}", value.value());
    } else if constexpr (std::same_as<T, Uuid>) {
      out_ += value.to_string();
    } else if constexpr (std::same_as<T, std::string>) {
      append_quoted(out_, value);
    } else if constexpr (std::same_as<T, Bytes> || std::same_as<T, Records>) {
      fmt::format_to(std::back_inserter(out_), "<{} bytes>", value.size());
    } else if constexpr (is_array<T>) {
      out_ += '[';
      for (std::size_t i = 0; i < value.size(); ++i) {
        if (i > 0) out_ += ", ";
        append(value[i]);
      }
      out_ += ']';
    } else {
      append_struct(value);
    }
  }

  std::string& out_;
  std::int16_t version_;
};

}  // namespace codec

template <class M>
std::string dump(const M& message, std::int16_t version) {
  std::string text = fmt::format("{} v{} ", message_name<M>(), version);
  codec::Dumper(text, version).append_struct(message);
  return text;
}

}  // namespace shunt::protocol
