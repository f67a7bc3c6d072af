#include "replicate/config/model.h"

namespace shunt::replicate {

bool FlowConfig::mirrors(std::string_view topic) const {
  const bool selected = topic_filter.selects(topic) || (heartbeats_replication && policy.is_heartbeats_topic(topic));
  return selected && !policy.is_internal_topic(topic) && !policy.is_cycle(topic, target);
}

}  // namespace shunt::replicate
