#include "replicate/admin/acl_bindings.h"

#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>

namespace shunt::replicate {
namespace {

constexpr std::string_view every_name = "*";
constexpr std::array operation_names{"Unknown",         "Any",         "All",   "Read",     "Write",
                                     "Create",          "Delete",      "Alter", "Describe", "ClusterAction",
                                     "DescribeConfigs", "AlterConfigs"};

/// For several names, and this is what they begin with.
bool is_pattern(const AclBinding& binding) {
  return binding.pattern_type == acl::prefixed || binding.name == every_name;
}
std::string_view prefix_of(const AclBinding& pattern) {
  return pattern.name == every_name ? std::string_view() : std::string_view(pattern.name);
}

bool is_for_writers(const AclBinding& binding) {
  return binding.permission == acl::allow && binding.operation == acl::write;
}

AclBinding for_readers(AclBinding binding) {
  if (binding.permission == acl::allow && binding.operation == acl::all) binding.operation = acl::read;
  return binding;
}

class Translation {
 public:
  Translation(const TopicNames& topics, const AclRules& rules) : topics_(topics), rules_(rules) {}

  void take(const AclBinding& binding) {
    if (binding.resource_type == acl::group) {
      if (rules_.groups) take_group(binding);
    } else if (binding.resource_type == acl::topic && !is_for_writers(binding)) {
      is_pattern(binding) ? take_pattern(for_readers(binding)) : take_topic(for_readers(binding));
    }
  }

  WantedBindings result() { return std::move(wanted_); }

 private:
  void take_topic(AclBinding binding) {
    const auto topic = topics_.find(binding.name);
    if (binding.pattern_type != acl::literal || topic == topics_.end()) return;
    binding.name = topic->second;
    wanted_.bindings.insert(std::move(binding));
  }

  void take_pattern(AclBinding binding) {
    const std::string_view source_prefix = prefix_of(binding);
    const std::string target_prefix = rules_.prefix + std::string(source_prefix);
    bool reaches_any = false;
    for (auto topic = topics_.lower_bound(std::string(source_prefix));
         topic != topics_.end() && topic->first.starts_with(source_prefix); ++topic) {
      const bool is_reached = topic->second.starts_with(target_prefix);
      reaches_any = reaches_any || is_reached;
      if (!is_reached && rules_.prefixed)
        wanted_.out_of_reach.insert(fmt::format("{}: {}", topic->first, binding.name));
    }
    if (!rules_.prefixed) ++wanted_.patterns_left_out;
    if (!rules_.prefixed || !reaches_any) return;
    if (!target_prefix.empty()) {
      binding.name = target_prefix;
      binding.pattern_type = acl::prefixed;
    }
    wanted_.bindings.insert(std::move(binding));
  }

  void take_group(const AclBinding& binding) {
    if (is_pattern(binding)) {
      if (rules_.prefixed) wanted_.bindings.insert(binding);
      wanted_.patterns_left_out += rules_.prefixed ? 0U : 1U;
    } else if (rules_.selects_group(binding.name)) {
      wanted_.bindings.insert(binding);
    }
  }

  const TopicNames& topics_;
  const AclRules& rules_;
  WantedBindings wanted_;
};

}  // namespace

std::string AclBinding::to_string() const {
  const std::size_t index = static_cast<std::uint8_t>(operation);
  const bool is_known = operation >= 0 && index < operation_names.size();
  return fmt::format("{} {} on {} {}{} for {}{}", permission == acl::deny ? "DENY" : "ALLOW",
                     is_known ? operation_names[index] : "operation " + std::to_string(operation),
                     resource_type == acl::group ? "group" : "topic", name,
                     pattern_type == acl::prefixed ? " (prefixed)" : "", principal,
                     host == "*" ? std::string() : " from " + host);
}

WantedBindings wanted_bindings(const AclBindings& of_source, const TopicNames& topics, const AclRules& rules) {
  Translation translation(topics, rules);
  for (const AclBinding& binding : of_source) translation.take(binding);
  return translation.result();
}

AclBindings surplus_bindings(const AclBindings& of_target, const AclBindings& wanted, const AclBindings& seen,
                             const TopicNames& topics, const AclRules& rules) {
  std::set<std::string_view> mirrored;
  for (const auto& [source, target] : topics) mirrored.insert(target);
  const auto has_shape = [&](const AclBinding& binding) {
    if (binding.resource_type != acl::topic || binding.permission != acl::allow) return false;
    if (binding.operation == acl::write || binding.operation == acl::all) return false;
    if (binding.pattern_type == acl::literal) return mirrored.contains(binding.name);
    return rules.prefixed && !rules.prefix.empty() && binding.name.starts_with(rules.prefix);
  };
  AclBindings surplus;
  std::ranges::copy_if(of_target, std::inserter(surplus, surplus.end()), [&](const AclBinding& binding) {
    return !wanted.contains(binding) && !rules.kept_principals.contains(binding.principal) &&
           (seen.contains(binding) || has_shape(binding));
  });
  return surplus;
}

AclChanges acl_changes(const AclBindings& of_source, const AclBindings& of_target, const AclBindings& seen,
                       const TopicNames& topics, const AclRules& rules) {
  AclChanges changes;
  changes.wanted = wanted_bindings(of_source, topics, rules);
  std::ranges::set_difference(changes.wanted.bindings, of_target, std::back_inserter(changes.missing));
  if (!rules.removes) return changes;
  const AclBindings surplus = surplus_bindings(of_target, changes.wanted.bindings, seen, topics, rules);
  changes.surplus.assign(surplus.begin(), surplus.end());
  return changes;
}

}  // namespace shunt::replicate
