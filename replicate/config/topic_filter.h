// Which topics a user wants: MirrorMaker 2's DefaultTopicFilter. What is excluded is out, whatever else selects it.
// Internal topics and cycles are not its business: see FlowConfig::mirrors().
#pragma once

#include <string_view>
#include <utility>

#include "replicate/config/pattern_list.h"

namespace shunt::replicate {

class TopicFilter {
 public:
  TopicFilter() = default;  // selects nothing
  TopicFilter(PatternList topics, PatternList exclude) : topics_(std::move(topics)), exclude_(std::move(exclude)) {}

  [[nodiscard]] bool selects(std::string_view topic) const {
    return topics_.matches(topic) && !exclude_.matches(topic);
  }
  [[nodiscard]] const PatternList& topics() const { return topics_; }
  [[nodiscard]] const PatternList& exclude() const { return exclude_; }

 private:
  PatternList topics_;
  PatternList exclude_;
};

}  // namespace shunt::replicate
