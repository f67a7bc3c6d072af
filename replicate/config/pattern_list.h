// A list of expressions of MirrorMaker 2 (`topics`, `topics.exclude`, `groups`, `config.properties.exclude`): the items
// are alternatives of one expression, a whole name is to match, and an empty list matches nothing. A plain name is an
// expression too; the dots in it match themselves (and any other character, as they do in MirrorMaker 2).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "replicate/config/java_regex.h"

namespace shunt::replicate {

class PatternList {
 public:
  PatternList() = default;  // matches nothing
  /// Throws RegexError. It names the item that is wrong, where one is wrong by itself.
  explicit PatternList(std::vector<std::string> items);

  [[nodiscard]] bool matches(std::string_view name) const { return compiled_ && compiled_->full_match(name); }
  [[nodiscard]] const std::vector<std::string>& items() const { return items_; }
  /// In RE2's syntax, to be matched against a whole name; empty for an empty list.
  [[nodiscard]] std::string re2() const { return compiled_ ? compiled_->re2() : std::string(); }

 private:
  std::vector<std::string> items_;
  std::optional<JavaRegex> compiled_;
};

/// The name that an expression stands for, if it is one topic's or group's: "orders", "orders\\.eu".
std::optional<std::string> plain_name(std::string_view expression);

}  // namespace shunt::replicate
