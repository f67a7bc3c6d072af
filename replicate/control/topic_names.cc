#include "replicate/control/topic_names.h"

#include <algorithm>

#include <fmt/format.h>

namespace shunt::replicate {

std::vector<TopicPair> selected_topics(const Cluster& source, const std::function<bool(std::string_view)>& includes,
                                       const std::function<std::string(std::string_view)>& target_topic) {
  std::vector<TopicPair> pairs;
  for (const auto& [name, topic] : source.topics()) {
    if (topic.is_internal || topic.error_code != 0 || !includes(name)) continue;
    pairs.push_back({.source = name, .target = target_topic(name)});
  }
  return pairs;
}

std::map<std::string, std::string> refused_names(const std::vector<TopicPair>& pairs,
                                                 const std::function<std::string(std::string_view)>& loop_of,
                                                 const std::string& target) {
  std::map<std::string, std::vector<const TopicPair*>> by_target;
  for (const TopicPair& pair : pairs) by_target[pair.target].push_back(&pair);
  std::map<std::string, std::string> refused;
  for (const TopicPair& pair : pairs) {
    const std::string loop = loop_of ? loop_of(pair.source) : std::string();
    if (!loop.empty()) {
      refused[pair.source] = fmt::format(
          "it would go round for ever: {} select it under the names it has; take it from the topics of one "
          "of them, or use DefaultReplicationPolicy",
          loop);
      continue;
    }
    for (const TopicPair* other : by_target.at(pair.target)) {
      if (other == &pair || pair.must_exist) continue;
      refused[pair.source] = fmt::format(
          "source topics {} and {} would both be called {} on {}; give them names of their own "
          "(shunt.topic.mapping), or take one of them from `topics`",
          std::min(pair.source, other->source), std::max(pair.source, other->source), pair.target, target);
      break;
    }
  }
  return refused;
}

}  // namespace shunt::replicate
