// A Kafka cluster as the control plane sees it: its brokers, found from any one of the bootstrap addresses; its topics
// with their ids, partitions and leaders, as last heard; and a way to ask a broker, any broker, or the controller.
//
//   - Bootstrap addresses that are dead or wrong do not matter while one other answers. When no known broker answers
//     any more they are tried again, so a cluster may move as a whole.
//   - What is kept is what the last Metadata answer said; nothing refreshes itself: whoever meets a stale leader does.
//   - The cluster id is held to: another cluster behind the same address is an error, not a surprise.
//
// Owned by the control thread; must outlive the coroutines that use it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "net/asio.h"
#include "net/broker_client.h"
#include "protocol/ids.h"
#include "protocol/messages/metadata.h"
#include "protocol/uuid.h"

namespace shunt::replicate {

struct ClusterSettings {
  std::string alias;  // as the configuration names it; for messages
  std::vector<net::HostPort> bootstrap;
  net::ClientSettings client;
};

/// No broker could be asked, or the answer cannot be believed. what() gives the reason for every address that was
/// tried.
class ClusterError : public std::runtime_error {
 public:
  explicit ClusterError(const std::string& reason, bool is_final = false)
      : std::runtime_error(reason), is_final_(is_final) {}
  /// Nothing that was asked is a broker to speak with (BrokerError::is_final): asking again will not help.
  [[nodiscard]] bool is_final() const { return is_final_; }

 private:
  bool is_final_;
};

class Cluster;

/// This user lacks a right there, which may be granted at any time; what() says which.
class UnauthorizedError : public ClusterError {
 public:
  UnauthorizedError(const Cluster& cluster, const std::string& reason) : ClusterError(reason), cluster_(&cluster) {}
  /// `cluster` is the one that refuses.
  [[nodiscard]] bool is_of(const Cluster& cluster) const { return cluster_ == &cluster; }

 private:
  const Cluster* cluster_;
};

struct TopicPartition {
  std::string topic;
  protocol::PartitionIndex partition;

  auto operator<=>(const TopicPartition&) const = default;
  [[nodiscard]] std::string to_string() const { return topic + "-" + std::to_string(partition.value()); }
};

/// A topic as Metadata describes it.
struct Topic {
  struct Partition {
    protocol::BrokerId leader{-1};  // -1: none at the moment
    protocol::LeaderEpoch leader_epoch{-1};
    std::int16_t replicas = 0;
    std::int16_t error_code = 0;

    /// A log is cut off only when a leader is elected: the first leader of a topic has the topic's whole history.
    [[nodiscard]] bool is_in_first_epoch() const { return leader_epoch == protocol::LeaderEpoch(0); }
  };

  std::string name;
  protocol::Uuid id;                  // zero: the broker has no topic ids (before 2.8)
  bool is_internal = false;           // Kafka's own, such as __consumer_offsets
  std::int16_t error_code = 0;        // not 0: the rest says nothing (unknown, not authorized, ...)
  std::vector<Partition> partitions;  // by index
};

class Cluster {
 public:
  using Topics = std::map<std::string, Topic, std::less<>>;

  Cluster(net::asio::any_io_executor executor, ClusterSettings settings);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  /// Ends all connections; calls under way fail.
  void close();
  [[nodiscard]] const net::asio::any_io_executor& executor() const { return executor_; }

  // ---- what there is ----
  // Each refresh throws ClusterError when no broker gives an answer.

  /// Brokers and controller.
  net::Awaitable<> refresh();
  /// Those, and every topic the user may see; topics that are gone are forgotten.
  net::Awaitable<> refresh_topics();
  /// Those, and what is asked for by name; a topic that does not exist is then known with its error. Creates no topic.
  net::Awaitable<> refresh_topics(std::vector<std::string> names);

  [[nodiscard]] const std::string& alias() const { return settings_.alias; }
  [[nodiscard]] const std::string& id() const { return id_; }  // empty before the first refresh
  [[nodiscard]] const std::map<protocol::BrokerId, net::HostPort>& brokers() const { return brokers_; }
  [[nodiscard]] const Topics& topics() const { return topics_; }
  /// Null: never heard of. Valid until the next refresh.
  [[nodiscard]] const Topic* find_topic(std::string_view name) const;
  /// Null also when the topic is in error or has no such partition.
  [[nodiscard]] const Topic::Partition* find_partition(const TopicPartition& partition) const;
  /// The same, and null also when its leader is none of the brokers: there is nobody to ask.
  [[nodiscard]] const Topic::Partition* find_led(const TopicPartition& partition) const;
  /// Why find_led() found nobody: as Metadata said last.
  struct NoLeader {
    std::int16_t error_code = 0;  // the topic's, or LEADER_NOT_AVAILABLE
    std::string reason;
  };
  [[nodiscard]] NoLeader why_not_led(const TopicPartition& partition) const;

  /// For how long the broker has owed an answer, or a connection, and given none; 0: nothing.
  [[nodiscard]] net::Duration silence_of(protocol::BrokerId broker) const;

  // ---- asking ----
  // Requests go out once; errors inside an answer are the caller's. Throw net::BrokerError or ClusterError.

  template <class Request>
  net::Awaitable<typename Request::Response> call_broker(protocol::BrokerId broker, Request request,
                                                         net::CallOptions options = {}) {
    const std::shared_ptr<net::BrokerClient> client = client_of(broker);
    co_return co_await client->call(std::move(request), options);
  }
  /// The same for what waits for replicas. A broker looks at no other request of the connection before it has answered:
  /// that is another connection, where no question waits for it.
  template <class Request>
  net::Awaitable<typename Request::Response> write_to_broker(protocol::BrokerId broker, Request request,
                                                             net::CallOptions options = {}) {
    const std::shared_ptr<net::BrokerClient> client = client_of(broker, writers_);
    co_return co_await client->call(std::move(request), options);
  }

  /// Asks brokers, then bootstrap addresses, until one answers: for questions, whose repetition does no harm. The next one
  /// is asked too when the one before has not answered soon: a broker that hangs does not hold up what others know.
  template <class Request>
  net::Awaitable<typename Request::Response> call_any(Request request, net::CallOptions options = {}) {
    using Response = typename Request::Response;
    const auto race = std::make_shared<Race<Response>>(executor_);
    const std::vector<std::shared_ptr<net::BrokerClient>> asked = candidates();
    for (const std::shared_ptr<net::BrokerClient>& client : asked) {
      const std::size_t failed = race->failures.size();
      net::asio::co_spawn(executor_, take_part(race, client, request, options), net::asio::detached);
      const net::Time next = net::now() + head_start;
      while (!race->answer && race->failures.size() == failed && net::now() < next) co_await race->changed.wait(next);
      if (race->answer) co_return std::move(*race->answer);
    }
    while (!race->answer && race->failures.size() < asked.size()) co_await race->changed.wait(net::Time::max());
    if (race->answer) co_return std::move(*race->answer);
    throw unreachable(race->failures);
  }

  /// In KRaft clusters any broker passes the request on, and names itself or another as the controller.
  template <class Request>
  net::Awaitable<typename Request::Response> call_controller(Request request, net::CallOptions options = {}) {
    if (!brokers_.contains(controller_)) co_await refresh();
    if (!brokers_.contains(controller_)) {
      throw ClusterError(settings_.alias + ": the cluster has no controller at the moment");
    }
    co_return co_await call_broker(controller_, std::move(request), options);
  }
  /// After NOT_CONTROLLER: the next call_controller() asks who it is.
  void forget_controller() { controller_ = protocol::BrokerId(-1); }

  /// Where this process reaches a broker, and under which name: connects if need be, so it has been tried. Throws.
  struct BrokerPlace {
    net::Endpoint endpoint;
    std::string host;
  };
  net::Awaitable<BrokerPlace> find_place(protocol::BrokerId broker);
  /// A broker knows an api in this version; connects if need be. Throws.
  net::Awaitable<bool> speaks(protocol::BrokerId broker, std::int16_t api_key, std::int16_t version);

 private:
  static constexpr net::Duration head_start = std::chrono::milliseconds(500);

  /// Of those that call_any() asks; the slower ones outlive it.
  template <class Response>
  struct Race {
    explicit Race(const net::asio::any_io_executor& executor) : changed(executor) {}
    std::optional<Response> answer;  // the first
    std::vector<net::BrokerError> failures;
    net::Signal changed;
  };

  template <class Request>
  static net::Awaitable<> take_part(std::shared_ptr<Race<typename Request::Response>> race,
                                    std::shared_ptr<net::BrokerClient> client, Request request,
                                    net::CallOptions options) {
    try {
      auto response = co_await client->call(std::move(request), options);
      if (!race->answer) race->answer = std::move(response);
    } catch (const net::BrokerError& error) {
      race->failures.push_back(error);
    }
    race->changed.announce();
  }

  using Clients = std::map<net::HostPort, std::shared_ptr<net::BrokerClient>>;

  std::shared_ptr<net::BrokerClient> client_of(protocol::BrokerId broker) { return client_of(broker, clients_); }
  std::shared_ptr<net::BrokerClient> client_of(protocol::BrokerId broker, Clients& clients);
  std::shared_ptr<net::BrokerClient> client_at(const net::HostPort& address, const std::string& role, Clients& clients);
  std::vector<std::shared_ptr<net::BrokerClient>> candidates();
  [[nodiscard]] ClusterError unreachable(const std::vector<net::BrokerError>& failures) const;
  net::Awaitable<> fetch_metadata(std::optional<std::vector<std::string>> names);
  void accept_brokers(const protocol::MetadataResponse& response);
  void accept_topic(const protocol::MetadataResponse::Topic& answered, const Topics& before);
  void drop_unused_clients();

  net::asio::any_io_executor executor_;
  ClusterSettings settings_;
  std::shared_ptr<const net::ClientSettings> client_settings_;
  std::string id_;
  protocol::BrokerId controller_{-1};
  std::map<protocol::BrokerId, net::HostPort> brokers_;
  Topics topics_;
  Clients clients_;  // a bootstrap address that is a broker's: one client
  Clients writers_;  // write_to_broker()
  std::minstd_rand random_{static_cast<std::minstd_rand::result_type>(net::random_seed())};
  bool closed_ = false;
};

}  // namespace shunt::replicate
