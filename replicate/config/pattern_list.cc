#include "replicate/config/pattern_list.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace shunt::replicate {

PatternList::PatternList(std::vector<std::string> items) : items_(std::move(items)) {
  if (items_.empty()) return;
  try {
    compiled_.emplace(fmt::format("{}", fmt::join(items_, "|")));
  } catch (const RegexError&) {
    // Joined they may mean what none means alone, "(a" and "b)": so each is tried only to find whom to blame.
    for (const std::string& item : items_) static_cast<void>(JavaRegex(item));
    throw;
  }
}

std::optional<std::string> plain_name(std::string_view expression) {
  std::string name;
  for (std::size_t i = 0; i < expression.size(); ++i) {
    const auto is_plain = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    const auto is_mark = [](char c) { return c == '.' || c == '_' || c == '-'; };
    if (expression[i] == '\\' && i + 1 < expression.size() && is_mark(expression[i + 1])) ++i;
    if (!is_plain(expression[i]) && !is_mark(expression[i])) return std::nullopt;
    name += expression[i];
  }
  return name;
}

}  // namespace shunt::replicate
