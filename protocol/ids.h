// Strong ids: a partition index, an offset, a leader epoch and a producer id are all integers on the wire, and mixing
// two of them up would move data to the wrong place. Each is its own type here; only value() gives the integer back.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace shunt::protocol {

template <class Tag, class Integer>
class Id {
 public:
  constexpr Id() = default;
  constexpr explicit Id(Integer value) : value_(value) {}
  [[nodiscard]] constexpr Integer value() const { return value_; }
  constexpr auto operator<=>(const Id&) const = default;

 private:
  Integer value_{};
};

using BrokerId = Id<struct BrokerIdTag, std::int32_t>;  // node id; -1: none
using PartitionIndex = Id<struct PartitionTag, std::int32_t>;
using LeaderEpoch = Id<struct LeaderEpochTag, std::int32_t>;  // -1: unknown (KIP-101, KIP-320)
using ProducerId = Id<struct ProducerIdTag, std::int64_t>;    // -1: none (KIP-98)
using ProducerEpoch = Id<struct ProducerEpochTag, std::int16_t>;

/// A position in a partition's log. Offsets are ordered and can be moved by a number of records.
class Offset {
 public:
  constexpr Offset() = default;
  constexpr explicit Offset(std::int64_t value) : value_(value) {}
  [[nodiscard]] constexpr std::int64_t value() const { return value_; }
  constexpr auto operator<=>(const Offset&) const = default;
  constexpr Offset operator+(std::int64_t records) const { return Offset(value_ + records); }
  constexpr Offset operator-(std::int64_t records) const { return Offset(value_ - records); }
  constexpr std::int64_t operator-(Offset other) const { return value_ - other.value_; }

 private:
  std::int64_t value_ = 0;
};

/// The sequence number of an idempotent producer's record: counts up to 2^31-1, then starts again at 0 (KIP-98).
class Sequence {
 public:
  constexpr Sequence() = default;
  constexpr explicit Sequence(std::int32_t value) : value_(value) {}
  [[nodiscard]] constexpr std::int32_t value() const { return value_; }
  constexpr bool operator==(const Sequence&) const = default;
  [[nodiscard]] constexpr Sequence advanced(std::int64_t records) const {
    return Sequence(static_cast<std::int32_t>((static_cast<std::int64_t>(value_) + records) & 0x7fffffff));
  }

 private:
  std::int32_t value_ = 0;
};

}  // namespace shunt::protocol

template <class Tag, class Integer>
struct std::hash<shunt::protocol::Id<Tag, Integer>> {
  std::size_t operator()(shunt::protocol::Id<Tag, Integer> id) const noexcept {
    return std::hash<Integer>{}(id.value());
  }
};
