// A Kafka cluster as shunt meets it: brokers with leaders and epochs, logs, fetch sessions, topics, transactions; one
// request at a time per connection, answers lost or late. It follows what real brokers were seen to do (2.8 to 4.3), and
// can be told to misbehave.
//
//   fake_cluster.cc     brokers, connections, requests as frames
//   log_requests.cc     Produce, WriteTxnMarkers, DeleteRecords, and the questions about a log
//   fetch_requests.cc   Fetch, with sessions and long polls
//   admin_requests.cc   Metadata and topics
//   coordinator.h       transactions
//   partition_log.h     what a leader keeps, and the rules of appending
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "protocol/api.h"
#include "protocol/codec.h"
#include "protocol/ids.h"
#include "protocol/messages/fetch.h"
#include "protocol/uuid.h"
#include "tests/sim/coordinator.h"
#include "tests/sim/network.h"
#include "tests/sim/partition_log.h"

namespace shunt::protocol {
struct ProduceRequest;
struct ProduceResponse;
struct WriteTxnMarkersRequest;
struct WriteTxnMarkersResponse;
struct DeleteRecordsRequest;
struct DeleteRecordsResponse;
struct ListOffsetsRequest;
struct ListOffsetsResponse;
struct OffsetForLeaderEpochRequest;
struct OffsetForLeaderEpochResponse;
struct DescribeProducersRequest;
struct DescribeProducersResponse;
struct MetadataRequest;
struct MetadataResponse;
struct CreateTopicsRequest;
struct CreateTopicsResponse;
struct CreatePartitionsRequest;
struct CreatePartitionsResponse;
struct DeleteTopicsRequest;
struct DeleteTopicsResponse;
struct DescribeConfigsRequest;
struct DescribeConfigsResponse;
}  // namespace shunt::protocol

namespace shunt::sim {

/// Probabilities of misfortune, each per request unless said otherwise.
struct Faults {
  double lose_answer = 0;             // executed, but the connection breaks
  double break_before = 0;            // the connection breaks, and nothing is executed
  double retriable_error = 0;         // NOT_ENOUGH_REPLICAS and the like, per partition of a Produce request
  double timed_out_after_append = 0;  // REQUEST_TIMED_OUT, appended all the same
  double throttle = 0;                // produce: answered with a pause; fetch: answered with nothing and a pause
  double evict_session = 0;
  double stall_answer = 0;          // a fetch answer stops in its middle for long
  double slow_request = 0;          // executed up to 0.4 s late, perhaps after its connection has died
  double late_markers = 0;          // WriteTxnMarkers executed seconds late: later than shunt waits for
  double duplicate_end_marker = 0;  // per transaction: KAFKA-19999
};

class FakeCluster {
 public:
  FakeCluster(Network& network, std::string name, std::uint16_t first_port, std::int32_t brokers);
  ~FakeCluster();
  FakeCluster(const FakeCluster&) = delete;
  FakeCluster& operator=(const FakeCluster&) = delete;

  /// Requests name topics, and do not say their ids: brokers before Kafka 3.1.
  void limit_to_names();

  // ---- topics ----
  void create_topic(const std::string& topic, std::int32_t partitions);
  void add_partitions(const std::string& topic, std::int32_t count);
  /// With its logs; brokers that hear of it late go on to name it.
  void delete_topic(const std::string& topic);
  [[nodiscard]] bool has_topic(const std::string& topic) const { return topics_.contains(topic); }
  [[nodiscard]] const protocol::Uuid& topic_id(const std::string& topic) const { return topics_.at(topic).id; }
  [[nodiscard]] bool has_log(const PartitionKey& key) const { return logs_.contains(key); }
  [[nodiscard]] PartitionLog& log(const PartitionKey& key) { return logs_.at(key); }
  [[nodiscard]] std::map<PartitionKey, PartitionLog>& logs() { return logs_; }
  /// A log has grown by itself, or its transactions have ended: long polls look again.
  void wake_fetches();

  // ---- brokers ----
  void move_leader(const PartitionKey& key, std::int32_t broker);
  /// The leader is gone for a moment, with everybody who was in sync; the new one has not the last `batches` of the log (see
  /// PartitionLog::lose_batches). False: there is no other.
  /// `is_brief`: connections survive, and soon it leads again, without those batches.
  bool elect_unclean(const PartitionKey& key, std::int64_t batches, bool is_brief = false);
  void move_coordinators();
  void kill_broker(std::int32_t broker);
  void start_broker(std::int32_t broker);
  /// `broker`: those of that one alone.
  void reset_connections(double probability, std::optional<std::int32_t> broker = {});
  [[nodiscard]] std::int32_t brokers() const { return static_cast<std::int32_t>(up_.size()); }
  [[nodiscard]] bool is_up(std::int32_t broker) const { return up_[static_cast<std::size_t>(broker)]; }
  [[nodiscard]] std::int32_t any_up();
  [[nodiscard]] std::uint16_t port(std::int32_t broker) const {
    return static_cast<std::uint16_t>(first_port_ + broker);
  }
  [[nodiscard]] const std::string& name() const { return name_; }

  Faults faults;
  bool lets_write_markers = true;        // Alter on the cluster
  bool lets_delete_records = true;       // false: topics are compacted only
  bool forgets_sequences = false;        // a mistake planted on purpose, for topics created later
  bool misplaces_duplicates = false;     // another one, for topics created later
  bool repeats_producer_epochs = false;  // another one: InitProducerId fences nobody
  bool misstates_epoch_ends = false;     // another one: no leader epoch has ended before the log's end
  bool understates_ends = false;         // another one: whoever asks for the log's end is told of an earlier one
  bool misstates_stable_ends = false;    // another one: no transaction is open
  bool hides_deletions = false;          // another one: who waits for records of a topic gets those of its successor

  /// Called for every batch that comes into a log of this cluster.
  std::function<void(const PartitionKey&, const StoredBatch&)> on_append;
  /// A topic is deleted, and its logs are about to go.
  std::function<void(const std::string&)> on_delete;
  /// A marker is about to be written by a request that is executed later than shunt waits for, or a second time, or to a topic
  /// that has taken the place of the one it was meant for.
  std::function<void(const PartitionKey&)> on_late_marker;
  /// The coordinator is about to end a transaction that was open to this partition when its producer died.
  std::function<void(const PartitionKey&)> on_abandoned;

  struct Counters {
    std::uint64_t requests = 0;
    std::uint64_t appended = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t markers = 0;
    std::uint64_t out_of_order = 0;
    std::uint64_t fenced = 0;  // requests refused because of an epoch
    std::uint64_t answers_lost = 0;
    std::uint64_t executed_after_death = 0;  // of their connection
    std::uint64_t late_markers = 0;
    std::uint64_t deletions = 0;  // of topics, by request
  };
  Counters counters;

 private:
  friend class Coordinator;

  struct Received {  // a whole request
    std::vector<std::byte> frame;
    net::Time time;
  };
  struct Peer {  // one accepted connection
    std::shared_ptr<Connection> connection;
    std::int32_t broker;
    std::vector<std::byte> input;  // of a request that is not whole yet
    std::deque<Received> received;
    bool is_busy = false;
  };
  /// A request being executed.
  struct Call {
    std::shared_ptr<Peer> peer;
    std::int16_t key = 0;
    std::int16_t version = 0;
    std::int32_t correlation_id = 0;
    bool is_late = false;  // later than shunt waits for
    [[nodiscard]] std::int32_t broker() const { return peer->broker; }
  };
  struct Api {
    protocol::Api api;
    std::function<void(const Call&, std::span<const std::byte> body)> execute;
  };

  // fake_cluster.cc
  void accept(std::int32_t broker, std::shared_ptr<Connection> connection);
  static void take_requests(Peer& peer);
  void next_request(const std::shared_ptr<Peer>& peer);
  void execute(const std::shared_ptr<Peer>& peer, const Received& request);
  void done(const std::shared_ptr<Peer>& peer);
  std::vector<std::byte> framed(const Call& call, std::span<const std::byte> body) const;
  void answer(const Call& call, std::span<const std::byte> body, std::int32_t throttle_ms = 0);
  /// Requests of one kind, answered at once.
  template <class Request>
  void serve(typename Request::Response (FakeCluster::*handle)(const Call&, const Request&)) {
    apis_[Request::api.key] = {.api = Request::api, .execute = [this, handle](const Call& call, auto body) {
                                 typename Request::Response response =
                                     (this->*handle)(call, decoded<Request>(body, call.version));
                                 std::int32_t throttle_ms = 0;
                                 if constexpr (requires { response.throttle_time_ms; }) {
                                   throttle_ms = response.throttle_time_ms = draw_throttle();
                                 }
                                 answer(call, protocol::encode(response, call.version), throttle_ms);
                               }};
  }
  template <class Request>
  static Request decoded(std::span<const std::byte> body, std::int16_t version) {
    std::string why;
    auto request = protocol::decode<Request>(body, version, &why);
    if (!request) throw std::logic_error("malformed request: " + why);
    return std::move(*request);
  }
  std::int32_t draw_throttle();
  PartitionLog* find(const std::string& topic, protocol::PartitionIndex partition);
  /// Empty: there is none.
  [[nodiscard]] std::string name_of(const protocol::Uuid& topic_id) const;
  /// Kafka's error code for a question to this broker about a partition; -1 as epoch: not told.
  std::int16_t check_leader(std::int32_t broker, const std::string& topic, protocol::PartitionIndex partition,
                            std::int32_t epoch = -1);
  void add_partition(const PartitionKey& key);

  // log_requests.cc
  void serve_logs();
  protocol::ProduceResponse handle_produce(const Call& call, const protocol::ProduceRequest& request);
  protocol::WriteTxnMarkersResponse handle_markers(const Call& call, const protocol::WriteTxnMarkersRequest& request);
  protocol::DeleteRecordsResponse handle_delete(const Call& call, const protocol::DeleteRecordsRequest& request);
  protocol::ListOffsetsResponse handle_list_offsets(const Call& call, const protocol::ListOffsetsRequest& request);
  protocol::OffsetForLeaderEpochResponse handle_epoch_ends(const Call& call,
                                                           const protocol::OffsetForLeaderEpochRequest& request);
  protocol::DescribeProducersResponse handle_producers(const Call& call,
                                                       const protocol::DescribeProducersRequest& request);

  // fetch_requests.cc
  struct Asked {
    PartitionKey key;
    protocol::Uuid topic_id;  // zero: it is asked for by name
    std::int64_t offset = 0;
    std::int64_t most_bytes = 0;
    std::int32_t leader_epoch = -1;

    /// The same partition of a session, whatever is asked of it.
    [[nodiscard]] bool is_place_of(const Asked& other) const {
      return topic_id == other.topic_id && key.second == other.key.second &&
             (!topic_id.is_zero() || key.first == other.key.first);
    }
  };
  struct Session {
    std::int32_t epoch = 0;
    std::vector<Asked> partitions;
  };
  struct Poll {  // a fetch under way
    Call call;
    std::int32_t session_id;   // 0: none
    std::vector<Asked> asked;  // without a session
    bool is_full;              // answers for partitions without news too
    std::int64_t most_bytes;
    std::int8_t isolation;
    net::Time deadline;
    std::set<PartitionKey> gone;  // whatever takes their place is answered by the next fetch
  };
  void handle_fetch(const Call& call, std::span<const std::byte> body);
  void poll(const std::shared_ptr<Poll>& poll);
  bool serve_partition(const Poll& poll, const Asked& asked, bool is_first, std::int64_t& left,
                       protocol::FetchResponse& response);

  // admin_requests.cc
  void serve_admin();
  protocol::MetadataResponse handle_metadata(const Call& call, const protocol::MetadataRequest& request);
  protocol::CreateTopicsResponse handle_create_topics(const Call& call, const protocol::CreateTopicsRequest& request);
  protocol::CreatePartitionsResponse handle_create_partitions(const Call& call,
                                                              const protocol::CreatePartitionsRequest& request);
  protocol::DeleteTopicsResponse handle_delete_topics(const Call& call, const protocol::DeleteTopicsRequest& request);
  protocol::DescribeConfigsResponse handle_describe_configs(const Call& call,
                                                            const protocol::DescribeConfigsRequest& request);

  struct Topic {
    protocol::Uuid id;
    std::int32_t partitions = 0;
    net::Time known_from{};  // to the brokers' metadata
  };
  /// What brokers believe who lead a partition: they learn of it late.
  struct Leadership {
    std::int32_t leader = -1;
    std::int32_t epoch = -1;
    net::Time since{};
  };
  /// A topic that was deleted, as brokers still know it that have not heard of that.
  struct Gone {
    protocol::Uuid id;
    std::vector<Leadership> partitions;
    net::Time since{};
  };

  Network& network_;
  World& world_;
  const std::string name_;
  const std::uint16_t first_port_;
  std::vector<bool> up_;
  std::vector<net::Duration> metadata_lag_;  // by broker
  std::map<std::string, Topic> topics_;
  std::map<std::string, Gone> gone_;  // the last one of each name
  std::map<PartitionKey, PartitionLog> logs_;
  std::map<PartitionKey, Leadership> before_;  // the one before the present one
  std::vector<std::weak_ptr<Peer>> peers_;
  std::map<std::int32_t, Session> sessions_;
  std::int32_t next_session_ = 1;
  std::list<std::shared_ptr<Poll>> polls_;
  std::map<std::int16_t, Api> apis_;
  Coordinator coordinator_;
};

}  // namespace shunt::sim
