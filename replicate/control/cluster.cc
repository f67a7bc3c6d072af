#include "replicate/control/cluster.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "protocol/error.h"

namespace shunt::replicate {

using net::Awaitable;
using net::BrokerClient;
using net::HostPort;
using protocol::BrokerId;
using protocol::MetadataRequest;
using protocol::MetadataResponse;

namespace {

// When all hang: connections are made anew then, and who waits for other news hears them.
constexpr net::Duration metadata_timeout = std::chrono::seconds(5);

// The largest clusters there are have some hundreds.
constexpr std::size_t most_brokers = 10'000;

// Of the brokers that are known: a question that so many of them do not answer is left to the next attempt.
constexpr std::size_t most_candidates = 8;

}  // namespace

Cluster::Cluster(net::asio::any_io_executor executor, ClusterSettings settings)
    : executor_(std::move(executor)),
      settings_(std::move(settings)),
      client_settings_(std::make_shared<net::ClientSettings>(settings_.client)) {}

Cluster::~Cluster() {
  close();
}

void Cluster::close() {
  closed_ = true;
  for (const Clients* clients : {&clients_, &writers_}) {
    for (const auto& [address, client] : *clients) client->close();
  }
}

// ---- Metadata -------------------------------------------------------------------------------------------------------

Awaitable<> Cluster::refresh() {
  std::optional<std::vector<std::string>> none;
  none.emplace();
  co_await fetch_metadata(std::move(none));
}

Awaitable<> Cluster::refresh_topics() {
  co_await fetch_metadata(std::nullopt);
}

Awaitable<> Cluster::refresh_topics(std::vector<std::string> names) {
  std::optional<std::vector<std::string>> wanted(std::move(names));
  co_await fetch_metadata(std::move(wanted));
}

Awaitable<> Cluster::fetch_metadata(std::optional<std::vector<std::string>> names) {
  MetadataRequest request;
  request.allow_auto_topic_creation = false;
  if (names) {
    request.topics.emplace();
    for (std::string& name : *names) request.topics->emplace_back().name = std::move(name);
  } else {
    request.topics.reset();
  }
  const net::CallOptions options{.at_most_version = {},
                                 .timeout = std::min(settings_.client.request_timeout, metadata_timeout)};
  const MetadataResponse response = co_await call_any(std::move(request), options);
  if (response.error_code != 0) {
    brokers_.clear();  // REBOOTSTRAP_REQUIRED (KIP-1102): back to the addresses of the configuration
    throw ClusterError(
        fmt::format("{}: a broker answered {} to Metadata", alias(), protocol::error_name(response.error_code)));
  }
  accept_brokers(response);
  Topics before;
  if (!names) before.swap(topics_);
  for (const MetadataResponse::Topic& topic : response.topics) accept_topic(topic, names ? topics_ : before);
}

void Cluster::accept_brokers(const MetadataResponse& response) {
  if (response.brokers.empty()) {
    throw ClusterError(
        fmt::format("{}: the cluster names no broker in its Metadata answer (it may be starting)", alias()));
  }
  if (response.brokers.size() > most_brokers) {
    throw ClusterError(fmt::format("{}: not to be believed: the Metadata answer names {} brokers, more than {}",
                                   alias(), response.brokers.size(), most_brokers));
  }
  const std::string id = response.cluster_id.value_or("");
  if (!id_.empty() && !id.empty() && id != id_) {
    throw ClusterError(
        fmt::format("{}: cluster id {} answers where {} did before: another cluster has taken over an address "
                    "of this one; restart shunt if that is meant",
                    alias(), id, id_));
  }
  if (!id.empty()) id_ = id;
  brokers_.clear();
  for (const MetadataResponse::Broker& broker : response.brokers) {
    if (broker.port < 1 || broker.port > 65535 || broker.host.empty()) {
      throw ClusterError(fmt::format("{}: broker {} advertises the address \"{}:{}\"; correct its advertised.listeners",
                                     alias(), broker.node_id.value(), broker.host, broker.port));
    }
    brokers_[broker.node_id] = {.host = broker.host, .port = static_cast<std::uint16_t>(broker.port)};
  }
  controller_ = response.controller_id;
  drop_unused_clients();
}

void Cluster::accept_topic(const MetadataResponse::Topic& answered, const Topics& before) {
  if (!answered.name) return;  // asked for by id, which is not done here
  Topic topic;
  topic.name = *answered.name;
  topic.id = answered.topic_id;
  topic.is_internal = answered.is_internal;
  topic.error_code = answered.error_code;
  topic.partitions.resize(answered.partitions.size());
  for (const auto& partition : answered.partitions) {
    const auto index = static_cast<std::size_t>(partition.partition_index.value());
    if (partition.partition_index.value() < 0 || index >= topic.partitions.size()) {
      throw ClusterError(fmt::format("{}: malformed Metadata answer: topic {} has {} partitions and one with number {}",
                                     alias(), topic.name, topic.partitions.size(), partition.partition_index.value()));
    }
    topic.partitions[index] = {.leader = partition.leader_id,
                               .leader_epoch = partition.leader_epoch,
                               .replicas = static_cast<std::int16_t>(partition.replica_nodes.size()),
                               .error_code = partition.error_code};
  }
  // A broker that lags behind the others would take us back to a leader that was deposed (KIP-320).
  if (const auto known = before.find(topic.name);
      known != before.end() && known->second.id == topic.id && !topic.id.is_zero()) {
    const std::vector<Topic::Partition>& old = known->second.partitions;
    for (std::size_t index = 0; index < std::min(old.size(), topic.partitions.size()); ++index) {
      if (old[index].leader_epoch > topic.partitions[index].leader_epoch) topic.partitions[index] = old[index];
    }
  }
  std::string name = topic.name;
  topics_.insert_or_assign(std::move(name), std::move(topic));
}

const Topic* Cluster::find_topic(std::string_view name) const {
  const auto entry = topics_.find(name);
  return entry == topics_.end() ? nullptr : &entry->second;
}

const Topic::Partition* Cluster::find_partition(const TopicPartition& partition) const {
  const Topic* topic = find_topic(partition.topic);
  const auto index = static_cast<std::size_t>(partition.partition.value());
  if (topic == nullptr || partition.partition.value() < 0 || index >= topic->partitions.size()) return nullptr;
  return &topic->partitions[index];
}

const Topic::Partition* Cluster::find_led(const TopicPartition& partition) const {
  const Topic::Partition* known = find_partition(partition);
  return known != nullptr && brokers_.contains(known->leader) ? known : nullptr;
}

Cluster::NoLeader Cluster::why_not_led(const TopicPartition& partition) const {
  const Topic* topic = find_topic(partition.topic);
  if (topic != nullptr && topic->error_code != 0) {
    return {.error_code = topic->error_code,
            .reason = fmt::format("{} answers {} for topic {}", alias(), protocol::error_name(topic->error_code),
                                  partition.topic)};
  }
  return {.error_code = protocol::errors::leader_not_available,
          .reason = fmt::format("{} has no leader for {} at the moment", alias(), partition.to_string())};
}

// ---- Brokers --------------------------------------------------------------------------------------------------------

std::shared_ptr<BrokerClient> Cluster::client_at(const HostPort& address, const std::string& role, Clients& clients) {
  if (closed_) throw ClusterError(fmt::format("{}: closed by shunt", alias()));
  std::shared_ptr<BrokerClient>& client = clients[address];
  if (!client) {
    client = std::make_shared<BrokerClient>(executor_, client_settings_, fmt::format("{} {}", alias(), role), address);
  }
  return client;
}

std::shared_ptr<BrokerClient> Cluster::client_of(BrokerId broker, Clients& clients) {
  const auto entry = brokers_.find(broker);
  if (entry == brokers_.end()) {
    throw ClusterError(fmt::format("{}: broker {} is not (or no longer) in the cluster", alias(), broker.value()));
  }
  return client_at(entry->second, fmt::format("broker {}", broker.value()), clients);
}

std::vector<std::shared_ptr<BrokerClient>> Cluster::candidates() {
  // Not always the first: the metadata requests of many instances would meet on one broker.
  std::vector<BrokerId> brokers;
  brokers.reserve(brokers_.size());
  for (const auto& [broker, address] : brokers_) brokers.push_back(broker);
  std::shuffle(brokers.begin(), brokers.end(), random_);
  const auto is_known = [this](BrokerId broker) {
    const auto client = clients_.find(brokers_.at(broker));
    return client != clients_.end() && client->second->is_connected();
  };
  std::stable_partition(brokers.begin(), brokers.end(), is_known);
  brokers.resize(std::min(brokers.size(), most_candidates));
  std::vector<std::shared_ptr<BrokerClient>> all;
  all.reserve(brokers.size() + settings_.bootstrap.size());
  for (const BrokerId broker : brokers) all.push_back(client_of(broker));
  for (const HostPort& address : settings_.bootstrap) {
    const auto client = client_at(address, "bootstrap server", clients_);
    if (std::find(all.begin(), all.end(), client) == all.end()) all.push_back(client);
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    const auto rank = [](const BrokerClient& client) {
      return client.is_connected() ? 0 : client.is_resting() ? 2 : 1;
    };
    return rank(*a) < rank(*b);
  });
  return all;
}

ClusterError Cluster::unreachable(const std::vector<net::BrokerError>& failures) const {
  if (failures.empty()) {
    return ClusterError(
        fmt::format("cluster {}: no broker could be asked: no bootstrap server is configured", alias()));
  }
  std::string reasons;
  for (const net::BrokerError& failure : failures) reasons += fmt::format("\n  {}", failure.what());
  const bool is_final = std::all_of(failures.begin(), failures.end(), [](const auto& one) { return one.is_final(); });
  return ClusterError(fmt::format("cluster {}: no broker could be asked:{}", alias(), reasons), is_final);
}

net::Duration Cluster::silence_of(BrokerId broker) const {
  const auto address = brokers_.find(broker);
  if (address == brokers_.end()) return {};
  net::Duration longest{};
  for (const Clients* clients : {&clients_, &writers_}) {
    const auto client = clients->find(address->second);
    if (client != clients->end()) longest = std::max(longest, client->second->silence());
  }
  return longest;
}

void Cluster::drop_unused_clients() {
  std::set<HostPort> in_use;
  for (const auto& [broker, address] : brokers_) in_use.insert(address);
  for (Clients* clients : {&clients_, &writers_}) {
    std::erase_if(*clients, [&](const auto& entry) {
      if (in_use.contains(entry.first)) return false;
      entry.second->close();
      return true;
    });
  }
}

Awaitable<Cluster::BrokerPlace> Cluster::find_place(BrokerId broker) {
  const std::shared_ptr<BrokerClient> client = client_of(broker);
  const auto connection = co_await client->connect(net::now() + settings_.client.request_timeout);
  co_return BrokerPlace{.endpoint = connection->remote(), .host = client->address().host};
}

Awaitable<bool> Cluster::speaks(BrokerId broker, std::int16_t api_key, std::int16_t version) {
  const std::shared_ptr<BrokerClient> client = client_of(broker);
  const auto connection = co_await client->connect(net::now() + settings_.client.request_timeout);
  co_return connection->versions().supports(api_key, version);
}

}  // namespace shunt::replicate
