#include "tests/sim/coordinator.h"

#include "protocol/error.h"
#include "tests/sim/fake_cluster.h"

namespace shunt::sim {

using namespace std::chrono_literals;
using namespace protocol;  // NOLINT(google-build-using-namespace): a broker speaks of nothing else

namespace {

constexpr std::int16_t coordinator_not_available = 15;
constexpr std::int16_t not_coordinator = 16;
constexpr std::int16_t invalid_producer_id_mapping = 49;
constexpr std::int32_t longest_timeout_ms = 15 * 60 * 1000;

}  // namespace

void Coordinator::leave(std::int32_t broker) {
  if (broker != broker_) return;
  broker_ = cluster_.any_up();
  ++epoch_;
  loaded_from_ = cluster_.world_.now() + cluster_.world_.micros(0, 100'000);
}

FindCoordinatorResponse Coordinator::find(const FindCoordinatorRequest&) {
  FindCoordinatorResponse response;
  if (!cluster_.is_up(broker_)) leave(broker_);
  if (!cluster_.is_up(broker_)) {
    response.error_code = coordinator_not_available;
    response.node_id = BrokerId(-1);
    return response;
  }
  response.node_id = BrokerId(broker_);
  response.host = "127.0.0.1";
  response.port = cluster_.port(broker_);
  return response;
}

std::int16_t Coordinator::check(std::int32_t broker) {
  if (broker != broker_) return not_coordinator;
  return cluster_.world_.now() < loaded_from_ ? errors::coordinator_load_in_progress : no_error;
}

std::int16_t Coordinator::check(std::int32_t broker, const std::string& id, std::int64_t producer_id,
                                std::int16_t epoch) {
  if (const std::int16_t error = check(broker); error != 0) return error;
  const auto known = transactions_.find(id);
  if (known == transactions_.end() || known->second.producer_id != producer_id) return invalid_producer_id_mapping;
  if (known->second.epoch == epoch) return no_error;
  ++cluster_.counters.fenced;
  return errors::producer_fenced;
}

InitProducerIdResponse Coordinator::init(std::int32_t broker, const InitProducerIdRequest& request) {
  InitProducerIdResponse response;
  response.error_code = check(broker);
  if (response.error_code != 0) return response;
  if (request.transaction_timeout_ms > longest_timeout_ms) {
    response.error_code = errors::invalid_transaction_timeout;
    return response;
  }
  const std::string& id = request.transactional_id.value();
  Transaction& transaction = transactions_[id];
  if (transaction.producer_id < 0) {
    transaction.producer_id = next_producer_id_++;
    transaction.epoch = -1;
  }
  switch (transaction.state) {
    case State::ongoing:
      // Its marker carries the epoch that shuts the old life out.
      abort_abandoned(id);
      [[fallthrough]];
    case State::committing:
    case State::aborting:
      response.error_code = errors::concurrent_transactions;
      return response;
    case State::empty:
    case State::committed:
    case State::aborted:
      break;
  }
  if (!cluster_.repeats_producer_epochs || transaction.epoch < 0) ++transaction.epoch;
  transaction.state = State::empty;
  response.producer_id = ProducerId(transaction.producer_id);
  response.producer_epoch = ProducerEpoch(transaction.epoch);
  return response;
}

AddPartitionsToTxnResponse Coordinator::add(std::int32_t broker, const AddPartitionsToTxnRequest& request) {
  const std::string& id = request.v3_and_below_transactional_id;
  std::int16_t error =
      check(broker, id, request.v3_and_below_producer_id.value(), request.v3_and_below_producer_epoch.value());
  if (error == 0) {
    Transaction& transaction = transactions_.at(id);
    if (transaction.state == State::committing || transaction.state == State::aborting) {
      error = errors::concurrent_transactions;
    } else if (transaction.state != State::ongoing) {
      transaction.state = State::ongoing;
      transaction.partitions.clear();
      transaction.number = next_number_++;
      cluster_.world_.after(60s, [this, id, number = transaction.number] { expire(id, number); });
    }
  }
  AddPartitionsToTxnResponse response;
  for (const auto& topic : request.v3_and_below_topics) {
    auto& answered = response.results_by_topic_v3_and_below.emplace_back();
    answered.name = topic.name;
    for (const PartitionIndex partition : topic.partitions) {
      const PartitionKey key{topic.name, partition.value()};
      const std::int16_t of_partition =
          error == 0 && !cluster_.has_log(key) ? errors::unknown_topic_or_partition : error;
      answered.results_by_partition.push_back({.partition_index = partition, .partition_error_code = of_partition});
      if (of_partition == 0) transactions_.at(id).partitions[key] = cluster_.topics_.at(topic.name).id;
    }
  }
  return response;
}

EndTxnResponse Coordinator::end(std::int32_t broker, const EndTxnRequest& request) {
  EndTxnResponse response;
  const std::string& id = request.transactional_id;
  response.error_code = check(broker, id, request.producer_id.value(), request.producer_epoch.value());
  if (response.error_code != 0) return response;
  switch (transactions_.at(id).state) {
    case State::ongoing:
      decide(id, request.committed);
      break;
    case State::committing:
    case State::aborting: {
      const bool is_same = request.committed == (transactions_.at(id).state == State::committing);
      response.error_code = is_same ? errors::concurrent_transactions : errors::invalid_txn_state;
      break;
    }
    case State::committed:
      response.error_code = request.committed ? no_error : errors::invalid_txn_state;
      break;
    case State::aborted:
      response.error_code = request.committed ? errors::invalid_txn_state : no_error;
      break;
    case State::empty:
      response.error_code = errors::invalid_txn_state;
      break;
  }
  return response;
}

void Coordinator::decide(const std::string& id, bool is_commit) {
  transactions_.at(id).state = is_commit ? State::committing : State::aborting;
  World& world = cluster_.world_;
  const bool is_doubled = world.chance(cluster_.faults.duplicate_end_marker);
  world.after(world.micros(400, 30'000), [this, id, is_commit, is_doubled] {
    write_markers(id, is_commit, !is_doubled);
    if (!is_doubled) return;
    // The coordinator has died before it knew that the marker is down; the next one begins with the decision.
    ++epoch_;
    cluster_.world_.after(cluster_.world_.micros(1000, 50'000), [this, id, is_commit] {
      for (const auto& [key, topic_id] : transactions_.at(id).partitions) {
        if (cluster_.on_late_marker) cluster_.on_late_marker(key);
      }
      write_markers(id, is_commit, true);
    });
  });
}

void Coordinator::write_markers(const std::string& id, bool is_commit, bool is_last_try) {
  Transaction& transaction = transactions_.at(id);
  bool is_written = true;
  for (const auto& [key, topic_id] : transaction.partitions) {
    if (!cluster_.has_log(key)) continue;
    // Topics go by their names here.
    if (cluster_.topics_.at(key.first).id != topic_id && cluster_.on_late_marker) cluster_.on_late_marker(key);
    const auto outcome = cluster_.log(key).write_marker(transaction.producer_id, transaction.epoch, epoch_, is_commit);
    is_written = is_written && outcome.error == 0;
  }
  cluster_.wake_fetches();
  // A coordinator whose marker is refused asks again and again: the transactional id is stuck.
  if (is_written && is_last_try) transaction.state = is_commit ? State::committed : State::aborted;
}

void Coordinator::expire(const std::string& id, std::uint64_t number) {
  const Transaction& transaction = transactions_.at(id);
  if (transaction.number != number || transaction.state != State::ongoing) return;
  abort_abandoned(id);
}

void Coordinator::abort_abandoned(const std::string& id) {
  Transaction& transaction = transactions_.at(id);
  ++transaction.epoch;
  for (const auto& [key, topic_id] : transaction.partitions) {
    if (cluster_.on_abandoned) cluster_.on_abandoned(key);
  }
  decide(id, false);
}

}  // namespace shunt::sim
