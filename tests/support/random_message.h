// Messages filled at random from a seed: every field the version has, nulls where they are allowed, tagged fields held
// or not. For the tests that put all messages in all versions through the codec.
#pragma once

#include <cstdint>
#include <iterator>
#include <limits>
#include <random>
#include <string>
#include <string_view>

#include "protocol/codec.h"

namespace shunt::tests {

class RandomMessage {
 public:
  explicit RandomMessage(std::uint64_t seed) : random_(seed) {}

  template <class M>
  M make(std::int16_t version) {
    M message{};
    version_ = version;
    fill(message);
    return message;
  }

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

 private:
  template <protocol::WithFields M>
  void fill(M& m) {
    M::fields(protocol::FieldVisitor{
                  [&](std::string_view, auto& value, protocol::Presence presence = {}) {
                    if (presence.in(version_)) fill_field(value, presence.null_allowed(version_));
                  },
                  [&](std::string_view, auto& value, protocol::Tagged presence) {
                    if (presence.in(version_) && below(2) == 0) fill_held(value);
                  },
              },
              m);
  }

  template <class T>
  void fill_field(T& value, bool null_allowed) {
    if constexpr (protocol::is_optional<T>) {
      if (null_allowed && below(4) == 0) {
        value.reset();
      } else {
        value = typename T::value_type{};
        fill(*value);
      }
    } else {
      fill(value);
    }
  }

  /// Kafka leaves out a tagged field that has its default, so a held one differs from it: true, and numbers above 0.
  template <class T>
  void fill_held(T& value) {
    if constexpr (protocol::is_optional<T>) {
      value = typename T::value_type{};
      fill(*value);
    } else {
      fill(value);
    }
  }

  void fill(bool& value) { value = true; }

  template <protocol::WireInteger Integer>
  void fill(Integer& value) {
    constexpr auto max = static_cast<std::uint64_t>(std::numeric_limits<Integer>::max());
    value = static_cast<Integer>(1 + below(below(2) == 0 ? 100 : max - 1));
  }

  template <protocol::StrongId Id>
  void fill(Id& id) {
    auto value = id.value();
    fill(value);
    id = Id(value);
  }

  void fill(protocol::Uuid& uuid) {
    for (auto& byte : uuid.bytes) byte = static_cast<std::byte>(1 + below(255));
  }

  void fill(std::string& text) {
    static constexpr std::string_view pieces[] = {
        "a", "Z", "7", "-", "_", ".", " ", "\"", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x9a\x82"};
    text.clear();
    for (std::uint64_t left = length(); left > 0; --left) text += pieces[below(std::size(pieces))];
  }

  void fill(protocol::Bytes& bytes) {
    bytes.resize(length());
    for (auto& byte : bytes) byte = static_cast<std::byte>(below(256));
  }

  void fill(protocol::Records& records) {
    protocol::Bytes bytes;
    fill(bytes);
    records = std::move(bytes);
  }

  template <class Element>
  void fill(std::vector<Element>& elements) {
    elements.clear();
    for (std::uint64_t left = 1 + below(3); left > 0; --left) fill(elements.emplace_back());
    if (below(4) == 0) elements.clear();
  }

  /// Mostly short; at times long enough for a varint of two bytes.
  std::uint64_t length() { return below(16) == 0 ? 120 + below(20) : below(12); }

  std::mt19937_64 random_;
  std::int16_t version_ = 0;
};

}  // namespace shunt::tests
