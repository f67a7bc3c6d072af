// The vocabulary of a message's one list of fields (see codec.h): in which versions a field is on the wire, whether it
// is tagged, where null is allowed.
//
//   f("ReplicaDirectoryId", m.replica_directory_id, since(17).tag(0));
//   f("Name", m.name, nullable_since(12));
//   f("RetentionTimeMs", m.retention_time_ms, since(2).until(4).ignorable());
#pragma once

#include <cstdint>
#include <limits>

namespace shunt::protocol {

class Tagged;

/// Where a field exists. Without any of these: in every version of its message.
class Presence {
 public:
  constexpr Presence() = default;

  [[nodiscard]] constexpr Presence since(std::int16_t version) const { return with(&Presence::since_, version); }
  [[nodiscard]] constexpr Presence until(std::int16_t version) const { return with(&Presence::until_, version); }

  /// An optional may be null in all its versions, unless this says from which one on.
  [[nodiscard]] constexpr Presence nullable_since(std::int16_t version) const {
    return with(&Presence::nullable_since_, version);
  }

  /// May be dropped when the version has no such field. Any other field that is set (differs from its default) makes
  /// encode() refuse: the receiver would act on half of what was said.
  [[nodiscard]] constexpr Presence ignorable() const { return with(&Presence::ignorable_, true); }

  /// Never shown by dump().
  [[nodiscard]] constexpr Presence secret() const { return with(&Presence::secret_, true); }

  [[nodiscard]] constexpr Tagged tag(std::int16_t tag) const;

  [[nodiscard]] constexpr bool in(std::int16_t version) const { return since_ <= version && version <= until_; }
  [[nodiscard]] constexpr bool null_allowed(std::int16_t version) const { return version >= nullable_since_; }
  [[nodiscard]] constexpr bool is_ignorable() const { return ignorable_; }
  [[nodiscard]] constexpr bool is_secret() const { return secret_; }

 private:
  template <class T>
  [[nodiscard]] constexpr Presence with(T Presence::*member, T value) const {
    Presence changed = *this;
    changed.*member = value;
    return changed;
  }

  std::int16_t since_ = 0;
  std::int16_t until_ = std::numeric_limits<std::int16_t>::max();
  std::int16_t nullable_since_ = 0;
  bool ignorable_ = false;
  bool secret_ = false;
};

/// A tagged field (KIP-482): it follows the others of its struct, and is left out when it is not held. Its member is an
/// optional or a vector; absent and empty are the same as Kafka's default.
class Tagged {
 public:
  constexpr Tagged(Presence presence, std::int16_t tag) : presence_(presence), tag_(tag) {}

  /// The wire may also carry an explicit null. It is read as absent.
  [[nodiscard]] constexpr Tagged nullable() const {
    Tagged changed = *this;
    changed.nullable_ = true;
    return changed;
  }

  [[nodiscard]] constexpr std::int16_t tag() const { return tag_; }
  [[nodiscard]] constexpr bool in(std::int16_t version) const { return presence_.in(version); }
  [[nodiscard]] constexpr bool null_allowed() const { return nullable_; }
  [[nodiscard]] constexpr bool is_ignorable() const { return presence_.is_ignorable(); }
  [[nodiscard]] constexpr bool is_secret() const { return presence_.is_secret(); }

 private:
  Presence presence_;
  std::int16_t tag_;
  bool nullable_ = false;
};

constexpr Tagged Presence::tag(std::int16_t tag) const {
  return {*this, tag};
}

constexpr Presence since(std::int16_t version) {
  return Presence().since(version);
}
constexpr Presence until(std::int16_t version) {
  return Presence().until(version);
}
constexpr Presence nullable_since(std::int16_t version) {
  return Presence().nullable_since(version);
}
constexpr Presence ignorable() {
  return Presence().ignorable();
}
constexpr Presence secret() {
  return Presence().secret();
}

/// One visitor of a list of fields from two lambdas: one takes (name, value, Presence), the other (name, value,
/// Tagged).
template <class... Lambdas>
struct FieldVisitor : Lambdas... {
  using Lambdas::operator()...;
};
template <class... Lambdas>
FieldVisitor(Lambdas...) -> FieldVisitor<Lambdas...>;  // clang 16 does not deduce aggregates by itself

}  // namespace shunt::protocol
