// A Kafka cluster as the data path meets it: brokers with leaders and epochs, logs with idempotent producers' state,
// fetch sessions, one request at a time per connection, answers lost or late. It follows what real brokers were seen to
// do, and can be told to misbehave.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/ids.h"
#include "tests/sim/network.h"

namespace shunt::sim {

using PartitionKey = std::pair<std::string, std::int32_t>;

struct StoredBatch {
  std::int64_t base = 0;
  std::int32_t records = 0;
  std::vector<std::byte> bytes;  // as a fetch returns them
};

/// What a broker remembers of one idempotent producer in one partition (KIP-98).
struct ProducerState {
  struct Entry {
    std::int32_t first_sequence;
    std::int32_t last_sequence;
    std::int64_t base_offset;
  };
  std::int16_t epoch = 0;
  std::deque<Entry> recent;  // the last five
};

struct PartitionLog {
  std::vector<StoredBatch> batches;
  std::int64_t log_start = 0;
  std::int64_t end = 0;
  std::map<std::int64_t, ProducerState> producers;
  std::int32_t leader = 0;
  std::int32_t leader_epoch = 0;
};

/// Probabilities of misfortune, each per request unless said otherwise.
struct Faults {
  double lose_answer_after_append = 0;  // the connection breaks when the batch is in the log
  double break_before_append = 0;
  double retriable_error = 0;         // NOT_ENOUGH_REPLICAS and the like, per partition
  double timed_out_after_append = 0;  // REQUEST_TIMED_OUT, appended all the same
  double throttle = 0;                // produce: answered with a pause; fetch: answered with nothing and a pause
  double evict_session = 0;
  double stall_answer = 0;  // a fetch answer stops in its middle for long
  double slow_request = 0;  // executed late, perhaps after its connection has died
};

class FakeCluster {
 public:
  FakeCluster(Network& network, std::uint16_t first_port, std::int32_t brokers);
  ~FakeCluster();
  FakeCluster(const FakeCluster&) = delete;
  FakeCluster& operator=(const FakeCluster&) = delete;

  void create_topic(const std::string& topic, std::int32_t partitions);
  PartitionLog& log(const PartitionKey& key) { return logs_.at(key); }
  std::map<PartitionKey, PartitionLog>& logs() { return logs_; }
  /// Appends a batch of `records` records with random payload, as a producer of the source cluster would.
  void produce(const PartitionKey& key, std::int32_t records, std::size_t payload_bytes);

  void move_leader(const PartitionKey& key, std::int32_t broker);
  void kill_broker(std::int32_t broker);
  void start_broker(std::int32_t broker);
  void reset_connections(double probability);
  using Leaders = std::map<PartitionKey, std::pair<std::int32_t, std::int32_t>>;  // broker, leader epoch
  [[nodiscard]] Leaders logs_leaders() const {
    Leaders leaders;
    for (const auto& [key, log] : logs_) leaders[key] = {log.leader, log.leader_epoch};
    return leaders;
  }
  [[nodiscard]] std::int32_t brokers() const { return static_cast<std::int32_t>(up_.size()); }
  [[nodiscard]] std::uint16_t port(std::int32_t broker) const {
    return static_cast<std::uint16_t>(first_port_ + broker);
  }

  Faults faults;
  /// Called for every batch a producer request appends.
  std::function<void(const PartitionKey&, const StoredBatch&)> on_append;

  struct Counters {
    std::uint64_t appended = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t out_of_order = 0;
    std::uint64_t answers_lost = 0;
  };
  Counters counters;

 private:
  struct Session {
    std::int32_t epoch = 0;
    std::vector<std::pair<PartitionKey, std::pair<std::int64_t, std::int32_t>>> partitions;  // fetch offset, max bytes
  };
  struct Peer {  // one accepted connection
    std::shared_ptr<Connection> connection;
    std::int32_t broker;
    std::vector<std::byte> input;
    bool busy = false;
  };

  void accept(std::int32_t broker, std::shared_ptr<Connection> connection);
  void next_request(const std::shared_ptr<Peer>& peer);
  void execute(const std::shared_ptr<Peer>& peer, std::vector<std::byte> frame);
  void answer(const std::shared_ptr<Peer>& peer, std::int32_t correlation_id, std::vector<std::byte> body);
  void done(const std::shared_ptr<Peer>& peer);

  void handle_produce(const std::shared_ptr<Peer>& peer, std::int32_t correlation_id, std::span<const std::byte> body,
                      std::int16_t version);
  void handle_fetch(const std::shared_ptr<Peer>& peer, std::int32_t correlation_id, std::span<const std::byte> body,
                    std::int16_t version);
  void answer_fetch(const std::shared_ptr<Peer>& peer, std::int32_t correlation_id, std::int32_t session_id,
                    std::int32_t max_bytes, net::Time deadline);
  struct Appended {
    std::int16_t error = 0;
    std::int64_t base = -1;
    bool duplicate = false;
  };
  Appended append(const PartitionKey& key, std::span<const std::byte> records);

  Network& network_;
  World& world_;
  const std::uint16_t first_port_;
  std::vector<bool> up_;
  std::map<PartitionKey, PartitionLog> logs_;
  std::vector<std::weak_ptr<Peer>> peers_;
  std::map<std::int32_t, Session> sessions_;
  std::int32_t next_session_ = 1;
};

}  // namespace shunt::sim
