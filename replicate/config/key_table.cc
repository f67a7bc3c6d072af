#include "replicate/config/key_table.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "replicate/config/key_table_data.h"
#include "replicate/config/values.h"

namespace shunt::replicate {
namespace {

constexpr std::array kLevelNames{std::pair{Level::global, "global"},     std::pair{Level::cluster, "cluster"},
                                 std::pair{Level::flow, "flow"},         std::pair{Level::consumer, "consumer"},
                                 std::pair{Level::producer, "producer"}, std::pair{Level::admin, "admin"}};

using Index = std::multimap<std::string_view, const Key*>;

/// Names and families apart; several rows may share a name, for different levels.
struct Indexes {
  Index names;
  Index families;  // without the *
  Indexes() {
    for (const Key& key : key_table()) {
      if (key.name.ends_with('*')) {
        families.emplace(key.name.substr(0, key.name.size() - 1), &key);
      } else {
        names.emplace(key.name, &key);
      }
    }
  }
};

const Indexes& indexes() {
  static const Indexes instance;
  return instance;
}

template <class Fits>
const Key* find(std::string_view name, const Fits& fits) {
  const auto [begin, end] = indexes().names.equal_range(name);
  for (auto it = begin; it != end; ++it) {
    if (fits(*it->second)) return it->second;
  }
  for (const auto& [prefix, key] : indexes().families) {
    if (name.starts_with(prefix) && name.size() > prefix.size() && fits(*key)) return key;
  }
  return nullptr;
}

/// What people wrote in reported problems, where the edit distance would not find what they meant.
constexpr std::pair<std::string_view, std::string_view> kSlips[] = {
    {"task.max", "tasks.max"},
    {"max.tasks", "tasks.max"},
    {"topic", "topics"},
    {"topic.blacklist", "topics.exclude"},
    {"topic.exclude", "topics.exclude"},
    {"exclude.topics", "topics.exclude"},
    {"topics.whitelist", "topics"},
    {"topic.whitelist", "topics"},
    {"topics.include", "topics"},
    {"whitelist", "topics"},
    {"blacklist", "topics.exclude"},
    {"group.blacklist", "groups.exclude"},
    {"groups.whitelist", "groups"},
    {"sync.topics.configs.enabled", "sync.topic.configs.enabled"},
    {"sync.topics.acls.enabled", "sync.topic.acls.enabled"},
    {"emit.heartbeats", "emit.heartbeats.enabled"},
    {"emit.checkpoints", "emit.checkpoints.enabled"},
    {"refresh.topics", "refresh.topics.enabled"},
    {"refresh.groups", "refresh.groups.enabled"},
    {"sync.group.offsets", "sync.group.offsets.enabled"},
    {"topic.replication.factor", "replication.factor"},
    {"separator", "replication.policy.separator"},
    {"brokers", "bootstrap.servers"},
    {"enable", "enabled"},
};

}  // namespace

std::string Levels::to_string() const {
  std::string result;
  for (const auto& [level, name] : kLevelNames) {
    if (has(level)) result.append(result.empty() ? "" : ", ").append(name);
  }
  return result;
}

const char* to_string(ValueType type) {
  switch (type) {
    case ValueType::boolean:
      return "boolean";
    case ValueType::integer:
      return "integer";
    case ValueType::real:
      return "real";
    case ValueType::string:
      return "string";
    case ValueType::list:
      return "list";
    case ValueType::class_name:
      return "class";
    case ValueType::password:
      return "password";
    case ValueType::size:
      return "size";
    case ValueType::address:
      return "host:port";
  }
  return "?";
}

const char* to_string(Handling handling) {
  switch (handling) {
    case Handling::in_force:
      return "in force";
    case Handling::no_effect:
      return "accepted, no effect";
    case Handling::not_supported:
    case Handling::refused:
      return "not supported";
    case Handling::renamed:
      return "renamed";
  }
  return "?";
}

const std::vector<Key>& key_table() {
  static const std::vector<Key> table = make_key_table();
  return table;
}

const Key* find_key(std::string_view name, Level level) {
  return find(name, [level](const Key& key) { return key.levels.has(level); });
}

const Key* find_key(std::string_view name) {
  return find(name, [](const Key&) { return true; });
}

bool is_sensitive(std::string_view name) {
  const Key* key = find_key(name);
  if (key != nullptr && !key->name.ends_with('*')) return key->type == ValueType::password;
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return std::ranges::any_of(std::array{"password", "passphrase", "secret", "jaas", "token", "credential",
                                        "ssl.keystore.key", "certificate", "basic.auth"},
                             [&lower](const char* word) { return lower.find(word) != std::string::npos; });
}

std::string_view nearest_key(std::string_view name, Level level) {
  for (const auto& [slip, meant] : kSlips) {
    if (name == slip && find_key(meant, level) != nullptr) return meant;
  }
  // One slip in every five letters is a misspelling; more is another word.
  std::size_t best_distance = std::max<std::size_t>(2, std::min<std::size_t>(name.size() / 5, 6)) + 1;
  std::string_view best;
  for (const Key& key : key_table()) {
    if (!key.levels.has(level) || key.name.ends_with('*') || key.handling == Handling::renamed) continue;
    const std::size_t longer = std::max(name.size(), key.name.size());
    if (longer - std::min(name.size(), key.name.size()) >= best_distance) continue;  // that many letters are missing
    const std::size_t distance = edit_distance(name, key.name);
    if (distance < best_distance && distance < key.name.size() / 2) {
      best_distance = distance;
      best = key.name;
    }
  }
  return best;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Three rows of the dynamic programme: swaps look two rows back.
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = a[i - 1] == b[j - 1];
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace shunt::replicate
