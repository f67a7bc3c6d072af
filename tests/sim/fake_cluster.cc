#include "tests/sim/fake_cluster.h"

#include <algorithm>
#include <stdexcept>

#include "protocol/error.h"
#include "protocol/messages/write_txn_markers.h"
#include "protocol/wire.h"
#include "replicate/control/hole_filler.h"

namespace shunt::sim {

using namespace protocol;  // NOLINT(google-build-using-namespace): a broker speaks of nothing else

namespace {

constexpr std::int16_t fenced_leader_epoch = 74;
constexpr std::int16_t unknown_leader_epoch = 75;

constexpr std::size_t size_prefix_bytes = 4;
constexpr std::size_t least_request_bytes = 10;

}  // namespace

FakeCluster::FakeCluster(Network& network, std::string name, std::uint16_t first_port, std::int32_t brokers)
    : network_(network),
      world_(network.world()),
      name_(std::move(name)),
      first_port_(first_port),
      up_(static_cast<std::size_t>(brokers), false),
      coordinator_(*this) {
  for (std::int32_t broker = 0; broker < brokers; ++broker) {
    metadata_lag_.push_back(world_.chance(0.5) ? net::Duration(0) : world_.micros(0, 300'000));
    start_broker(broker);
  }
  serve_logs();
  serve_admin();
}

FakeCluster::~FakeCluster() {
  // A connection's callback holds its peer, which holds the connection.
  for (const auto& weak : peers_) {
    if (const auto peer = weak.lock()) peer->connection->on_bytes = nullptr;
  }
}

// ---- Brokers --------------------------------------------------------------------------------------------------------

void FakeCluster::add_partition(const PartitionKey& key) {
  PartitionLog& log = logs_[key];
  log.leader = any_up();
  log.forgets_sequences = forgets_sequences;
  log.misplaces_duplicates = misplaces_duplicates;
  before_[key] = {.leader = log.leader, .epoch = log.leader_epoch, .since = world_.now()};
  log.on_append = [this, key](const StoredBatch& batch) {
    world_.trace("{} {}-{}: [{}, {}) {}", name_, key.first, key.second, batch.base, batch.next,
                 batch.header().is_control() ? "marker" : "data");
    if (on_append) on_append(key, batch);
  };
}

void FakeCluster::move_leader(const PartitionKey& key, std::int32_t broker) {
  PartitionLog& log = logs_.at(key);
  before_[key] = {.leader = log.leader, .epoch = log.leader_epoch, .since = world_.now()};
  log.lead(broker);
  wake_fetches();
}

bool FakeCluster::elect_unclean(const PartitionKey& key, std::int64_t batches, bool is_brief) {
  PartitionLog& log = logs_.at(key);
  const std::int32_t before = log.leader;
  const std::int32_t broker = any_up();
  if (broker == before) return false;
  const std::int64_t end = log.end();
  log.lose_batches(batches, broker);
  world_.trace("{} {}-{}: an unclean leader; the log ends at {}, no more at {}", name_, key.first, key.second,
               log.end(), end);
  move_leader(key, broker);
  if (!is_brief) {
    reset_connections(1, before);
    return true;
  }
  world_.after(world_.micros(1000, 200'000), [this, key, before, id = topics_.at(key.first).id] {
    if (is_up(before) && has_log(key) && topics_.at(key.first).id == id) move_leader(key, before);
  });
  return true;
}

void FakeCluster::move_coordinators() {
  for (std::int32_t broker = 0; broker < brokers(); ++broker) coordinator_.leave(broker);
}

std::int32_t FakeCluster::any_up() {
  std::vector<std::int32_t> up;
  for (std::int32_t broker = 0; broker < brokers(); ++broker) {
    if (is_up(broker)) up.push_back(broker);
  }
  return up.empty() ? 0 : up[static_cast<std::size_t>(world_.between(0, static_cast<std::int64_t>(up.size()) - 1))];
}

void FakeCluster::start_broker(std::int32_t broker) {
  up_[static_cast<std::size_t>(broker)] = true;
  network_.listen(port(broker),
                  [this, broker](std::shared_ptr<Connection> connection) { accept(broker, std::move(connection)); });
}

void FakeCluster::kill_broker(std::int32_t broker) {
  up_[static_cast<std::size_t>(broker)] = false;
  network_.close_port(port(broker));
  reset_connections(1, broker);
  for (auto& [key, log] : logs_) {
    if (log.leader == broker) move_leader(key, any_up());
  }
  coordinator_.leave(broker);
}

void FakeCluster::reset_connections(double probability, std::optional<std::int32_t> broker) {
  for (const auto& weak : peers_) {
    const auto peer = weak.lock();
    if (peer && peer->broker == broker.value_or(peer->broker) && world_.chance(probability)) peer->connection->reset();
  }
}

PartitionLog* FakeCluster::find(const std::string& topic, PartitionIndex partition) {
  const auto found = logs_.find({topic, partition.value()});
  return found == logs_.end() ? nullptr : &found->second;
}

std::int16_t FakeCluster::check_leader(std::int32_t broker, const std::string& topic, PartitionIndex partition,
                                       std::int32_t epoch) {
  const PartitionLog* log = find(topic, partition);
  if (log == nullptr) return errors::unknown_topic_or_partition;
  if (log->leader != broker) return errors::not_leader_or_follower;
  if (epoch < 0 || epoch == log->leader_epoch) return no_error;
  return epoch < log->leader_epoch ? fenced_leader_epoch : unknown_leader_epoch;
}

// ---- Connections ----------------------------------------------------------------------------------------------------

void FakeCluster::accept(std::int32_t broker, std::shared_ptr<Connection> connection) {
  auto peer = std::make_shared<Peer>();
  peer->connection = connection;
  peer->broker = broker;
  std::erase_if(peers_, [](const auto& weak) { return weak.expired(); });
  peers_.push_back(peer);
  connection->on_bytes = [this, peer](std::vector<std::byte> bytes) {
    peer->input.insert(peer->input.end(), bytes.begin(), bytes.end());
    take_requests(*peer);
    next_request(peer);
  };
}

void FakeCluster::take_requests(Peer& peer) {
  while (peer.input.size() >= size_prefix_bytes) {
    const auto size = static_cast<std::size_t>(wire::load<std::int32_t>(peer.input.data()));
    if (size < least_request_bytes) throw std::logic_error("no request: " + std::to_string(size) + " bytes");
    if (peer.input.size() < size_prefix_bytes + size) return;
    const auto begin = peer.input.begin() + size_prefix_bytes;
    const auto end = begin + static_cast<std::ptrdiff_t>(size);
    peer.received.push_back({.frame = std::vector<std::byte>(begin, end), .time = net::now()});
    peer.input.erase(peer.input.begin(), end);
  }
}

void FakeCluster::next_request(const std::shared_ptr<Peer>& peer) {
  if (peer->is_busy || peer->received.empty()) return;
  Received request = std::move(peer->received.front());
  peer->received.pop_front();
  peer->is_busy = true;
  // A request that is read whole is executed, even if its connection dies meanwhile.
  const bool is_late = wire::load<std::int16_t>(request.frame.data()) == WriteTxnMarkersRequest::api.key &&
                       world_.chance(faults.late_markers);
  const net::Duration delay = is_late                              ? world_.micros(600'000, 4'000'000)
                              : world_.chance(faults.slow_request) ? world_.micros(1000, 400'000)
                                                                   : world_.micros(5, 300);
  world_.after(delay, [this, peer, request = std::move(request)] {
    if (is_up(peer->broker)) execute(peer, request);
  });
}

void FakeCluster::done(const std::shared_ptr<Peer>& peer) {
  peer->is_busy = false;
  next_request(peer);
}

void FakeCluster::execute(const std::shared_ptr<Peer>& peer, const Received& request) {
  const std::span<const std::byte> frame = request.frame;
  // Others that were slow may have been before it.
  const bool is_late = net::now() - request.time > replicate::HoleSettings().doubt;
  Reader in(frame);
  Call call{.peer = peer,
            .key = in.integer<std::int16_t>(),
            .version = in.integer<std::int16_t>(),
            .correlation_id = in.integer<std::int32_t>(),
            .is_late = is_late};
  in.bytes(static_cast<std::size_t>(std::max<std::int16_t>(in.integer<std::int16_t>(), 0)));  // client id
  const auto api = apis_.find(call.key);
  if (api == apis_.end() || !api->second.api.versions.contains(call.version)) {
    throw std::logic_error("a request that was not offered: key " + std::to_string(call.key));
  }
  if (api->second.api.is_flexible(call.version)) in.unsigned_varint();
  const std::span<const std::byte> body = frame.subspan(in.offset());
  ++counters.requests;
  if (world_.is_traced) {
    world_.trace("{} broker {}: {}{}{}", name_, peer->broker, api->second.api.name, is_late ? ", late" : "",
                 peer->connection->open() ? "" : ", of a dead connection");
  }
  if (!peer->connection->open()) ++counters.executed_after_death;
  if (world_.chance(faults.break_before)) {
    peer->connection->reset();
    return;
  }
  api->second.execute(call, body);
}

std::vector<std::byte> FakeCluster::framed(const Call& call, std::span<const std::byte> body) const {
  const bool has_tags = apis_.at(call.key).api.response_header(call.version) == 1;
  Writer out;
  out.integer(static_cast<std::int32_t>(4 + (has_tags ? 1 : 0) + body.size()));
  out.integer(call.correlation_id);
  if (has_tags) out.unsigned_varint(0);
  out.bytes(body);
  return out.take();
}

void FakeCluster::answer(const Call& call, std::span<const std::byte> body, std::int32_t throttle_ms) {
  if (call.peer->connection->open() && world_.chance(faults.lose_answer)) {
    ++counters.answers_lost;
    call.peer->connection->reset();
    return;
  }
  call.peer->connection->answer(framed(call, body));
  if (throttle_ms == 0) {
    done(call.peer);
  } else {
    // KIP-219: the answer at once, then the connection is not read for that long.
    world_.after(std::chrono::milliseconds(throttle_ms), [this, peer = call.peer] { done(peer); });
  }
}

std::int32_t FakeCluster::draw_throttle() {
  return world_.chance(faults.throttle) ? static_cast<std::int32_t>(world_.between(1, 300)) : 0;
}

}  // namespace shunt::sim
