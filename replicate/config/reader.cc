#include "replicate/config/reader.h"

#include <cassert>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "replicate/config/values.h"

namespace shunt::replicate {
namespace {

constexpr std::size_t kShownLimit = 200;
constexpr std::size_t kAddressLimit = 1000;

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text.substr(0, kShownLimit)) result += static_cast<unsigned char>(c) < ' ' ? '?' : c;
  return result + (text.size() > kShownLimit ? "...\"" : "\"");
}

/// `A->B.source.cluster.ssl.key.password` is about `ssl.key.password`: the longest known ending decides.
bool is_sensitive_ending(std::string_view key) {
  for (std::string_view rest = key; !rest.empty();) {
    if (is_sensitive(rest)) return true;
    const std::size_t dot = rest.find('.');
    rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
  }
  return false;
}

}  // namespace

std::string shown(const Entry& entry) {
  if (entry.from_provider || is_sensitive_ending(entry.key)) return "[hidden]";
  return quoted(trim(entry.value.reveal()));
}

const Key& Reader::row(std::string_view key) const {
  const Key* found = find_key(key, level_);
  assert(found != nullptr);
  return *found;
}

const Entry* Reader::find(std::string_view key) const {
  if (const auto entry = settings_.find(key); entry != settings_.end()) return entry->second;
  for (const Key& old : key_table()) {
    if (old.handling != Handling::renamed || old.reason != key || !old.levels.has(level_)) continue;
    if (const auto entry = settings_.find(old.name); entry != settings_.end()) return entry->second;
  }
  return nullptr;
}

void Reader::fail(const Entry& entry, std::string_view why) {
  diagnostics_.error(entry.where, fmt::format("{}: {} {}", entry.key, shown(entry), why));
}

void Reader::warn(const Entry& entry, std::string_view what) {
  diagnostics_.warning(entry.where, fmt::format("{}: {} {}", entry.key, shown(entry), what));
}

bool Reader::boolean(std::string_view key) {
  const bool fallback = equal_ignoring_case(row(key).default_value, "true");
  const Entry* entry = find(key);
  if (entry == nullptr) return fallback;
  const std::optional<bool> value = parse_bool(entry->value.reveal());
  if (!value) fail(*entry, "is neither true nor false");
  return value.value_or(fallback);
}

std::string Reader::text(std::string_view key) {
  const Entry* entry = find(key);
  return std::string(entry == nullptr ? row(key).default_value : trim(entry->value.reveal()));
}

std::vector<std::string> Reader::list(std::string_view key) {
  const Entry* entry = find(key);
  return parse_list(entry == nullptr ? row(key).default_value : entry->value.reveal());
}

PatternList Reader::patterns(std::string_view key) {
  try {
    return PatternList(list(key));
  } catch (const RegexError& error) {
    const Entry* entry = find(key);
    assert(entry != nullptr);
    if (entry->from_provider) {
      fail(*entry, "is not a valid list of expressions");
    } else {
      diagnostics_.error(entry->where, fmt::format("{}: {}", entry->key, error.what()));
    }
    return {};
  }
}

std::vector<net::HostPort> Reader::addresses(std::string_view key) {
  std::vector<net::HostPort> result;
  const Entry* entry = find(key);
  if (entry == nullptr) return result;
  for (const std::string& item : parse_list(entry->value.reveal())) {
    if (item.empty()) continue;  // a comma too many, as Kafka forgives it
    const std::optional<net::HostPort> address = parse_address(item);
    if (!address || address->port == 0) {
      diagnostics_.error(entry->where, fmt::format("{}: {} is not host:port with a port of 1 to 65535", entry->key,
                                                   entry->from_provider ? "[hidden]" : quoted(item)));
    } else if (result.size() == kAddressLimit) {
      diagnostics_.error(entry->where, fmt::format("{}: more than {} addresses", entry->key, kAddressLimit));
      break;
    } else {
      result.push_back(*address);
    }
  }
  return result;
}

std::optional<net::HostPort> Reader::address(std::string_view key) {
  const Entry* entry = find(key);
  if (entry == nullptr || trim(entry->value.reveal()).empty()) return std::nullopt;
  std::optional<net::HostPort> result = parse_address(entry->value.reveal());
  if (!result) fail(*entry, "is not host:port, such as 127.0.0.1:9404 or [::1]:9404");
  return result;
}

std::int64_t Reader::number(std::string_view key, std::int64_t least, std::int64_t most) {
  return optional_number(key, least, most).value_or(least);  // the keys asked for have a default
}

double Reader::real(std::string_view key, double least, double most) {
  const double fallback = parse_real(row(key).default_value).value_or(least);
  const Entry* entry = find(key);
  if (entry == nullptr) return fallback;
  const std::optional<double> value = parse_real(entry->value.reveal());
  if (!value || *value < least || *value > most) {
    fail(*entry, fmt::format("is not a number of {} to {}", least, most));
    return fallback;
  }
  return *value;
}

std::optional<std::int64_t> Reader::optional_number(std::string_view key, std::int64_t least, std::int64_t most) {
  const bool is_size = row(key).type == ValueType::size;
  const auto parse = [is_size](std::string_view text) { return is_size ? parse_size(text) : parse_integer(text); };
  const std::optional<std::int64_t> fallback = parse(row(key).default_value);
  const Entry* entry = find(key);
  if (entry == nullptr) return fallback;
  const std::optional<std::int64_t> value = parse(entry->value.reveal());
  if (!value) {
    fail(*entry, is_size ? "is not a number of bytes, alone or with KiB, MiB or GiB" : "is not a whole number");
    return fallback;
  }
  if (*value < least || *value > most) {
    fail(*entry, fmt::format("is out of bounds: {} to {}", least, most));
    return fallback;
  }
  return value;
}

std::size_t Reader::choice_index(std::string_view key, const std::vector<std::string_view>& names) {
  const auto index_of = [&names](std::string_view text) {
    std::size_t index = 0;
    while (index < names.size() && !equal_ignoring_case(names[index], text)) ++index;
    return index;
  };
  const std::size_t fallback = index_of(row(key).default_value);
  assert(fallback < names.size());
  const Entry* entry = find(key);
  if (entry == nullptr) return fallback;
  const std::size_t index = index_of(trim(entry->value.reveal()));
  if (index < names.size()) return index;
  fail(*entry, fmt::format("is not one of {}", fmt::join(names, ", ")));
  return fallback;
}

}  // namespace shunt::replicate
