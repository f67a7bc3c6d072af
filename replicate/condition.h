// What can befall a mirror, by name. One table: the log, the metrics, the JSON summary, the keys `shunt.on.<name>` and
// the README speak of conditions by the names that stand in it.
//
// Most conditions leave no choice: the partition goes on by itself when they are over, or it stops until somebody has
// looked. Where there is one, the table has a standard policy, which neither loses nor deletes anything, and the one a
// user may choose instead.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace shunt::replicate {

enum class Condition : std::uint8_t {
  // The partition, or all of the topic, cannot be mirrored as it was.
  overtaken,
  source_deleted,
  source_recreated,
  source_truncated,
  target_deleted,
  target_recreated,
  target_truncated,
  foreign_writer,
  loop,
  failed_over,
  // It waits, and goes on when that is over.
  source_unreachable,
  target_unreachable,
  source_leader,
  target_leader,
  source_error,
  target_error,
  target_under_replicated,
  target_rejecting,
  target_coordinator,
  source_authentication,
  target_authentication,
  source_unauthorized,
  target_unauthorized,
  source_throttled,
  target_throttled,
  open_transaction,
  another_instance,
  // Worth knowing.
  target_more_partitions,
};

enum class Policy : std::uint8_t {
  stop,      // until an operator has looked
  go_on,     // "continue"
  recreate,  // the target topic is deleted, if it is still there, created again, and mirrored from the source's start
  wait,      // no choice: it is tried again for as long as it takes
  tell,      // no choice: said and counted
};
/// As in a configuration: "stop", "continue", ...
std::string_view to_string(Policy policy);

struct ConditionInfo {
  Condition condition;
  std::string_view key;  // "shunt.on.<name>"
  Policy standard;
  std::optional<Policy> alternative;  // what may be chosen instead
  std::string_view meaning;           // in one line

  [[nodiscard]] std::string_view name() const { return key.substr(std::string_view("shunt.on.").size()); }
};

inline constexpr std::size_t condition_count = 28;

/// It ends when somebody grants a right.
constexpr bool is_about_rights(Condition condition) {
  return condition == Condition::source_unauthorized || condition == Condition::target_unauthorized;
}

/// In the order of the enumeration.
std::span<const ConditionInfo, condition_count> condition_table();
const ConditionInfo& info_of(Condition condition);
std::string to_string(Condition condition);  // its name

/// What a user chose for each condition, or the defaults.
class Policies {
 public:
  Policies();
  [[nodiscard]] Policy of(Condition condition) const { return chosen_[static_cast<std::size_t>(condition)]; }
  /// `policy`: the standard one, or the alternative.
  void set(Condition condition, Policy policy);

 private:
  std::array<Policy, condition_count> chosen_{};
};

}  // namespace shunt::replicate
