// Access rights as Kafka keeps them, and which of a source's a mirror's target is to have. Pure.
//
// As MirrorMaker 2 translates them: those on a mirrored topic itself (LITERAL), under the topic's name on the target; ALLOW
// WRITE is left out, and of ALLOW ALL only READ is left, since nobody but the mirror writes there; DENY stays what it is.
// More when asked for: patterns that stand for several topics, where they stand for the same ones on the target, and
// rights on groups, which keep their names.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace shunt::replicate {

/// Numbers as in Kafka's ResourceType, PatternType, AclOperation and AclPermissionType.
namespace acl {
constexpr std::int8_t any = 1;
constexpr std::int8_t topic = 2;
constexpr std::int8_t group = 3;
constexpr std::int8_t literal = 3;
constexpr std::int8_t prefixed = 4;
constexpr std::int8_t all = 2;
constexpr std::int8_t read = 3;
constexpr std::int8_t write = 4;
constexpr std::int8_t deny = 2;
constexpr std::int8_t allow = 3;
}  // namespace acl

struct AclBinding {
  std::int8_t resource_type = acl::topic;
  std::string name;
  std::int8_t pattern_type = acl::literal;
  std::string principal;  // "User:alice"
  std::string host;       // "*": any
  std::int8_t operation = acl::read;
  std::int8_t permission = acl::allow;

  auto operator<=>(const AclBinding&) const = default;
  [[nodiscard]] std::string to_string() const;  // "ALLOW Read on topic orders for User:alice"
};
using AclBindings = std::set<AclBinding>;

struct AclRules {
  std::string prefix;  // what the replication policy puts before names; empty: they stay what they are
  bool prefixed = false;
  bool groups = false;
  bool removes = false;  // shunt.acls.remove
  std::function<bool(std::string_view group)> selects_group;
  std::set<std::string> kept_principals;  // nothing of theirs is ever removed
};

/// The mirrored topics: their names on the target by those on the source.
using TopicNames = std::map<std::string, std::string>;

struct WantedBindings {
  AclBindings bindings;
  std::size_t patterns_left_out = 0;  // that stand for several topics, and were not asked for
  std::set<std::string>
      out_of_reach;  // "topic on the source: the pattern that reaches it there, and not on the target"
};
WantedBindings wanted_bindings(const AclBindings& of_source, const TopicNames& topics, const AclRules& rules);

/// Those of the target that this flow's sync has made, or would have made, and that are wanted no more.
///
/// Nothing remembers who has made a binding. So two things count: its shape, where nobody but a mirror's readers has
/// business, that is on mirrored topics (and, where names are prefixed, on what begins with that prefix); and `seen`, what
/// was wanted earlier in this process's life. Shape alone is enough to take a right away, not to take away a DENY.
AclBindings surplus_bindings(const AclBindings& of_target, const AclBindings& wanted, const AclBindings& seen,
                             const TopicNames& topics, const AclRules& rules);

struct AclChanges {
  WantedBindings wanted;
  std::vector<AclBinding> missing;  // to be created on the target
  std::vector<AclBinding> surplus;  // to be removed from it; none unless the rules say so
};
AclChanges acl_changes(const AclBindings& of_source, const AclBindings& of_target, const AclBindings& seen,
                       const TopicNames& topics, const AclRules& rules);

}  // namespace shunt::replicate
