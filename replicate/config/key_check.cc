#include "replicate/config/key_check.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "replicate/config/key_table.h"
#include "replicate/config/reader.h"
#include "replicate/config/values.h"

namespace shunt::replicate {
namespace {

/// A key taken apart: `A->B.source.consumer.fetch.max.bytes` is scope `A->B.`, client prefix `source.consumer.`, name
/// `fetch.max.bytes`.
struct Parts {
  Level scope = Level::global;  // global, cluster or flow
  std::string_view scope_text = {};
  std::string_view client_text = {};
  std::string_view name = {};
  Level level = Level::global;  // where `name` is to be looked up
};

struct ClientPrefix {
  std::string_view text;
  Level level;
  bool flow_only;
};

// The longer ones first. source.producer and target.consumer are MirrorMaker's own helpers; the same keys are known to
// them.
constexpr std::array kClientPrefixes{ClientPrefix{"source.cluster.", Level::cluster, true},
                                     ClientPrefix{"target.cluster.", Level::cluster, true},
                                     ClientPrefix{"source.consumer.", Level::consumer, true},
                                     ClientPrefix{"target.consumer.", Level::consumer, true},
                                     ClientPrefix{"source.producer.", Level::producer, true},
                                     ClientPrefix{"target.producer.", Level::producer, true},
                                     ClientPrefix{"source.admin.", Level::admin, true},
                                     ClientPrefix{"target.admin.", Level::admin, true},
                                     ClientPrefix{"producer.override.", Level::producer, true},
                                     ClientPrefix{"consumer.override.", Level::consumer, true},
                                     ClientPrefix{"admin.override.", Level::admin, true},
                                     ClientPrefix{"consumer.", Level::consumer, false},
                                     ClientPrefix{"producer.", Level::producer, false},
                                     ClientPrefix{"admin.", Level::admin, false}};

/// `A.` or `A->B.`, and what it makes of a key.
struct Scope {
  std::string prefix;
  Level level;
};

/// The longer ones first: an alias may hold dots, and the longest that fits is meant.
std::vector<Scope> scopes_of(const std::vector<std::string>& aliases) {
  std::vector<Scope> scopes;
  for (const std::string& alias : aliases) {
    scopes.push_back({alias + ".", Level::cluster});
    for (const std::string& target : aliases) scopes.push_back({fmt::format("{}->{}.", alias, target), Level::flow});
  }
  std::ranges::sort(scopes, std::greater(), [](const Scope& scope) { return scope.prefix.size(); });
  return scopes;
}

Parts take_apart(std::string_view key, const std::vector<Scope>& scopes) {
  Parts parts{.name = key};
  const auto scope = std::ranges::find_if(scopes, [key](const Scope& s) { return key.starts_with(s.prefix); });
  if (scope != scopes.end()) {
    parts.scope = parts.level = scope->level;
    parts.scope_text = key.substr(0, scope->prefix.size());
    parts.name = key.substr(scope->prefix.size());
  }
  // consumer.poll.timeout.ms and admin.timeout.ms begin like a client's setting and are none.
  if (find_key(parts.name, parts.level) != nullptr) return parts;
  for (const ClientPrefix& prefix : kClientPrefixes) {
    if (!parts.name.starts_with(prefix.text) || (prefix.flow_only && parts.scope == Level::cluster)) continue;
    parts.client_text = parts.name.substr(0, prefix.text.size());
    parts.name.remove_prefix(prefix.text.size());
    parts.level = prefix.level;
    break;
  }
  return parts;
}

class Check {
 public:
  Check(const std::vector<std::string>& aliases, Diagnostics& diagnostics)
      : aliases_(aliases), scopes_(scopes_of(aliases)), diagnostics_(diagnostics) {}

  void check(const Entry& entry) {
    if (check_flow_aliases(entry)) return;
    const Parts parts = take_apart(entry.key, scopes_);
    const Key* key = find_key(parts.name, parts.level);
    if (!parts.client_text.empty() && parts.scope == Level::global) {
      diagnostics_.warning(entry.where, fmt::format("{} has no effect: MirrorMaker 2 hands client settings only to {}",
                                                    entry.key, better_place(parts.client_text, parts.name)));
    } else if (key == nullptr) {
      unknown(entry, parts);
    } else {
      known(entry, parts, *key);
    }
  }

 private:
  /// `X->Y.` with a name that `clusters` has not. True: nothing more is to be said of this line.
  bool check_flow_aliases(const Entry& entry) {
    const std::string_view key = entry.key;
    const std::size_t arrow = key.find("->");
    if (arrow == std::string_view::npos) return false;
    const std::string_view source = key.substr(0, arrow);
    const std::string_view rest = key.substr(arrow + 2);
    const auto begins_with = [](std::string_view text) {
      return [text](const std::string& alias) { return text.starts_with(alias + "."); };
    };
    const bool source_known = std::ranges::find(aliases_, source) != aliases_.end();
    const auto target = std::ranges::find_if(aliases_, begins_with(rest));
    if (source_known && target != aliases_.end()) {
      if (std::ranges::none_of(aliases_,
                               [&](const std::string& alias) { return alias != source && begins_with(rest)(alias); })) {
        diagnostics_.warning(entry.where,
                             fmt::format("{} has no effect: a flow needs two different clusters", entry.key));
        return true;
      }
      return false;
    }
    const std::string_view unknown_alias = source_known ? rest.substr(0, rest.find('.')) : source;
    std::string message =
        fmt::format("{}: \"{}\" is not one of clusters = {}", entry.key, unknown_alias, fmt::join(aliases_, ", "));
    const bool enables = key.ends_with(".enabled") && parse_bool(entry.value.reveal()).value_or(false) &&
                         rest.find('.') == rest.rfind('.');
    if (enables) {
      diagnostics_.error(entry.where, std::move(message));
    } else {
      diagnostics_.warning(entry.where, message + "; the line has no effect");
    }
    return true;
  }

  /// Where a setting of a client counts, spelt out with the aliases of this file.
  [[nodiscard]] std::string better_place(std::string_view client_text, std::string_view name) const {
    if (aliases_.size() < 2) return fmt::format("<source>-><target>.{}{}", client_text, name);
    return fmt::format("a cluster or a flow, such as {}->{}.{}{}", aliases_[0], aliases_[1], client_text, name);
  }

  void unknown(const Entry& entry, const Parts& parts) {
    const std::string prefix = fmt::format("{}{}", parts.scope_text, parts.client_text);
    // Known, but at another level.
    if (const Key* elsewhere = find_key(parts.name); elsewhere != nullptr) {
      diagnostics_.warning(entry.where,
                           fmt::format("{} has no effect at this level; {} counts at: {}{}", entry.key, parts.name,
                                       elsewhere->levels.to_string(), example(parts, *elsewhere)));
      return;
    }
    std::string_view nearest = nearest_key(parts.name, parts.level);
    if (!nearest.empty()) {
      diagnostics_.warning(entry.where,
                           fmt::format("{} is not a known key; did you mean {}{}?", entry.key, prefix, nearest));
      return;
    }
    diagnostics_.warning(entry.where, fmt::format("{} is not a known key; it has no effect", entry.key));
  }

  /// " (write A.consumer.fetch.max.bytes)" where one can be told.
  [[nodiscard]] std::string example(const Parts& parts, const Key& key) const {
    std::string better;
    if (parts.scope != Level::global && parts.client_text.empty()) {
      if (key.levels.has(Level::consumer)) {
        better = fmt::format("{}consumer.{}", parts.scope_text, parts.name);
      } else if (key.levels.has(Level::producer)) {
        better = fmt::format("{}producer.{}", parts.scope_text, parts.name);
      }
    }
    if (better.empty() && key.levels.has(Level::flow) && aliases_.size() >= 2) {
      better = fmt::format("{}->{}.{}", aliases_[0], aliases_[1], parts.name);
    }
    if (better.empty() && key.levels.has(Level::global)) better = parts.name;
    if (better.empty() && aliases_.size() >= 2) {
      better = fmt::format("{}.{}{}", aliases_[0], key.levels.has(Level::cluster) ? "" : "consumer.", parts.name);
    }
    return better.empty() ? "" : fmt::format(" (write {})", better);
  }

  void known(const Entry& entry, const Parts& parts, const Key& key) {
    const std::string_view value = trim(entry.value.reveal());
    switch (key.handling) {
      case Handling::in_force:
        return;
      case Handling::no_effect:
        diagnostics_.note(entry.where, fmt::format("{} has no effect: {}", entry.key, key.reason));
        return;
      case Handling::renamed:
        diagnostics_.warning(entry.where,
                             fmt::format("{} is an old name; it is read as {}{}, the only name Kafka 4 has", entry.key,
                                         parts.scope_text, key.reason));
        return;
      case Handling::not_supported:
        if (is_harmless(key, value)) return;
        diagnostics_.warning(entry.where,
                             fmt::format("{} = {} is not supported: {}", entry.key, shown(entry), key.reason));
        return;
      case Handling::refused:
        if (is_harmless(key, value) || names_own_alias(parts, value)) return;
        diagnostics_.error(entry.where,
                           fmt::format("{} = {} is not supported: {}", entry.key, shown(entry), key.reason));
        return;
    }
  }

  static bool is_harmless(const Key& key, std::string_view value) {
    if (value.empty() || equal_ignoring_case(value, key.harmless)) return true;
    return key.type == ValueType::class_name && key.harmless.substr(key.harmless.rfind('.') + 1) == value;
  }

  /// A->B.source.cluster.alias = A says what is true anyway.
  static bool names_own_alias(const Parts& parts, std::string_view value) {
    if (parts.scope != Level::flow) return false;
    const std::string_view flow = parts.scope_text.substr(0, parts.scope_text.size() - 1);
    if (parts.name == "source.cluster.alias") return flow.starts_with(fmt::format("{}->", value));
    if (parts.name == "target.cluster.alias") return flow.ends_with(fmt::format("->{}", value));
    return false;
  }

  const std::vector<std::string>& aliases_;
  const std::vector<Scope> scopes_;
  Diagnostics& diagnostics_;
};

}  // namespace

void check_keys(const Properties& properties, const std::vector<std::string>& aliases, Diagnostics& diagnostics) {
  Check check(aliases, diagnostics);
  for (const auto& [key, entry] : properties) check.check(entry);
}

}  // namespace shunt::replicate
