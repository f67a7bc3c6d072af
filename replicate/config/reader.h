// Takes typed values out of Settings. Defaults come from the key table; a value that cannot be read, or is out of
// bounds, is an error in the diagnostics that names the line, and the default goes on in its place so that all errors
// are found.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/broker_connection.h"
#include "replicate/config/diagnostics.h"
#include "replicate/config/flow_settings.h"
#include "replicate/config/key_table.h"
#include "replicate/config/pattern_list.h"

namespace shunt::replicate {

class Reader {
 public:
  /// Keys are those of `level` in the key table. `settings` and `diagnostics` must outlive the reader.
  Reader(const Settings& settings, Level level, Diagnostics& diagnostics)
      : settings_(settings), level_(level), diagnostics_(diagnostics) {}

  /// Of the same level, for other settings, which must outlive it; what is wrong goes to the same diagnostics.
  [[nodiscard]] Reader over(const Settings& settings) const { return Reader(settings, level_, diagnostics_); }
  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] Level level() const { return level_; }

  /// Null: not set. A key's old name is looked for too.
  [[nodiscard]] const Entry* find(std::string_view key) const;

  [[nodiscard]] bool boolean(std::string_view key);
  [[nodiscard]] std::string text(std::string_view key);
  [[nodiscard]] std::vector<std::string> list(std::string_view key);
  [[nodiscard]] PatternList patterns(std::string_view key);
  [[nodiscard]] std::vector<net::HostPort> addresses(std::string_view key);
  [[nodiscard]] std::optional<net::HostPort> address(std::string_view key);
  /// A number or a size, whichever the table says the key is.
  [[nodiscard]] std::int64_t number(std::string_view key, std::int64_t least, std::int64_t most);
  [[nodiscard]] double real(std::string_view key, double least, double most);
  /// Nothing: not set, and no default.
  [[nodiscard]] std::optional<std::int64_t> optional_number(std::string_view key, std::int64_t least,
                                                            std::int64_t most);

  template <std::integral Integer>
  [[nodiscard]] Integer number_as(std::string_view key, Integer least, Integer most) {
    return static_cast<Integer>(number(key, static_cast<std::int64_t>(least), static_cast<std::int64_t>(most)));
  }

  /// One of `choices`, in any case of letters; each names a value.
  template <class Value>
  [[nodiscard]] Value choice(std::string_view key, const std::vector<std::pair<std::string_view, Value>>& choices) {
    std::vector<std::string_view> names;
    names.reserve(choices.size());
    for (const auto& [name, value] : choices) names.push_back(name);
    return choices[choice_index(key, names)].second;
  }

  void fail(const Entry& entry, std::string_view why);
  void warn(const Entry& entry, std::string_view what);

 private:
  [[nodiscard]] const Key& row(std::string_view key) const;
  [[nodiscard]] std::size_t choice_index(std::string_view key, const std::vector<std::string_view>& names);

  const Settings& settings_;
  Level level_;
  Diagnostics& diagnostics_;
};

/// The value for a message: quoted, shortened, and "[hidden]" where it might be a secret.
std::string shown(const Entry& entry);

}  // namespace shunt::replicate
