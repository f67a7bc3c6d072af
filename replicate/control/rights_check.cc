#include "replicate/control/rights_check.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "protocol/error.h"
#include "protocol/messages/add_partitions_to_txn.h"
#include "protocol/messages/create_topics.h"
#include "protocol/messages/describe_acls.h"
#include "protocol/messages/describe_cluster.h"
#include "protocol/messages/describe_groups.h"
#include "protocol/messages/metadata.h"
#include "protocol/messages/offset_commit.h"
#include "protocol/messages/write_txn_markers.h"
#include "replicate/principal.h"

namespace shunt::replicate {

using net::Awaitable;

namespace errors = protocol::errors;

namespace {

/// Numbers as in Kafka's AclOperation; the bit of each in the answers' fields.
enum class Operation : std::int8_t {
  read = 3,
  write = 4,
  create = 5,
  remove = 6,
  alter = 7,
  describe = 8,
  describe_configs = 10,
  alter_configs = 11,
};

const char* to_string(Operation operation) {
  switch (operation) {
    case Operation::read:
      return "Read";
    case Operation::write:
      return "Write";
    case Operation::create:
      return "Create";
    case Operation::remove:
      return "Delete";
    case Operation::alter:
      return "Alter";
    case Operation::describe:
      return "Describe";
    case Operation::describe_configs:
      return "DescribeConfigs";
    case Operation::alter_configs:
      return "AlterConfigs";
  }
  return "?";
}

using Operations = std::optional<std::int32_t>;  // nothing: the broker does not say

bool allows(const Operations& operations, Operation operation) {
  return !operations || (*operations >> static_cast<int>(operation) & 1) != 0;
}

constexpr std::int32_t not_said = std::numeric_limits<std::int32_t>::min();
// No topic has such a partition: whoever asks about it changes nothing.
constexpr protocol::PartitionIndex no_partition{std::numeric_limits<std::int32_t>::max()};
constexpr std::int16_t last_single_transaction_version = 3;
constexpr std::size_t topics_per_request = 1000;
constexpr std::size_t topics_per_line = 5;
constexpr std::int16_t last_version_by_name = 9;  // of OffsetCommit
constexpr std::size_t most_groups = 20;           // that are asked about one by one
constexpr const char* any_group = "shunt-check";  // no group's name in earnest
constexpr std::int8_t acl_of_cluster = 4;
constexpr std::int8_t any_acl = 1;
constexpr const char* alter_cluster = "permission Alter on the cluster";

/// For a shell.
std::string quoted(const std::string& text) {
  const bool is_plain = std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-' || c == ':';
  });
  return is_plain && !text.empty() ? text : "'" + text + "'";
}

/// What is asked of one cluster, and found missing.
class RightsCheck {
 public:
  RightsCheck(Cluster& cluster, const ClusterSettings& settings) : cluster_(cluster), settings_(settings) {}

  /// What the brokers would allow on these topics, whether they exist or not.
  Awaitable<> ask_topics(std::vector<std::string> names) {
    for (std::size_t begin = 0; begin < names.size(); begin += topics_per_request) {
      protocol::MetadataRequest request;
      request.allow_auto_topic_creation = false;
      request.include_topic_authorized_operations = true;
      request.topics.emplace();
      for (std::size_t i = begin; i < std::min(begin + topics_per_request, names.size()); ++i) {
        request.topics->push_back({.topic_id = {}, .name = names[i]});
      }
      const auto response = co_await ask(std::move(request));
      for (const auto& topic : response.topics) {
        const bool is_hidden = topic.error_code == errors::topic_authorization_failed;
        const Operations said = topic.topic_authorized_operations == not_said
                                    ? std::nullopt
                                    : Operations(topic.topic_authorized_operations);
        operations_[topic.name.value_or("")] = is_hidden ? Operations(0) : said;
        if (is_hidden) hidden_.push_back(topic.name.value_or(""));
        is_said_ = is_said_ && (is_hidden || said.has_value());
      }
    }
  }

  /// On the cluster itself; brokers say it only to those who may describe it.
  Awaitable<> ask_cluster() {
    protocol::DescribeClusterRequest request;
    request.include_cluster_authorized_operations = true;
    const auto response = co_await ask(request);
    if (response.cluster_authorized_operations != not_said) {
      cluster_operations_ = response.cluster_authorized_operations;
    }
  }

  /// Of topics that were asked for by name, and that no list of topics shows.
  void need_sight(const std::vector<std::string>& topics, const std::string& why) {
    std::vector<std::string> missing;
    for (const std::string& topic : topics) {
      if (std::ranges::find(hidden_, topic) != hidden_.end()) missing.push_back(topic);
    }
    tell_topics(Operation::read, missing, CheckOutcome::failed, why);
  }

  /// `why`: what does not work without it.
  void need(Operation operation, const std::vector<std::string>& topics, CheckOutcome without, const std::string& why) {
    std::vector<std::string> missing;
    for (const std::string& topic : topics) {
      const auto known = operations_.find(topic);
      if (known != operations_.end() && !allows(known->second, operation)) missing.push_back(topic);
    }
    tell_topics(operation, missing, without, why);
  }

  /// Topics are created with the right on them, or on the cluster.
  Awaitable<> need_create(std::vector<std::string> topics, CheckOutcome without, const char* why) {
    if (allows(cluster_operations_, Operation::create)) co_return;
    std::vector<std::string> doubtful;
    for (std::string& topic : topics) {
      if (!allows(operations_[topic], Operation::create)) doubtful.push_back(std::move(topic));
    }
    if (doubtful.empty()) co_return;
    // Who may not describe the cluster is not told what is allowed on it: then it is asked for, without being done.
    protocol::CreateTopicsRequest request;
    request.validate_only = true;
    for (const std::string& topic : doubtful) {
      auto& asked = request.topics.emplace_back();
      asked.name = topic;
      asked.num_partitions = 1;
      asked.replication_factor = -1;
    }
    const auto response = co_await ask(std::move(request), {}, true);
    std::vector<std::string> missing;
    for (const auto& topic : response.topics) {
      if (topic.error_code == errors::topic_authorization_failed ||
          topic.error_code == errors::cluster_authorization_failed) {
        missing.push_back(topic.name);
      }
    }
    tell_topics(Operation::create, missing, without, why);
  }

  /// To read access rights, and, if it `writes`, to change them. Without an authorizer nobody needs a right.
  Awaitable<> need_acls(bool writes) {
    protocol::DescribeAclsRequest request;
    request.resource_type_filter = acl_of_cluster;
    request.operation = any_acl;
    request.permission_type = any_acl;
    const auto response = co_await ask(std::move(request));
    if (response.error_code == errors::security_disabled) co_return;
    const char* why = "without it access rights are not carried over, unless sync.topic.acls.enabled = false";
    if (response.error_code == errors::cluster_authorization_failed) {
      tell(CheckOutcome::note, "permission Describe on the cluster", why, "--operation Describe --cluster");
    } else if (writes && failure_.empty() && !allows(cluster_operations_, Operation::alter)) {
      tell(CheckOutcome::note, alter_cluster, why, "--operation Alter --cluster");
    }
  }

  /// What fills holes without Alter on the cluster. `topic`: any of the target's.
  Awaitable<> need_holes(std::string flow, std::string topic) {
    const std::string transactional_id = fmt::format("shunt.{}.{}-0", flow, topic);
    protocol::AddPartitionsToTxnRequest adding;
    adding.v3_and_below_transactional_id = transactional_id;
    adding.v3_and_below_producer_id = protocol::ProducerId(0);
    adding.v3_and_below_producer_epoch = protocol::ProducerEpoch(0);
    adding.v3_and_below_topics.push_back({.name = topic, .partitions = {no_partition}});
    const net::CallOptions options{.at_most_version = last_single_transaction_version, .timeout = {}};
    const auto added = co_await ask(std::move(adding), options);
    for (const auto& answered : added.results_by_topic_v3_and_below) {
      for (const auto& partition : answered.results_by_partition) {
        if (partition.partition_error_code != errors::transactional_id_authorization_failed) continue;
        tell(CheckOutcome::failed, fmt::format("permission Write on transactional id {}", transactional_id),
             "without it a partition waits at the first hole in the source's offsets (a transaction's marker, what "
             "compaction took)",
             "--operation Write --transactional-id shunt. --resource-pattern-type prefixed");
      }
    }
  }

  /// `topic`: any of the target's. `without`: what it means that it may not.
  Awaitable<> need_markers(std::string topic, std::string without) {
    protocol::WriteTxnMarkersRequest writing;
    auto& marker = writing.markers.emplace_back();
    marker.producer_id = protocol::ProducerId(0);
    marker.producer_epoch = protocol::ProducerEpoch(0);
    marker.topics.push_back({.name = topic, .partition_indexes = {no_partition}});
    const auto written = co_await ask(std::move(writing));
    for (const auto& answered : written.markers) {
      for (const auto& one : answered.topics) {
        for (const auto& partition : one.partitions) {
          if (partition.error_code != errors::cluster_authorization_failed) continue;
          tell(CheckOutcome::note, alter_cluster, without, "--operation Alter --cluster");
        }
      }
    }
  }

  /// Groups are seen by who may describe them. Any broker says so, whoever coordinates them.
  Awaitable<> need_sight_of_groups(std::vector<std::string> named, CheckOutcome without) {
    const bool any = named.empty();
    if (any) named.emplace_back(any_group);
    protocol::DescribeGroupsRequest request;
    request.groups = named;
    const auto response = co_await ask(std::move(request));
    for (const auto& group : response.groups) {
      if (group.error_code != errors::group_authorization_failed) continue;
      if (any) {
        tell(CheckOutcome::note, "permission Describe on all groups", "groups that it may not describe are not seen",
             "--operation Describe --group '*'");
      } else {
        tell(without, "permission Describe on group " + group.group_id,
             "without it the group is not seen, and its offsets are not carried over",
             "--operation Describe --group " + quoted(group.group_id));
      }
    }
  }

  /// `topic`: any of the target's. Nothing is committed: no topic has that partition.
  Awaitable<> need_groups(std::vector<std::string> groups, std::string topic) {
    if (groups.empty()) groups.emplace_back(any_group);
    const net::CallOptions options{.at_most_version = last_version_by_name, .timeout = {}};
    for (std::size_t i = 0; i < std::min(groups.size(), most_groups); ++i) {
      protocol::OffsetCommitRequest request;
      request.group_id = groups[i];
      auto& asked = request.topics.emplace_back();
      asked.name = topic;
      asked.partitions.emplace_back().partition_index = no_partition;
      const auto response = co_await ask(std::move(request), options);
      for (const auto& answered : response.topics) {
        for (const auto& one : answered.partitions) {
          if (one.error_code != errors::group_authorization_failed) continue;
          tell(CheckOutcome::failed, "permission Read on group " + groups[i],
               "without it the offsets of the group are not written (sync.group.offsets.enabled)",
               "--operation Read --group " + quoted(groups[i]));
        }
      }
    }
  }

  std::vector<CheckStep> take_steps() {
    if (!failure_.empty()) {
      tell_plain(CheckOutcome::note, "permissions", "not all could be asked: " + failure_);
    } else if (!is_said_) {
      tell_plain(CheckOutcome::note, "permissions",
                 "the brokers do not say what this user may do with topics: it will be seen when it is done");
    } else if (std::ranges::none_of(steps_, [](const CheckStep& step) { return step.outcome != CheckOutcome::note; })) {
      tell_plain(CheckOutcome::ok, "permissions",
                 steps_.empty() ? "all that this flow needs" : "all that this flow cannot do without");
    }
    return std::move(steps_);
  }

 private:
  /// An answer that says nothing where there is none: what was found already stays.
  template <class Request>
  Awaitable<typename Request::Response> ask(Request request, net::CallOptions options = {},
                                            bool of_controller = false) {
    try {
      if (of_controller) co_return co_await cluster_.call_controller(std::move(request), options);
      co_return co_await cluster_.call_any(std::move(request), options);
    } catch (const std::runtime_error& error) {  // ClusterError, net::BrokerError
      if (failure_.empty()) failure_ = error.what();
    }
    co_return typename Request::Response{};
  }

  void tell_topics(Operation operation, const std::vector<std::string>& topics, CheckOutcome without,
                   const std::string& why) {
    if (topics.empty()) return;
    const std::size_t shown = topics.size() <= topics_per_line ? 1 : topics_per_line;
    for (std::size_t begin = 0; begin < topics.size(); begin += shown) {
      const std::vector<std::string> named(topics.begin() + static_cast<std::ptrdiff_t>(begin),
                                           topics.begin() + static_cast<std::ptrdiff_t>(begin + shown));
      const std::size_t more = shown == 1 ? 0 : topics.size() - shown;
      std::string arguments = fmt::format("--operation {}", to_string(operation));
      for (const std::string& topic : named) arguments += " --topic " + quoted(topic);
      tell(without,
           fmt::format("permission {} on topic{} {}{}", to_string(operation), named.size() == 1 ? "" : "s",
                       fmt::join(named, ", "), more == 0 ? "" : fmt::format(" and {} more", more)),
           why, arguments);
      if (more > 0) return;
    }
  }

  void tell(CheckOutcome outcome, std::string what, const std::string& why, const std::string& arguments) {
    if (std::ranges::find(steps_, what, &CheckStep::what) != steps_.end()) return;  // for another reason already
    tell_plain(outcome, std::move(what),
               fmt::format("{} does not have it: {}. Grant it: kafka-acls.sh --bootstrap-server {} --add "
                           "--allow-principal {} {}",
                           principal(), why, settings_.bootstrap.front().to_string(), quoted(principal()), arguments));
  }

  void tell_plain(CheckOutcome outcome, std::string what, std::string detail) {
    steps_.push_back({.outcome = outcome, .what = std::move(what), .detail = std::move(detail)});
  }

  /// As brokers call this user, unless they have rules of their own.
  [[nodiscard]] std::string principal() const {
    return own_principal(settings_.client.security).value_or("User:<name>");
  }

  Cluster& cluster_;
  const ClusterSettings& settings_;
  std::map<std::string, Operations> operations_;
  std::vector<std::string> hidden_;
  std::int32_t cluster_operations_ = 0;  // 0 also: not said
  bool is_said_ = true;
  std::string failure_;  // of the first question that nobody has answered
  std::vector<CheckStep> steps_;
};

bool keeps_offset_syncs(const ReplicationSettings& settings, const AdminWork& work, bool is_target) {
  return (settings.may_map() || work.writes_offset_syncs) && settings.offset_syncs_on_target == is_target;
}

Awaitable<> need_own_topic(RightsCheck& rights, Cluster& cluster, std::string name, bool is_read, CheckOutcome without,
                           const char* why) {
  const std::vector<std::string> topic{std::move(name)};
  if (is_read) rights.need(Operation::read, topic, without, why);
  rights.need(Operation::write, topic, without, why);
  if (cluster.find_topic(topic.front()) == nullptr) co_await rights.need_create(topic, without, why);
}

Awaitable<> need_offset_syncs(RightsCheck& rights, Cluster& cluster, const ReplicationSettings& settings,
                              const AdminWork& work, bool is_target) {
  if (!keeps_offset_syncs(settings, work, is_target)) co_return;
  const auto without = settings.offsets == OffsetsMode::identical ? CheckOutcome::warning : CheckOutcome::failed;
  const char* why = settings.may_map()
                        ? "without it no offset map is kept, and no partition goes on with mapped offsets"
                        : "without it MirrorMaker 2 cannot go on from where this mirror is; needless with "
                          "emit.offset-syncs.enabled = false";
  co_await need_own_topic(rights, cluster, settings.offset_syncs.topic, settings.may_map(), without, why);
}

}  // namespace

Awaitable<std::vector<CheckStep>> check_source_rights(Cluster& source, const ReplicationSettings& settings,
                                                      const AdminWork& work, std::vector<std::string> topics,
                                                      std::vector<std::string> unseen, bool creates) {
  RightsCheck rights(source, settings.source);
  std::vector<std::string> asked = topics;
  asked.insert(asked.end(), unseen.begin(), unseen.end());
  if (keeps_offset_syncs(settings, work, false)) asked.push_back(settings.offset_syncs.topic);
  co_await rights.ask_topics(std::move(asked));
  rights.need_sight(unseen, "without it the topic is not seen, and nothing of it can be mirrored");
  rights.need(Operation::read, topics, CheckOutcome::failed, "without it nothing of the topic can be mirrored");
  if (settings.topics.copy_configs) {
    rights.need(Operation::describe_configs, topics, creates ? CheckOutcome::failed : CheckOutcome::note,
                "without it no topic is created on the target, and settings are not followed, unless "
                "sync.topic.configs.enabled = false");
  }
  if (work.acls) co_await rights.need_acls(false);
  co_await need_offset_syncs(rights, source, settings, work, false);
  if (work.reads_groups) {
    const auto without = work.writes_groups ? CheckOutcome::failed : CheckOutcome::warning;
    co_await rights.need_sight_of_groups(work.named_groups, without);
  }
  co_return rights.take_steps();
}

Awaitable<std::vector<CheckStep>> check_target_rights(Cluster& target, const ReplicationSettings& settings,
                                                      const AdminWork& work, std::vector<std::string> topics,
                                                      std::vector<std::string> growing) {
  RightsCheck rights(target, settings.target);
  std::vector<std::string> asked = topics;
  if (keeps_offset_syncs(settings, work, true)) asked.push_back(settings.offset_syncs.topic);
  if (!work.checkpoints_topic.empty()) asked.push_back(work.checkpoints_topic);
  const std::vector<std::string> marks{settings.failover_marks.topic};
  if (!settings.failover_marks.topic.empty()) asked.push_back(settings.failover_marks.topic);
  co_await rights.ask_topics(std::move(asked));
  co_await rights.ask_cluster();
  rights.need(Operation::write, topics, CheckOutcome::failed, "without it nothing can be mirrored into the topic");
  rights.need(Operation::read, topics, CheckOutcome::failed,
              "without it the mirror cannot read back where it has ended, which is how it goes on exactly once");
  std::vector<std::string> absent;
  for (const std::string& topic : topics) {
    if (target.find_topic(topic) == nullptr) absent.push_back(topic);
  }
  co_await rights.need_create(absent, CheckOutcome::failed, "without it the topic cannot be created");
  rights.need(Operation::alter, growing, CheckOutcome::failed,
              "without it the topic is not given the source's partitions");
  if (growing.empty()) {
    rights.need(Operation::alter, topics, CheckOutcome::note,
                "without it partitions that are added on the source later are not mirrored");
  }
  const bool recreates = settings.policies.of(Condition::source_recreated) == Policy::recreate;
  if (settings.offsets != OffsetsMode::mapped || recreates) {
    rights.need(
        Operation::remove, topics, recreates ? CheckOutcome::failed : CheckOutcome::note,
        recreates ? "without it shunt.on.source.recreated = recreate cannot be obeyed"
                  : "without it a partition whose first records the source no longer has is not filled up to where it "
                    "begins (DeleteRecords)");
  }
  rights.need(Operation::describe_configs, topics, CheckOutcome::note,
              work.topic_configs
                  ? "without it settings that change on the source are not followed, and nothing warns of "
                    "those that change what is stored (compression.type, message.timestamp.type)"
                  : "without it nothing warns of target settings that change what is stored "
                    "(compression.type, message.timestamp.type)");
  if (work.topic_configs) {
    rights.need(Operation::alter_configs, topics, CheckOutcome::note,
                "without it settings that change on the source are not followed, unless sync.topic.configs.enabled = "
                "false");
  }
  if (!topics.empty()) {
    std::string without =
        "without it no other instance of this mirror is fenced out where compaction has taken records";
    if (settings.offsets != OffsetsMode::mapped) {
      co_await rights.need_holes(settings.name, topics.front());
      without = "without it every offset of a hole is an empty transaction, which is slower";
    }
    co_await rights.need_markers(topics.front(), without);
  }
  if (!settings.failover_marks.topic.empty()) {
    rights.need(Operation::read, marks, CheckOutcome::note,
                "without it a mirror does not notice that its flow has failed over (shunt failover)");
  }
  if (work.acls) co_await rights.need_acls(true);
  co_await need_offset_syncs(rights, target, settings, work, true);
  if (!work.checkpoints_topic.empty()) {
    co_await need_own_topic(rights, target, work.checkpoints_topic, true, CheckOutcome::warning,
                            "without it no checkpoints are written for RemoteClusterUtils; needless with "
                            "emit.checkpoints.enabled = false");
  }
  if (work.writes_groups && !topics.empty()) co_await rights.need_groups(work.groups, topics.front());
  co_return rights.take_steps();
}

}  // namespace shunt::replicate
