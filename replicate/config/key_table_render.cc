#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "replicate/config/key_table.h"

namespace shunt::replicate {
namespace {

using Row = std::array<std::string, 6>;

Row cells(const Key& key) {
  std::string handling = to_string(key.handling);
  if (!key.reason.empty())
    handling += fmt::format(": {}{}", key.handling == Handling::renamed ? "now " : "", key.reason);
  return {std::string(key.name),  to_string(key.type), std::string(key.default_value),
          key.levels.to_string(), std::move(handling), std::string(key.help)};
}

std::string escape_markdown(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '|' || c == '\\' || c == '*' || c == '_' || c == '<') result += '\\';
    result += c;
  }
  return result;
}

std::string code(std::string_view text) {
  if (text.empty()) return "";
  std::string result = "`";
  for (const char c : text) result += c == '|' ? std::string("\\|") : std::string(1, c);
  return result + "`";
}

}  // namespace

std::string render_key_table(TableFormat format) {
  std::string result;
  if (format == TableFormat::markdown) {
    result = "| key | type | default | levels | shunt | meaning |\n|---|---|---|---|---|---|\n";
    for (const Key& key : key_table()) {
      const Row row = cells(key);
      result += fmt::format("| {} | {} | {} | {} | {} | {} |\n", code(row[0]), row[1], code(row[2]), row[3],
                            escape_markdown(row[4]), escape_markdown(row[5]));
    }
    return result;
  }
  for (const Key& key : key_table()) {
    const Row row = cells(key);
    result += fmt::format("{}\n    {}\n    {}{} | {}\n    {}\n", row[0], row[5], row[1],
                          row[2].empty() ? "" : fmt::format(", default {}", row[2]), row[3], row[4]);
  }
  return result;
}

}  // namespace shunt::replicate
