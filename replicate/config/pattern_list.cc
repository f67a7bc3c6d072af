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

}  // namespace shunt::replicate
