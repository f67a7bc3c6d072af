#include "replicate/control/check.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "net/broker_client.h"
#include "protocol/error.h"
#include "protocol/messages/describe_producers.h"
#include "protocol/messages/fetch.h"
#include "protocol/messages/metadata.h"
#include "protocol/messages/offset_for_leader_epoch.h"
#include "protocol/messages/produce.h"
#include "replicate/control/cluster.h"
#include "replicate/control/flow_rights.h"
#include "replicate/settings.h"

namespace shunt::replicate {

using net::Awaitable;

namespace {

using Tell = std::function<void(const CheckStep&)>;

struct Need {
  std::int16_t key;
  std::int16_t version;
  const char* name;
};

// What the data path speaks; all of it is part of every broker from Kafka 2.8 on.
constexpr Need source_needs[] = {{protocol::FetchRequest::api.key, 11, "Fetch 11"}};
constexpr Need target_needs[] = {{protocol::ProduceRequest::api.key, 8, "Produce 8"},
                                 {protocol::OffsetForLeaderEpochRequest::api.key, 3, "OffsetForLeaderEpoch 3"},
                                 {protocol::DescribeProducersRequest::api.key, 0, "DescribeProducers 0"}};

// Then nothing new is learnt from the next one.
constexpr std::size_t most_unreachable = 20;

enum class Role { source, target };

std::string missing(const net::ApiVersions& versions, Role role) {
  std::string names;
  const auto look = [&](const auto& needs) {
    for (const Need& need : needs) {
      if (versions.supports(need.key, need.version)) continue;
      names += (names.empty() ? "" : ", ") + std::string(need.name);
    }
  };
  role == Role::source ? look(source_needs) : look(target_needs);
  return names;
}

std::string counted(std::size_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

/// Without the broker's name, which the step has already, and with what to do.
std::string explain(const net::BrokerError& error, const std::string& name, bool is_bootstrap) {
  std::string_view why = error.what();
  if (const std::string prefix = name + ": "; why.starts_with(prefix)) why.remove_prefix(prefix.size());
  const char* source = is_bootstrap ? "bootstrap.servers" : "the broker's advertised.listeners";
  switch (error.step()) {
    case net::BrokerStep::resolve:
      return fmt::format("{}; correct the name in {}, or this machine's DNS", why, source);
    case net::BrokerStep::connect:
      return fmt::format("{}; look whether the broker runs, whether {} names the right port, and for firewalls", why,
                         source);
    case net::BrokerStep::tls:
    case net::BrokerStep::handshake:
    case net::BrokerStep::sasl:
    case net::BrokerStep::request:
      return std::string(why);
  }
  return std::string(why);
}

/// One of the two clusters of a flow.
class ClusterCheck {
 public:
  ClusterCheck(net::asio::any_io_executor executor, const std::string& flow, Role role, ClusterSettings settings,
               Tell tell)
      : executor_(std::move(executor)),
        role_(role),
        name_(fmt::format("{}: {} {}", flow, role == Role::source ? "source" : "target", settings.alias)),
        settings_(std::move(settings)),
        tell_(std::move(tell)),
        cluster_(executor_, settings_) {}
  ~ClusterCheck() { cluster_.close(); }
  ClusterCheck(const ClusterCheck&) = delete;
  ClusterCheck& operator=(const ClusterCheck&) = delete;

  /// Addresses, brokers and the list of topics. False: nothing more can be asked of this cluster.
  Awaitable<bool> reach() {
    if (!co_await check_bootstrap()) co_return false;
    std::string failure;
    try {
      co_await cluster_.refresh_topics();
    } catch (const ClusterError& error) {
      failure = error.what();
    }
    if (!failure.empty()) {
      tell(CheckOutcome::failed, "metadata", failure);
      co_return false;
    }
    std::size_t failed = 0;
    for (const auto& [broker, address] : cluster_.brokers()) {
      if (failed == most_unreachable) {
        tell(CheckOutcome::failed, "brokers", fmt::format("{} cannot be reached; the others were not tried", failed));
        break;
      }
      const Reached reached = co_await reach_address(fmt::format("broker {}", broker.value()), address, false);
      tell(reached.failure.empty() ? CheckOutcome::ok : CheckOutcome::failed, reached.what,
           reached.failure.empty() ? "connected, handshake complete" : reached.failure);
      if (!reached.failure.empty()) ++failed;
    }
    co_return true;
  }

  void tell(CheckOutcome outcome, const std::string& what, const std::string& detail) const {
    tell_({.outcome = outcome, .what = name_ + ", " + what, .detail = detail});
  }
  /// The same of many.
  void tell(const std::vector<CheckStep>& steps) const {
    for (const CheckStep& step : steps) tell(step.outcome, step.what, step.detail);
  }
  [[nodiscard]] const Cluster& cluster() const { return cluster_; }
  [[nodiscard]] Cluster& cluster() { return cluster_; }

 private:
  struct Reached {
    std::string what;
    std::string failure;  // empty: it stands, and speaks what is needed
    std::string cluster_id;
  };

  Awaitable<Reached> reach_address(std::string role, net::HostPort address, bool is_bootstrap) {
    Reached reached{.what = fmt::format("{} ({})", role, address.to_string()), .failure = {}, .cluster_id = {}};
    const auto client = std::make_shared<net::BrokerClient>(
        executor_, std::make_shared<const net::ClientSettings>(settings_.client), name_ + ", " + role, address);
    try {
      const net::Time deadline = net::now() + settings_.client.connect_timeout + settings_.client.handshake_timeout;
      const auto connection = co_await client->connect(deadline);
      if (const std::string names = missing(connection->versions(), role_); !names.empty()) {
        reached.failure = fmt::format("the broker does not speak {}: it must be Kafka 2.8 or later", names);
      } else {
        protocol::MetadataRequest no_topics;
        no_topics.topics.emplace();
        no_topics.allow_auto_topic_creation = false;
        reached.cluster_id = (co_await client->call(no_topics)).cluster_id.value_or("");
      }
    } catch (const net::BrokerError& error) {
      reached.failure = explain(error, client->name(), is_bootstrap);
    }
    client->close();
    co_return reached;
  }

  /// True: one address at least leads to the cluster, and none to another.
  Awaitable<bool> check_bootstrap() {
    std::vector<Reached> all;
    all.reserve(settings_.bootstrap.size());
    for (const net::HostPort& address : settings_.bootstrap)
      all.push_back(co_await reach_address("bootstrap", address, true));
    const auto first =
        std::find_if(all.begin(), all.end(), [](const Reached& reached) { return reached.failure.empty(); });
    bool one_cluster = true;
    for (const Reached& reached : all) {
      if (!reached.failure.empty()) {
        tell(first == all.end() ? CheckOutcome::failed : CheckOutcome::warning, reached.what, reached.failure);
      } else if (reached.cluster_id != first->cluster_id) {
        one_cluster = false;
        tell(CheckOutcome::failed, reached.what,
             fmt::format("belongs to cluster {}, but {} to cluster {}: {}.bootstrap.servers must name brokers of one "
                         "cluster",
                         reached.cluster_id, first->what, first->cluster_id, settings_.alias));
      } else {
        tell(CheckOutcome::ok, reached.what,
             fmt::format("connected, handshake complete, cluster {}", reached.cluster_id));
      }
    }
    co_return first != all.end() && one_cluster;
  }

  net::asio::any_io_executor executor_;
  Role role_;
  std::string name_;
  ClusterSettings settings_;
  Tell tell_;
  Cluster cluster_;
};

/// The topics that the flow selects, as far as they can be seen.
std::vector<const Topic*> check_source_topics(const ClusterCheck& source, const ReplicationSettings& settings) {
  std::vector<const Topic*> selected;
  std::size_t leaderless = 0;
  std::string first_leaderless;
  const Cluster::Topics& visible = source.cluster().topics();
  for (const auto& [name, topic] : visible) {
    if (topic.is_internal || !settings.includes(name)) continue;
    if (topic.error_code != 0) {
      source.tell(CheckOutcome::failed, "topic " + name,
                  fmt::format("the broker answers {}", protocol::error_name(topic.error_code)));
      continue;
    }
    selected.push_back(&topic);
    for (std::size_t index = 0; index < topic.partitions.size(); ++index) {
      if (topic.partitions[index].leader.value() >= 0) continue;
      if (leaderless++ == 0) first_leaderless = fmt::format("{}-{}", name, index);
    }
  }
  if (selected.empty()) {
    source.tell(CheckOutcome::failed, "topics",
                fmt::format("none of {} is selected: look at `topics` and `topics.exclude`, and whether the user may "
                            "describe them",
                            counted(visible.size(), "visible topic")));
  } else {
    source.tell(CheckOutcome::ok, "topics", fmt::format("{} selected of {} visible", selected.size(), visible.size()));
  }
  if (leaderless > 0) {
    source.tell(CheckOutcome::failed, "leaders",
                fmt::format("{} without a leader, the first is {}: a broker that holds them must come back",
                            counted(leaderless, "selected partition"), first_leaderless));
  }
  return selected;
}

/// What the flow will find in the target, and what it will have to create there.
void check_target_topics(const ClusterCheck& target, const std::vector<const Topic*>& selected,
                         const ReplicationSettings& settings) {
  std::size_t missing_topics = 0;
  for (const Topic* topic : selected) {
    const std::string name = settings.target_topic(topic->name);
    const Topic* there = target.cluster().find_topic(name);
    if (there == nullptr) {
      ++missing_topics;
    } else if (there->error_code != 0) {
      target.tell(CheckOutcome::failed, "topic " + name,
                  fmt::format("the broker answers {}", protocol::error_name(there->error_code)));
    } else if (there->partitions.size() != topic->partitions.size()) {
      const bool grows = there->partitions.size() < topic->partitions.size();
      target.tell(
          CheckOutcome::warning, "topic " + name,
          fmt::format("has {}, the source {}: {}", counted(there->partitions.size(), "partition"),
                      topic->partitions.size(),
                      grows ? "it will be given more, which changes where keys go" : "the others stay as they are"));
    }
  }
  target.tell(CheckOutcome::ok, "topics",
              fmt::format("{} there already, {} to be created", selected.size() - missing_topics, missing_topics));
  const auto brokers = static_cast<int>(target.cluster().brokers().size());
  if (missing_topics > 0 && settings.topics.replication_factor > brokers) {
    target.tell(
        CheckOutcome::warning, "replication.factor",
        fmt::format("{} replicas are asked for, but there is only {}: new topics get {}",
                    settings.topics.replication_factor, counted(static_cast<std::size_t>(brokers), "broker"), brokers));
  }
}

/// Topics that would come back, and those that would be one on the target.
void check_names(const ClusterCheck& target, const std::vector<const Topic*>& selected,
                 const ReplicationSettings& settings) {
  std::map<std::string, std::string> taken;
  for (const Topic* topic : selected) {
    if (const std::string loop = settings.loop_of(topic->name); !loop.empty()) {
      target.tell(CheckOutcome::failed, "topic " + topic->name,
                  fmt::format("it would go round for ever: {} select it under the names it has", loop));
    }
    const auto [other, is_free] = taken.emplace(settings.target_topic(topic->name), topic->name);
    if (is_free) continue;
    target.tell(CheckOutcome::failed, "topic " + other->first,
                fmt::format("source topics {} and {} would both be called so", other->second, topic->name));
  }
}

/// A flow from a cluster into itself may copy topics under new names, never onto themselves.
bool check_distinct(const ClusterCheck& target, const ClusterCheck& source, const std::vector<const Topic*>& selected,
                    const ReplicationSettings& settings) {
  if (source.cluster().id().empty() || source.cluster().id() != target.cluster().id()) return true;
  const auto onto_itself = std::find_if(selected.begin(), selected.end(), [&settings](const Topic* topic) {
    return settings.target_topic(topic->name) == topic->name;
  });
  if (onto_itself == selected.end()) return true;
  target.tell(CheckOutcome::failed, "cluster",
              fmt::format("it is the source cluster itself ({}), and {} would be copied onto itself: correct "
                          "{}.bootstrap.servers, or use a replication policy that gives other names",
                          target.cluster().id(), (*onto_itself)->name, target.cluster().alias()));
  return false;
}

Awaitable<> check_flow(net::asio::any_io_executor executor, const Config& config, const FlowConfig& flow,
                       const Tell& tell) {
  ReplicationSettings settings = replication_settings(flow);
  settings.loop_of = loop_finder(config, flow);
  ClusterCheck source(executor, settings.name, Role::source, settings.source, tell);
  ClusterCheck target(executor, settings.name, Role::target, settings.target, tell);
  const bool source_reached = co_await source.reach();
  std::vector<const Topic*> selected;
  if (source_reached) selected = check_source_topics(source, settings);
  const bool target_reached = co_await target.reach();
  if (!source_reached || !target_reached) co_return;
  if (!check_distinct(target, source, selected, settings)) co_return;
  check_target_topics(target, selected, settings);
  check_names(target, selected, settings);
  std::vector<TopicPair> pairs;
  pairs.reserve(selected.size());
  for (const Topic* topic : selected)
    pairs.push_back({.source = topic->name, .target = settings.target_topic(topic->name)});
  const FlowRights rights =
      co_await check_flow_rights(source.cluster(), target.cluster(), std::move(pairs), flow, settings);
  source.tell(rights.of_source);
  target.tell(rights.of_target);
}

}  // namespace

const char* to_string(CheckOutcome outcome) {
  switch (outcome) {
    case CheckOutcome::ok:
      return "ok";
    case CheckOutcome::note:
      return "note";
    case CheckOutcome::warning:
      return "warning";
    case CheckOutcome::failed:
      return "FAILED";
  }
  return "unknown";
}

Awaitable<bool> check_connectivity(net::asio::any_io_executor executor, const Config& config, Tell tell) {
  bool passed = true;
  const Tell tell_and_note = [&passed, &tell](const CheckStep& step) {
    passed = passed && step.outcome != CheckOutcome::failed;
    tell(step);
  };
  for (const FlowConfig& flow : config.flows) {
    co_await check_flow(executor, config, flow, tell_and_note);
  }
  co_return passed;
}

}  // namespace shunt::replicate
