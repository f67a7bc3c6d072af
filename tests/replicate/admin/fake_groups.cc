#include "tests/replicate/admin/fake_groups.h"

#include "protocol/messages/find_coordinator.h"
#include "protocol/messages/list_groups.h"
#include "protocol/messages/offset_commit.h"
#include "protocol/messages/offset_fetch.h"

namespace shunt::tests {

using namespace protocol;  // NOLINT(google-build-using-namespace)

namespace {

constexpr std::int16_t not_coordinator = 16;
constexpr std::int16_t unknown_member_id = 25;
constexpr std::int16_t unstable = 88;

template <class Topics>
void put_offsets(const FakeGroup& group, bool is_unstable, Topics& topics) {
  for (const auto& [partition, committed] : group.offsets) {
    if (topics.empty() || topics.back().name != partition.first) topics.emplace_back().name = partition.first;
    auto& one = topics.back().partitions.emplace_back();
    one.partition_index = PartitionIndex(partition.second);
    one.committed_offset = Offset(is_unstable ? -1 : committed.first);
    one.metadata = committed.second;
    one.error_code = is_unstable ? unstable : std::int16_t{0};
  }
}

}  // namespace

FakeGroups::FakeGroups(FakeKafka& kafka, int brokers) {
  for (int id = 0; id < brokers; ++id) {
    ScriptedBroker& broker = kafka.broker(id);
    const auto coordinator_of = [this, brokers](const std::string& group) {
      if (const auto known = groups.find(group); known != groups.end()) return known->second.coordinator;
      return creates_elsewhere ? brokers - 1 : 0;
    };

    broker.on<ListGroupsRequest>([this, id](const ListGroupsRequest&) {
      ListGroupsResponse response;
      for (const auto& [name, group] : groups) {
        if (group.coordinator != id || group.is_unlisted) continue;
        auto& listed = response.groups.emplace_back();
        listed.group_id = name;
        listed.group_state = group.state;
        listed.group_type = group.type;
      }
      return response;
    });

    broker.on<FindCoordinatorRequest>([coordinator_of](const FindCoordinatorRequest& request) {
      FindCoordinatorResponse response;
      if (request.coordinator_keys.empty()) response.node_id = BrokerId(coordinator_of(request.key));
      for (const std::string& key : request.coordinator_keys) {
        auto& found = response.coordinators.emplace_back();
        found.key = key;
        found.node_id = BrokerId(coordinator_of(key));
      }
      return response;
    });

    broker.on<OffsetFetchRequest>([this, id, coordinator_of](const OffsetFetchRequest& request) {
      OffsetFetchResponse response;
      const bool is_single = request.groups.empty();
      groups_asked.push_back(is_single ? 1 : static_cast<int>(request.groups.size()));
      const auto answer = [&](const std::string& name, auto& answered) {
        if (coordinator_of(name) != id) {
          answered.error_code = not_coordinator;
          return;
        }
        const auto group = groups.find(name);
        if (group == groups.end()) return;
        answered.error_code = group->second.fetch_error;
        const bool is_unstable = request.require_stable && group->second.unstable_answers > 0;
        if (is_unstable) --group->second.unstable_answers;
        if (answered.error_code == 0) put_offsets(group->second, is_unstable, answered.topics);
      };
      if (is_single) answer(request.group_id, response);
      for (const auto& asked : request.groups) {
        auto& group = response.groups.emplace_back();
        group.group_id = asked.group_id;
        answer(asked.group_id, group);
      }
      return response;
    });

    broker.on<OffsetCommitRequest>([this, id, coordinator_of](const OffsetCommitRequest& request) {
      OffsetCommitResponse response;
      const bool is_here = coordinator_of(request.group_id) == id;
      const auto known = groups.find(request.group_id);
      std::int16_t error = is_here ? std::int16_t{0} : not_coordinator;
      if (is_here && known != groups.end()) {
        error = known->second.state != "Empty" ? unknown_member_id : known->second.commit_error;
      }
      for (const auto& asked : request.topics) {
        auto& topic = response.topics.emplace_back();
        topic.name = asked.name;
        for (const auto& wanted : asked.partitions) {
          auto& partition = topic.partitions.emplace_back();
          partition.partition_index = wanted.partition_index;
          partition.error_code = error;
          if (error != 0) continue;
          FakeGroup& group = groups[request.group_id];
          if (known == groups.end()) group.coordinator = id;
          group.offsets[{asked.name, wanted.partition_index.value()}] = {wanted.committed_offset.value(),
                                                                         wanted.committed_metadata.value_or("")};
        }
      }
      if (error == 0) ++commits;
      return response;
    });
  }
}

}  // namespace shunt::tests
