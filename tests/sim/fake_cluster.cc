#include "tests/sim/fake_cluster.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "protocol/codec.h"
#include "protocol/crc32c.h"
#include "protocol/messages/api_versions.h"
#include "protocol/messages/describe_producers.h"
#include "protocol/messages/fetch.h"
#include "protocol/messages/offset_for_leader_epoch.h"
#include "protocol/messages/produce.h"
#include "protocol/record_batch.h"

namespace shunt::sim {

using namespace protocol;  // NOLINT(google-build-using-namespace): a broker speaks of nothing else

namespace {

std::int32_t load32(std::span<const std::byte> bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint32_t>(bytes[i]);
  return static_cast<std::int32_t>(value);
}

std::int16_t load16(std::span<const std::byte> bytes) {
  return static_cast<std::int16_t>(static_cast<std::uint32_t>(bytes[0]) << 8 | static_cast<std::uint32_t>(bytes[1]));
}

template <class Integer>
void store(std::byte* to, Integer value) {
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    to[i] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * (sizeof(Integer) - 1 - i)));
  }
}

RecordBatchHeader header_of(std::span<const std::byte> bytes) {
  return RecordBatchHeader::of(bytes);
}

constexpr std::size_t remembered_batches = 5;

std::int32_t sequence_plus(std::int32_t sequence, std::int32_t records) {
  return Sequence(sequence).advanced(records).value();
}

}  // namespace

FakeCluster::FakeCluster(Network& network, std::uint16_t first_port, std::int32_t brokers)
    : network_(network),
      world_(network.world()),
      first_port_(first_port),
      up_(static_cast<std::size_t>(brokers), false) {
  for (std::int32_t broker = 0; broker < brokers; ++broker) start_broker(broker);
}

FakeCluster::~FakeCluster() {
  // A connection's callback holds its peer, which holds the connection.
  for (const auto& weak : peers_) {
    if (const auto peer = weak.lock()) peer->connection->on_bytes = nullptr;
  }
}

void FakeCluster::create_topic(const std::string& topic, std::int32_t partitions) {
  for (std::int32_t partition = 0; partition < partitions; ++partition) {
    logs_[{topic, partition}].leader = static_cast<std::int32_t>(world_.between(0, brokers() - 1));
  }
}

void FakeCluster::produce(const PartitionKey& key, std::int32_t records, std::size_t payload_bytes) {
  PartitionLog& log = logs_.at(key);
  StoredBatch batch{.base = log.end, .records = records, .bytes = {}};
  batch.bytes.resize(record_batch_header_size + payload_bytes);
  std::byte* bytes = batch.bytes.data();
  store(bytes, log.end);
  store(bytes + 8, static_cast<std::int32_t>(batch.bytes.size() - record_batch_overhead));
  store(bytes + 12, log.leader_epoch);
  bytes[16] = std::byte{2};
  store(bytes + 21, static_cast<std::int16_t>(world_.between(0, 4)));
  store(bytes + 23, records - 1);
  store(bytes + 27, std::int64_t{1700000000000});
  store(bytes + 35, std::int64_t{1700000000000} + records);
  const bool idempotent = world_.chance(0.5);
  store(bytes + 43, idempotent ? std::int64_t{17} : std::int64_t{-1});
  store(bytes + 51, static_cast<std::int16_t>(idempotent ? 0 : -1));
  store(bytes + 53, idempotent ? static_cast<std::int32_t>(log.end) : -1);
  store(bytes + 57, records);
  for (std::size_t i = record_batch_header_size; i < batch.bytes.size(); ++i)
    bytes[i] = static_cast<std::byte>(world_.between(0, 255));
  store(bytes + 17, crc32c(std::span<const std::byte>(batch.bytes).subspan(21)));
  log.end += records;
  log.batches.push_back(std::move(batch));
}

void FakeCluster::move_leader(const PartitionKey& key, std::int32_t broker) {
  PartitionLog& log = logs_.at(key);
  log.leader = broker;
  ++log.leader_epoch;
}

void FakeCluster::start_broker(std::int32_t broker) {
  up_[static_cast<std::size_t>(broker)] = true;
  network_.listen(port(broker),
                  [this, broker](std::shared_ptr<Connection> connection) { accept(broker, std::move(connection)); });
}

void FakeCluster::kill_broker(std::int32_t broker) {
  up_[static_cast<std::size_t>(broker)] = false;
  network_.close_port(port(broker));
  for (const auto& weak : peers_) {
    if (const auto peer = weak.lock(); peer && peer->broker == broker) peer->connection->reset();
  }
  for (auto& [key, log] : logs_) {
    if (log.leader != broker) continue;
    for (std::int32_t other = 0; other < brokers(); ++other) {
      if (up_[static_cast<std::size_t>(other)]) {
        move_leader(key, other);
        break;
      }
    }
  }
}

void FakeCluster::reset_connections(double probability) {
  for (const auto& weak : peers_) {
    if (const auto peer = weak.lock(); peer && world_.chance(probability)) peer->connection->reset();
  }
}

// ---- Connections ----------------------------------------------------------------------------------------------------

void FakeCluster::accept(std::int32_t broker, std::shared_ptr<Connection> connection) {
  auto peer = std::make_shared<Peer>(Peer{.connection = connection, .broker = broker, .input = {}, .busy = false});
  std::erase_if(peers_, [](const auto& weak) { return weak.expired(); });
  peers_.push_back(peer);
  connection->on_bytes = [this, peer](std::vector<std::byte> bytes) {
    peer->input.insert(peer->input.end(), bytes.begin(), bytes.end());
    next_request(peer);
  };
}

void FakeCluster::next_request(const std::shared_ptr<Peer>& peer) {
  if (peer->busy || peer->input.size() < 4) return;
  const auto size = static_cast<std::size_t>(load32(peer->input));
  if (peer->input.size() < 4 + size) return;
  std::vector<std::byte> frame(peer->input.begin() + 4, peer->input.begin() + 4 + static_cast<std::ptrdiff_t>(size));
  peer->input.erase(peer->input.begin(), peer->input.begin() + 4 + static_cast<std::ptrdiff_t>(size));
  peer->busy = true;
  // A request that is read whole is executed, even if its connection dies meanwhile.
  const net::Duration delay = world_.chance(faults.slow_request) ? world_.micros(1000, 400000) : world_.micros(5, 300);
  world_.after(delay, [this, peer, frame = std::move(frame)]() mutable {
    if (up_[static_cast<std::size_t>(peer->broker)]) execute(peer, std::move(frame));
  });
}

void FakeCluster::done(const std::shared_ptr<Peer>& peer) {
  peer->busy = false;
  next_request(peer);
}

void FakeCluster::answer(const std::shared_ptr<Peer>& peer, std::int32_t correlation_id, std::vector<std::byte> body) {
  std::vector<std::byte> frame(8);
  store(frame.data(), static_cast<std::int32_t>(4 + body.size()));
  store(frame.data() + 4, correlation_id);
  frame.insert(frame.end(), body.begin(), body.end());
  peer->connection->answer(std::move(frame));
  done(peer);
}

void FakeCluster::execute(const std::shared_ptr<Peer>& peer, std::vector<std::byte> frame) {
  const std::span<const std::byte> bytes(frame);
  const std::int16_t key = load16(bytes);
  const std::int16_t version = load16(bytes.subspan(2));
  const std::int32_t correlation_id = load32(bytes.subspan(4));
  const std::int16_t client_id_size = load16(bytes.subspan(8));
  std::span<const std::byte> body =
      bytes.subspan(10 + static_cast<std::size_t>(std::max<std::int16_t>(client_id_size, 0)));
  switch (key) {
    case ApiVersionsRequest::api.key: {
      ApiVersionsResponse response;
      const auto add = [&](std::int16_t api, std::int16_t min, std::int16_t max) {
        auto& entry = response.api_keys.emplace_back();
        entry.api_key = api;
        entry.min_version = min;
        entry.max_version = max;
      };
      add(ProduceRequest::api.key, 3, 9);
      add(FetchRequest::api.key, 4, 12);
      add(OffsetForLeaderEpochRequest::api.key, 2, 4);
      add(DescribeProducersRequest::api.key, 0, 0);
      add(ApiVersionsRequest::api.key, 0, 3);
      answer(peer, correlation_id, encode(response, version));
      return;
    }
    case ProduceRequest::api.key:
      handle_produce(peer, correlation_id, body, version);
      return;
    case FetchRequest::api.key:
      handle_fetch(peer, correlation_id, body, version);
      return;
    case OffsetForLeaderEpochRequest::api.key: {
      const auto request = decode<OffsetForLeaderEpochRequest>(body, version);
      assert(request);
      OffsetForLeaderEpochResponse response;
      for (const auto& topic : request->topics) {
        auto& answered = response.topics.emplace_back();
        answered.topic = topic.topic;
        for (const auto& partition : topic.partitions) {
          auto& entry = answered.partitions.emplace_back();
          entry.partition = partition.partition;
          const auto found = logs_.find({topic.topic, partition.partition.value()});
          if (found == logs_.end()) {
            entry.error_code = 3;
          } else if (found->second.leader != peer->broker) {
            entry.error_code = 6;
          } else if (partition.current_leader_epoch.value() < found->second.leader_epoch) {
            entry.error_code = 74;
          } else if (partition.current_leader_epoch.value() > found->second.leader_epoch) {
            entry.error_code = 75;
          } else {
            entry.leader_epoch = LeaderEpoch(found->second.leader_epoch);
            entry.end_offset = Offset(found->second.end);
          }
        }
      }
      answer(peer, correlation_id, encode(response, version));
      return;
    }
    case DescribeProducersRequest::api.key: {
      const std::size_t header_tags = 1;  // flexible from version 0 on: headers have tags, of which there are none
      const auto request = decode<DescribeProducersRequest>(body.subspan(header_tags), version);
      assert(request);
      DescribeProducersResponse response;
      for (const auto& topic : request->topics) {
        auto& answered = response.topics.emplace_back();
        answered.name = topic.name;
        for (const PartitionIndex index : topic.partition_indexes) {
          auto& entry = answered.partitions.emplace_back();
          entry.partition_index = index;
          const auto found = logs_.find({topic.name, index.value()});
          if (found == logs_.end() || found->second.leader != peer->broker) {
            entry.error_code = 6;
            continue;
          }
          for (const auto& [id, state] : found->second.producers) {
            auto& producer = entry.active_producers.emplace_back();
            producer.producer_id = ProducerId(id);
            producer.producer_epoch = state.epoch;
            producer.last_sequence = state.recent.back().last_sequence;
          }
        }
      }
      std::vector<std::byte> tagged(header_tags);
      const std::vector<std::byte> encoded = encode(response, version);
      tagged.insert(tagged.end(), encoded.begin(), encoded.end());
      answer(peer, correlation_id, std::move(tagged));
      return;
    }
    default:
      assert(false && "a request the data path does not send");
  }
}

// ---- Produce --------------------------------------------------------------------------------------------------------

FakeCluster::Appended FakeCluster::append(const PartitionKey& key, std::span<const std::byte> records) {
  PartitionLog& log = logs_.at(key);
  if (records.size() < record_batch_header_size) return {.error = 87};
  const RecordBatchHeader header = header_of(records);
  if (header.magic() != 2 || header.base_offset() != Offset(0) ||
      header.size() != static_cast<std::int64_t>(records.size()) || !header.is_dense()) {
    return {.error = 87};
  }
  if (crc32c(records.subspan(21)) != header.crc()) return {.error = 2};
  if (header.is_transactional() || header.is_control()) return {.error = 53};
  const std::int32_t first = header.base_sequence().value();
  const std::int32_t last = sequence_plus(first, header.record_count() - 1);
  const auto known = log.producers.find(header.producer_id().value());
  if (known != log.producers.end()) {
    ProducerState& state = known->second;
    if (header.producer_epoch().value() < state.epoch) return {.error = 47};
    for (const auto& entry : state.recent) {
      if (entry.first_sequence == first && entry.last_sequence == last) {
        ++counters.duplicates;
        return {.error = 0, .base = entry.base_offset, .duplicate = true};
      }
    }
    if (sequence_plus(state.recent.back().last_sequence, 1) != first) {
      ++counters.out_of_order;
      return {.error = 45};
    }
  }
  StoredBatch batch{.base = log.end, .records = header.record_count(), .bytes = {records.begin(), records.end()}};
  store(batch.bytes.data(), log.end);
  store(batch.bytes.data() + 12, log.leader_epoch);
  ProducerState& state = log.producers[header.producer_id().value()];
  state.epoch = header.producer_epoch().value();
  state.recent.push_back({first, last, log.end});
  if (state.recent.size() > remembered_batches) state.recent.pop_front();
  log.end += header.record_count();
  log.batches.push_back(batch);
  ++counters.appended;
  if (on_append) on_append(key, batch);
  return {.error = 0, .base = batch.base};
}

void FakeCluster::handle_produce(const std::shared_ptr<Peer>& peer, std::int32_t correlation_id,
                                 std::span<const std::byte> body, std::int16_t version) {
  std::string why;
  const auto request = decode<ProduceRequest>(body, version, &why);
  if (!request) throw std::runtime_error("malformed Produce request: " + why);
  if (world_.chance(faults.break_before_append)) {
    peer->connection->reset();
    return;
  }
  ProduceResponse response;
  if (world_.chance(faults.throttle)) response.throttle_time_ms = static_cast<std::int32_t>(world_.between(1, 300));
  // Answers come in any order, not that of the request.
  for (const auto& topic : request->topic_data) {
    auto& answered = response.responses.emplace_back();
    answered.name = topic.name;
    for (const auto& partition : topic.partition_data) {
      auto& entry = answered.partition_responses.emplace_back();
      entry.index = partition.index;
      const PartitionKey key{topic.name, partition.index.value()};
      const auto found = logs_.find(key);
      if (found == logs_.end()) {
        entry.error_code = 3;
        continue;
      }
      if (found->second.leader != peer->broker) {
        entry.error_code = 6;
        continue;
      }
      if (world_.chance(faults.retriable_error)) {
        entry.error_code = world_.chance(0.5) ? 19 : 56;
        continue;
      }
      const Appended appended = append(key, *partition.records);
      entry.error_code = appended.error;
      entry.base_offset = Offset(appended.base);
      entry.log_append_time_ms = appended.duplicate ? 1700000000000 : -1;
      if (appended.error == 0 && world_.chance(faults.timed_out_after_append)) entry.error_code = 7;
    }
    if (world_.chance(0.5)) std::reverse(answered.partition_responses.begin(), answered.partition_responses.end());
  }
  if (world_.chance(faults.lose_answer_after_append)) {
    ++counters.answers_lost;
    peer->connection->reset();
    return;
  }
  const std::int32_t throttle_ms = response.throttle_time_ms;
  const std::vector<std::byte> encoded = encode(response, version);
  if (throttle_ms == 0) {
    answer(peer, correlation_id, encoded);
    return;
  }
  // KIP-219: the answer at once, then the connection is not read for that long.
  std::vector<std::byte> frame(8);
  store(frame.data(), static_cast<std::int32_t>(4 + encoded.size()));
  store(frame.data() + 4, correlation_id);
  frame.insert(frame.end(), encoded.begin(), encoded.end());
  peer->connection->answer(std::move(frame));
  world_.after(std::chrono::milliseconds(throttle_ms), [this, peer] { done(peer); });
}

// ---- Fetch ----------------------------------------------------------------------------------------------------------

void FakeCluster::handle_fetch(const std::shared_ptr<Peer>& peer, std::int32_t correlation_id,
                               std::span<const std::byte> body, std::int16_t version) {
  std::string why;
  const auto request = decode<FetchRequest>(body, version, &why);
  if (!request) throw std::runtime_error("malformed Fetch request: " + why);
  const auto refuse = [&](std::int16_t error) {
    FetchResponse response;
    response.error_code = error;
    answer(peer, correlation_id, encode(response, version));
  };
  std::int32_t id = request->session_id;
  if (request->session_epoch == 0) {
    id = next_session_++;
    sessions_[id] = {};
  } else {
    if (world_.chance(faults.evict_session)) sessions_.erase(id);
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) return refuse(70);
    if (found->second.epoch != request->session_epoch) return refuse(71);
  }
  Session& session = sessions_[id];
  ++session.epoch;
  for (const auto& topic : request->topics) {
    for (const auto& partition : topic.partitions) {
      const PartitionKey key{topic.topic, partition.partition.value()};
      const std::pair<std::int64_t, std::int32_t> asked{partition.fetch_offset.value(), partition.partition_max_bytes};
      const auto entry = std::find_if(session.partitions.begin(), session.partitions.end(),
                                      [&](const auto& e) { return e.first == key; });
      if (entry == session.partitions.end()) {
        session.partitions.emplace_back(key, asked);
      } else {
        entry->second = asked;
      }
    }
  }
  for (const auto& topic : request->forgotten_topics_data) {
    for (const PartitionIndex partition : topic.partitions) {
      std::erase_if(session.partitions, [&](const auto& e) {
        return e.first == PartitionKey{topic.topic, partition.value()};
      });
    }
  }
  answer_fetch(peer, correlation_id, id, request->max_bytes,
               world_.now() + std::chrono::milliseconds(request->max_wait_ms));
}

void FakeCluster::answer_fetch(const std::shared_ptr<Peer>& peer, std::int32_t correlation_id, std::int32_t session_id,
                               std::int32_t max_bytes, net::Time deadline) {
  FetchResponse response;
  response.session_id = session_id;
  Session& session = sessions_[session_id];
  std::int64_t left = max_bytes;
  bool any = false;
  std::vector<PartitionKey> served;
  for (const auto& [key, asked] : session.partitions) {
    const auto found = logs_.find(key);
    std::int16_t error = 0;
    std::vector<std::byte> records;
    if (found == logs_.end()) {
      error = 3;
    } else if (found->second.leader != peer->broker) {
      error = 6;
    } else if (asked.first > found->second.end || asked.first < found->second.log_start) {
      error = 1;
    } else {
      const auto& batches = found->second.batches;
      auto batch =
          std::upper_bound(batches.begin(), batches.end(), asked.first,
                           [](std::int64_t offset, const StoredBatch& b) { return offset < b.base + b.records; });
      std::int64_t limit = std::min<std::int64_t>(asked.second, left);
      for (; batch != batches.end() && limit > 0; ++batch) {
        if (!any && records.empty())
          limit = std::max<std::int64_t>(limit, static_cast<std::int64_t>(batch->bytes.size()));
        const auto size = std::min<std::int64_t>(limit, static_cast<std::int64_t>(batch->bytes.size()));
        records.insert(records.end(), batch->bytes.begin(), batch->bytes.begin() + size);
        limit -= size;
      }
    }
    if (error == 0 && records.empty()) continue;
    any = true;
    left -= static_cast<std::int64_t>(records.size());
    auto& topic = response.responses.emplace_back();
    topic.topic = key.first;
    auto& partition = topic.partitions.emplace_back();
    partition.partition_index = PartitionIndex(key.second);
    partition.error_code = error;
    partition.high_watermark = partition.last_stable_offset = Offset(error == 0 ? found->second.end : -1);
    partition.log_start_offset = Offset(error == 0 ? found->second.log_start : -1);
    partition.records = std::move(records);
    served.push_back(key);
    if (left <= 0) break;
  }
  if (!any && world_.now() < deadline) {
    world_.after(world_.micros(200, 2000), [this, peer, correlation_id, session_id, max_bytes, deadline] {
      if (up_[static_cast<std::size_t>(peer->broker)] && peer->connection->open() && sessions_.contains(session_id)) {
        answer_fetch(peer, correlation_id, session_id, max_bytes, deadline);
      }
    });
    return;
  }
  if (any && world_.chance(faults.throttle)) {
    // Over quota: nothing, at once, and a time to keep quiet (KIP-219).
    response.responses.clear();
    response.throttle_time_ms = static_cast<std::int32_t>(world_.between(1, 300));
    answer(peer, correlation_id, encode(response, 11));
    return;
  }
  // The partitions that were served go to the end of the line.
  for (const PartitionKey& key : served) {
    const auto entry = std::find_if(session.partitions.begin(), session.partitions.end(),
                                    [&](const auto& e) { return e.first == key; });
    std::rotate(entry, entry + 1, session.partitions.end());
  }
  std::vector<std::byte> body = encode(response, 11);
  if (any && world_.chance(faults.stall_answer)) {
    // A part of the answer, then silence until somebody gives up.
    std::vector<std::byte> frame(8);
    store(frame.data(), static_cast<std::int32_t>(4 + body.size()));
    store(frame.data() + 4, correlation_id);
    const auto part = static_cast<std::ptrdiff_t>(world_.between(1, static_cast<std::int64_t>(body.size()) - 1));
    frame.insert(frame.end(), body.begin(), body.begin() + part);
    peer->connection->answer(std::move(frame));
    return;
  }
  answer(peer, correlation_id, std::move(body));
}

}  // namespace shunt::sim
