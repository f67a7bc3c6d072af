#include "replicate/control/hole_filler.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "protocol/error.h"
#include "protocol/messages/add_partitions_to_txn.h"
#include "protocol/messages/end_txn.h"
#include "protocol/messages/find_coordinator.h"
#include "protocol/messages/init_producer_id.h"
#include "replicate/control/leaders.h"
#include "replicate/control/write_log.h"

namespace shunt::replicate {

using net::Awaitable;
using net::now;
using net::Time;
using protocol::Offset;

namespace errors = protocol::errors;

namespace {

// The versions before transactions of KIP-890: one partition is added by a client's own request, and an epoch lasts
// beyond one transaction.
constexpr std::int16_t init_producer_id_version = 4;
constexpr std::int16_t add_partitions_version = 3;
constexpr std::int16_t end_txn_version = 3;
constexpr std::int16_t find_coordinator_version = 3;  // the last one for a single key

constexpr std::int8_t transaction_coordinator = 1;

// Each is 78 bytes in the log and some 50 in the request.
constexpr std::int64_t markers_per_request = 2000;

constexpr auto least_transaction_timeout = std::chrono::seconds(5);

constexpr auto first_pause = std::chrono::milliseconds(1);
constexpr auto longest_pause = std::chrono::milliseconds(50);

bool is_about_coordinator(std::int16_t error_code) {
  return error_code == errors::coordinator_load_in_progress ||
         protocol::what_to_refresh(error_code) == protocol::Refresh::coordinator;
}

class Pause : public net::GrowingPause {
 public:
  Pause() : GrowingPause(first_pause, longest_pause) {}
};

}  // namespace

HoleFiller::HoleFiller(Cluster& target, TopicPartition partition, std::string transactional_id, HoleSettings settings)
    : cluster_(target),
      partition_(std::move(partition)),
      transactional_id_(std::move(transactional_id)),
      settings_(settings),
      transaction_timeout_(settings.transaction_timeout) {}

HoleError HoleFiller::refusal(std::int16_t error_code, const char* request, const std::string& needs) {
  is_fenced_ = false;
  std::string reason =
      fmt::format("{} answered {} to {} for {} (transactional id {})", cluster_.alias(),
                  protocol::error_name(error_code), request, partition_.to_string(), transactional_id_);
  switch (error_code) {
    case errors::producer_fenced:
    case errors::invalid_producer_epoch:
      return {HoleError::Kind::superseded, reason + ": another instance of this mirror has taken over"};
    case errors::topic_authorization_failed:
    case errors::transactional_id_authorization_failed:
      return {HoleError::Kind::unauthorized, reason + ": grant " + needs};
    default:
      if (is_about_coordinator(error_code)) coordinator_ = protocol::BrokerId(-1);
      return {HoleError::Kind::again, reason};
  }
}

HoleError HoleFiller::not_known(const char* fact, std::int16_t error_code, const std::string& why,
                                HoleError::Kind kind) const {
  std::string reason = fmt::format("{} of {} is not known: {}", fact, partition_.to_string(), why);
  if (!protocol::is_authorization_failure(error_code)) return {kind, reason};
  return {HoleError::Kind::unauthorized, reason.append(grant_reading)};
}

Awaitable<> HoleFiller::find_coordinator(Time deadline) {
  for (Pause pause; coordinator_ < protocol::BrokerId(0);) {
    protocol::FindCoordinatorRequest request;
    request.key = transactional_id_;
    request.key_type = transaction_coordinator;
    const net::CallOptions options{.at_most_version = find_coordinator_version, .timeout = {}};
    const auto response = co_await cluster_.call_any(std::move(request), options);
    if (response.error_code == 0) {
      coordinator_ = response.node_id;
      if (!cluster_.brokers().contains(coordinator_)) co_await cluster_.refresh();
    } else if (!is_about_coordinator(response.error_code) || now() >= deadline) {
      throw refusal(response.error_code, "FindCoordinator", "Describe on the transactional id");
    } else {
      co_await pause.wait();
    }
  }
}

/// A broker that cannot be reached ends the life: whether the request was heard is not known.
template <class Request>
Awaitable<typename Request::Response> HoleFiller::ask_coordinator(Request request, std::int16_t at_most_version) {
  std::string failure;
  try {
    co_await find_coordinator(now() + settings_.patience);
    const net::CallOptions options{.at_most_version = at_most_version, .timeout = {}};
    co_return co_await cluster_.write_to_broker(coordinator_, std::move(request), options);
  } catch (const net::BrokerError& error) {
    failure = error.what();
  } catch (const ClusterError& error) {
    failure = error.what();
  }
  is_fenced_ = false;
  coordinator_ = protocol::BrokerId(-1);
  throw HoleError(HoleError::Kind::again, failure);
}

Awaitable<> HoleFiller::fence() {
  if (is_fenced_) co_return;
  const Time deadline = now() + settings_.patience;
  for (Pause pause;;) {
    protocol::InitProducerIdRequest request;
    request.transactional_id = transactional_id_;
    request.transaction_timeout_ms = static_cast<std::int32_t>(transaction_timeout_.count());
    const auto response = co_await ask_coordinator(std::move(request), init_producer_id_version);
    if (response.error_code == 0) {
      producer_id_ = response.producer_id;
      producer_epoch_ = response.producer_epoch;
      is_fenced_ = true;
      is_first_ = true;
      co_return;
    }
    if (response.error_code == errors::invalid_transaction_timeout &&
        transaction_timeout_ > least_transaction_timeout) {
      transaction_timeout_ /= 2;
      continue;
    }
    // 51: a dead life's transaction is being ended.
    if ((response.error_code != errors::concurrent_transactions && !is_about_coordinator(response.error_code)) ||
        now() >= deadline) {
      throw refusal(response.error_code, "InitProducerId", "Write on the transactional id");
    }
    if (is_about_coordinator(response.error_code)) coordinator_ = protocol::BrokerId(-1);
    co_await pause.wait();
  }
}

Awaitable<Offset> HoleFiller::log_end() {
  std::vector<TopicPartition> asked{partition_};
  const Answers<Offset> answers = co_await log_ends(cluster_, std::move(asked));
  const Answered<Offset>& answered = answers.at(partition_);
  if (!answered.value) {
    is_fenced_ = false;
    throw not_known("the log end", answered.error_code, answered.reason,
                    answered.may_retry ? HoleError::Kind::again : HoleError::Kind::refused);
  }
  co_return *answered.value;
}

Awaitable<bool> HoleFiller::await_late_requests() {
  if (!is_first_) co_return false;
  Offset end = co_await log_end();
  for (Time quiet_since = now(); now() - quiet_since < settings_.doubt;) {
    co_await net::sleep_for(longest_pause);
    const Offset seen = co_await log_end();
    if (seen != end) quiet_since = now();
    end = seen;
  }
  co_return true;
}

/// Throws when another life has begun since. There is no transaction to end: that is what a life of today is told.
Awaitable<> HoleFiller::check_life() {
  protocol::EndTxnRequest request;
  request.transactional_id = transactional_id_;
  request.producer_id = producer_id_;
  request.producer_epoch = producer_epoch_;
  request.committed = true;
  const auto response = co_await ask_coordinator(std::move(request), end_txn_version);
  if (response.error_code != 0 && response.error_code != errors::invalid_txn_state) {
    throw refusal(response.error_code, "EndTxn", "Write on the transactional id");
  }
}

Awaitable<> HoleFiller::fill(Offset first, Offset end) {
  if (may_write_markers_) co_await check_life();
  if (may_write_markers_ && is_first_ && first < end) {
    coordinator_epoch_ = co_await coordinator_epoch();
    if (co_await write_markers(1)) {
      first = first + 1;
      is_first_ = false;
      if (first < end) co_await expect_log_end(first);
    }
  }
  if (!may_write_markers_) {
    co_await fill_by_transactions(first, end);
    co_return;
  }
  if (first < end) {
    // Named: g++ 12 destroys the awaitable of a result that nobody takes twice.
    [[maybe_unused]] const bool may_write = co_await write_markers(end - first);
  }
  co_await expect_log_end(end);
}

/// One offset at a time.
Awaitable<> HoleFiller::fill_by_transactions(Offset first, Offset end) {
  while (first < end) {
    co_await open_transaction();
    co_await end_transaction();
    is_first_ = false;
    first = first + 1;
    co_await expect_log_end(first);
  }
}

Awaitable<> HoleFiller::open_transaction() {
  const Time deadline = now() + settings_.patience;
  for (Pause pause;;) {
    protocol::AddPartitionsToTxnRequest request;
    request.v3_and_below_transactional_id = transactional_id_;
    request.v3_and_below_producer_id = producer_id_;
    request.v3_and_below_producer_epoch = producer_epoch_;
    request.v3_and_below_topics.push_back({.name = partition_.topic, .partitions = {partition_.partition}});
    const auto response = co_await ask_coordinator(std::move(request), add_partitions_version);
    const auto& topics = response.results_by_topic_v3_and_below;
    if (topics.size() != 1 || topics.front().results_by_partition.size() != 1) {
      is_fenced_ = false;
      throw HoleError(HoleError::Kind::again, cluster_.alias() + " answered AddPartitionsToTxn for other partitions");
    }
    const std::int16_t error_code = topics.front().results_by_partition.front().partition_error_code;
    if (error_code == 0) co_return;
    if (error_code != errors::concurrent_transactions || now() >= deadline) {
      throw refusal(error_code, "AddPartitionsToTxn", "Write on the topic and on the transactional id");
    }
    co_await pause.wait();
  }
}

/// What the partition last heard from the coordinator of our producer id. A marker with a lower one is refused; one with
/// a higher one would shut the coordinator itself out, for ever.
Awaitable<std::int32_t> HoleFiller::coordinator_epoch() {
  std::vector<TopicPartition> asked{partition_};
  const auto answers = co_await active_producers(cluster_, std::move(asked));
  const auto& answered = answers.at(partition_);
  if (!answered.value) {
    is_fenced_ = false;
    throw not_known("the list of producers", answered.error_code, answered.reason, HoleError::Kind::again);
  }
  const auto own = std::find_if(answered.value->begin(), answered.value->end(),
                                [&](const ActiveProducer& producer) { return producer.id == producer_id_; });
  co_return own == answered.value->end() ? 0 : std::max(0, own->coordinator_epoch);
}

/// False: the cluster does not let this user write markers; none was written.
Awaitable<bool> HoleFiller::write_markers(std::int64_t count) {
  for (std::int64_t written = 0; written < count;) {
    const Topic::Partition* known = cluster_.find_led(partition_);
    if (known == nullptr) {
      is_fenced_ = false;
      const Cluster::NoLeader missing = cluster_.why_not_led(partition_);
      throw HoleError(protocol::is_authorization_failure(missing.error_code) ? HoleError::Kind::unauthorized
                                                                             : HoleError::Kind::again,
                      missing.reason);
    }
    const Marker marker{
        .producer_id = producer_id_, .producer_epoch = producer_epoch_, .coordinator_epoch = coordinator_epoch_};
    const std::int64_t now_written = std::min(count - written, markers_per_request);
    std::int16_t error_code = 0;
    std::string failure;
    try {
      error_code = co_await replicate::write_markers(cluster_, partition_, marker, now_written);
    } catch (const net::BrokerError& error) {
      failure = error.what();
    } catch (const ClusterError& error) {
      failure = error.what();
    }
    if (!failure.empty()) {
      is_fenced_ = false;
      throw HoleError(HoleError::Kind::again, failure);
    }
    if (error_code == errors::cluster_authorization_failed && is_first_) {
      may_write_markers_ = false;
      co_return false;
    }
    if (error_code == errors::transaction_coordinator_fenced && written == 0) {
      const std::int32_t read_again = co_await coordinator_epoch();
      if (read_again > coordinator_epoch_) {
        coordinator_epoch_ = read_again;
        continue;
      }
    }
    if (error_code != 0) throw refusal(error_code, "WriteTxnMarkers", "Alter on the cluster");
    written += now_written;
  }
  co_return true;
}

Awaitable<> HoleFiller::end_transaction() {
  const Time deadline = now() + settings_.patience;
  // The first 0 says that the end is decided, the second one that its marker is written.
  bool is_decided = false;
  for (Pause pause;;) {
    protocol::EndTxnRequest request;
    request.transactional_id = transactional_id_;
    request.producer_id = producer_id_;
    request.producer_epoch = producer_epoch_;
    request.committed = true;
    const auto response = co_await ask_coordinator(std::move(request), end_txn_version);
    if (response.error_code == 0) {
      if (is_decided) co_return;
      is_decided = true;
      continue;
    }
    if (response.error_code != errors::concurrent_transactions || now() >= deadline) {
      throw refusal(response.error_code, "EndTxn", "Write on the transactional id");
    }
    co_await pause.wait();
  }
}

Awaitable<> HoleFiller::expect_log_end(Offset end) {
  const Offset seen = co_await log_end();
  if (seen == end) co_return;
  is_fenced_ = false;
  const std::string reason =
      fmt::format("{} ends at {} after a hole up to {} was filled", partition_.to_string(), seen.value(), end.value());
  if (seen < end) throw HoleError(HoleError::Kind::again, reason + ": a marker was not written");
  throw HoleError(HoleError::Kind::overfilled, reason);
}

}  // namespace shunt::replicate
