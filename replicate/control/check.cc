#include "replicate/control/check.h"

#include <algorithm>

#include <fmt/format.h>

#include "net/broker_client.h"
#include "protocol/error.h"
#include "protocol/messages/describe_producers.h"
#include "protocol/messages/fetch.h"
#include "protocol/messages/metadata.h"
#include "protocol/messages/offset_for_leader_epoch.h"
#include "protocol/messages/produce.h"
#include "replicate/control/cluster.h"
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

// What the data path speaks; both are part of every broker from Kafka 2.8 on.
constexpr Need source_needs[] = {{protocol::FetchRequest::api.key, 11, "Fetch 11"}};
constexpr Need target_needs[] = {{protocol::ProduceRequest::api.key, 8, "Produce 8"},
                                 {protocol::OffsetForLeaderEpochRequest::api.key, 3, "OffsetForLeaderEpoch 3"},
                                 {protocol::DescribeProducersRequest::api.key, 0, "DescribeProducers 0"}};

template <std::size_t Count>
std::string missing(const net::ApiVersions& versions, const Need (&needs)[Count]) {
  std::string names;
  for (const Need& need : needs) {
    if (versions.supports(need.key, need.version)) continue;
    names += (names.empty() ? "" : ", ") + std::string(need.name);
  }
  return names;
}

net::Time deadline(const ClusterSettings& settings) {
  return std::chrono::steady_clock::now() + settings.client.connect_timeout + settings.client.handshake_timeout;
}

/// One connection and its handshake. True: it stands, and speaks what is needed.
Awaitable<bool> check_address(net::asio::any_io_executor executor, const ClusterSettings& settings, std::string what,
                              net::HostPort address, bool is_source, Tell tell) {
  const auto client = std::make_shared<net::BrokerClient>(
      executor, std::make_shared<const net::ClientSettings>(settings.client), what, address);
  CheckStep step{.ok = false, .what = fmt::format("{} ({})", what, address.to_string()), .detail = {}};
  try {
    const auto connection = co_await client->connect(deadline(settings));
    const std::string names =
        is_source ? missing(connection->versions(), source_needs) : missing(connection->versions(), target_needs);
    step.ok = names.empty();
    step.detail = names.empty() ? "connected, handshake complete"
                                : fmt::format("the broker does not speak {}: it must be Kafka 2.8 or later", names);
    connection->fail("check complete");
  } catch (const net::BrokerError& error) {
    step.detail = error.what();
  }
  tell(step);
  co_return step.ok;
}

Awaitable<bool> check_cluster(net::asio::any_io_executor executor, ClusterSettings settings, std::string role,
                              bool is_source, std::function<bool(std::string_view)> includes, Tell tell) {
  const std::string name = fmt::format("{} {}", role, settings.alias);
  bool any = false;
  for (const net::HostPort& address : settings.bootstrap) {
    any = co_await check_address(executor, settings, name + ", bootstrap", address, is_source, tell) || any;
  }
  if (!any) co_return false;

  Cluster cluster(executor, settings);
  bool ok = true;
  std::string failure;
  try {
    co_await cluster.refresh_topics();
  } catch (const ClusterError& error) {
    failure = error.what();
  }
  if (!failure.empty()) {
    tell({.ok = false, .what = name + ", metadata", .detail = failure});
    cluster.close();
    co_return false;
  }
  for (const auto& [broker, address] : cluster.brokers()) {
    const std::string what = fmt::format("{}, broker {}", name, broker.value());
    ok = co_await check_address(executor, settings, what, address, is_source, tell) && ok;
  }
  std::size_t selected = 0;
  std::size_t leaderless = 0;
  for (const auto& [topic_name, topic] : cluster.topics()) {
    if (topic.is_internal || !includes(topic_name)) continue;
    if (topic.error_code != 0) {
      tell({.ok = false, .what = name + ", topic " + topic_name, .detail = protocol::error_name(topic.error_code)});
      ok = false;
      continue;
    }
    ++selected;
    leaderless +=
        static_cast<std::size_t>(std::count_if(topic.partitions.begin(), topic.partitions.end(),
                                               [](const Topic::Partition& p) { return p.leader.value() < 0; }));
  }
  if (is_source) {
    tell({.ok = selected > 0,
          .what = name + ", topics",
          .detail = selected > 0 ? fmt::format("{} selected of {} visible", selected, cluster.topics().size())
                                 : fmt::format("none of {} visible topics is selected by `topics` and `topics.exclude`",
                                               cluster.topics().size())});
    ok = ok && selected > 0;
    if (leaderless > 0) {
      tell({.ok = false,
            .what = name + ", leaders",
            .detail = fmt::format("{} selected partitions have no leader at the moment", leaderless)});
      ok = false;
    }
  } else {
    tell({.ok = true, .what = name + ", topics", .detail = fmt::format("{} visible", cluster.topics().size())});
  }
  cluster.close();
  co_return ok;
}

}  // namespace

Awaitable<bool> check_connectivity(net::asio::any_io_executor executor, const Config& config, Tell tell) {
  bool ok = true;
  for (const FlowConfig& flow : config.flows) {
    const ReplicationSettings settings = replication_settings(flow);
    ok = co_await check_cluster(executor, settings.source, "source", true, settings.includes, tell) && ok;
    ok = co_await check_cluster(executor, settings.target, "target", false, settings.includes, tell) && ok;
  }
  co_return ok;
}

}  // namespace shunt::replicate
