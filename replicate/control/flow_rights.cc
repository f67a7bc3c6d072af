#include "replicate/control/flow_rights.h"

#include <algorithm>
#include <string>
#include <utility>

#include "replicate/control/groups.h"
#include "replicate/control/rights_check.h"

namespace shunt::replicate {

using net::Awaitable;

namespace {

/// Topics that the flow names, not only matches, and that the source does not list.
std::vector<std::string> unseen_topics(const FlowConfig& flow, const Cluster& source) {
  std::vector<std::string> unseen;
  for (const std::string& item : flow.topic_filter.topics().items()) {
    auto name = plain_name(item);
    if (name && flow.mirrors(*name) && source.find_topic(*name) == nullptr) unseen.push_back(std::move(*name));
  }
  return unseen;
}

/// What the admin path will do. `source` is asked which groups it has.
Awaitable<AdminWork> admin_work(const FlowConfig& flow, const ReplicationSettings& settings, Cluster& source) {
  AdminWork work;
  work.topic_configs = flow.sync_topic_configs;
  work.acls = flow.acls.is_enabled;
  work.writes_groups = flow.groups.writes_groups;
  work.reads_groups = work.writes_groups || flow.groups.writes_checkpoints;
  if (flow.groups.writes_checkpoints) work.checkpoints_topic = flow.policy.checkpoints_topic(flow.source);
  work.writes_offset_syncs = flow.writes_offset_syncs && settings.offsets != OffsetsMode::mapped;
  if (!work.reads_groups) co_return work;
  for (const std::string& item : flow.groups.groups.items()) {
    auto name = plain_name(item);
    if (name && flow.groups.selects(*name)) work.named_groups.push_back(std::move(*name));
  }
  work.groups = work.named_groups;
  const GroupList list = co_await list_groups(source);
  for (const auto& [group, listed] : list.groups) {
    const bool is_named = std::ranges::find(work.named_groups, group) != work.named_groups.end();
    if (!is_named && !listed.is_share() && flow.groups.selects(group)) work.groups.push_back(group);
  }
  co_return work;
}

}  // namespace

Awaitable<FlowRights> check_flow_rights(Cluster& source, Cluster& target, std::vector<TopicPair> topics,
                                        const FlowConfig& flow, const ReplicationSettings& settings) {
  std::vector<std::string> source_topics;
  std::vector<std::string> target_topics;
  std::vector<std::string> growing;
  bool creates = false;
  for (const TopicPair& topic : topics) {
    source_topics.push_back(topic.source);
    target_topics.push_back(topic.target);
    const Topic* here = source.find_topic(topic.source);
    const Topic* there = target.find_topic(topic.target);
    creates = creates || there == nullptr;
    if (here != nullptr && there != nullptr && there->partitions.size() < here->partitions.size())
      growing.push_back(there->name);
  }
  const AdminWork work = co_await admin_work(flow, settings, source);
  FlowRights rights;
  rights.of_source = co_await check_source_rights(source, settings, work, std::move(source_topics),
                                                  unseen_topics(flow, source), creates);
  rights.of_target = co_await check_target_rights(target, settings, work, std::move(target_topics), std::move(growing));
  co_return rights;
}

}  // namespace shunt::replicate
