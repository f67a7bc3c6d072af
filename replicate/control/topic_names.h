// Which topics a flow selects, and which of them cannot be mirrored under the names they would have: those that would come back for ever, and those that
// would be one on the target. Pure.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "replicate/control/cluster.h"
#include "replicate/control/topics.h"

namespace shunt::replicate {

/// Topics of the source, as it was last seen, that are selected and can be looked at, by their names.
std::vector<TopicPair> selected_topics(const Cluster& source, const std::function<bool(std::string_view)>& includes,
                                       const std::function<std::string(std::string_view)>& target_topic);

/// Source topics, and why. Of two that would be one neither is the rightful one, unless it is mirrored already.
/// `loop_of`: the flows by which a topic would come back; unset: nobody knows. `target`: the cluster's alias.
std::map<std::string, std::string> refused_names(const std::vector<TopicPair>& pairs,
                                                 const std::function<std::string(std::string_view)>& loop_of,
                                                 const std::string& target);

}  // namespace shunt::replicate
