// Fetch as brokers answer it: with and without a session (KIP-227), long polls, read committed or not.
#include <algorithm>

#include "protocol/error.h"
#include "protocol/messages/fetch.h"
#include "tests/sim/fake_cluster.h"

namespace shunt::sim {

using namespace protocol;  // NOLINT(google-build-using-namespace): a broker speaks of nothing else

namespace {

constexpr std::int16_t fetch_session_id_not_found = 70;
constexpr std::int16_t invalid_fetch_session_epoch = 71;

}  // namespace

void FakeCluster::handle_fetch(const Call& call, std::span<const std::byte> body) {
  const auto request = decoded<FetchRequest>(body, call.version);
  const auto refuse = [&](std::int16_t error) {
    FetchResponse response;
    response.error_code = error;
    answer(call, encode(response, call.version));
  };
  auto poll = std::make_shared<Poll>(Poll{.call = call,
                                          .session_id = 0,
                                          .asked = {},
                                          .is_full = request.session_epoch <= 0,
                                          .most_bytes = request.max_bytes,
                                          .isolation = request.isolation_level,
                                          .deadline = world_.now() + std::chrono::milliseconds(request.max_wait_ms),
                                          .gone = {}});
  std::vector<Asked>* partitions = &poll->asked;
  if (request.session_epoch == 0) {
    poll->session_id = next_session_++;
    partitions = &sessions_[poll->session_id].partitions;
    sessions_[poll->session_id].epoch = 1;
  } else if (request.session_epoch > 0) {
    if (world_.chance(faults.evict_session)) sessions_.erase(request.session_id);
    const auto found = sessions_.find(request.session_id);
    if (found == sessions_.end()) return refuse(fetch_session_id_not_found);
    if (found->second.epoch != request.session_epoch) return refuse(invalid_fetch_session_epoch);
    ++found->second.epoch;
    poll->session_id = request.session_id;
    partitions = &found->second.partitions;
  }
  for (const auto& topic : request.topics) {
    const std::string name = topic.topic_id.is_zero() ? topic.topic : name_of(topic.topic_id);
    for (const auto& partition : topic.partitions) {
      const Asked asked{.key = {name, partition.partition.value()},
                        .topic_id = topic.topic_id,
                        .offset = partition.fetch_offset.value(),
                        .most_bytes = partition.partition_max_bytes,
                        .leader_epoch = partition.current_leader_epoch.value()};
      const auto known = std::ranges::find_if(*partitions, [&](const Asked& one) { return one.is_place_of(asked); });
      if (known == partitions->end()) {
        partitions->push_back(asked);
      } else {
        *known = asked;
      }
    }
  }
  for (const auto& topic : request.forgotten_topics_data) {
    for (const PartitionIndex partition : topic.partitions) {
      const Asked forgotten{.key = {topic.topic, partition.value()}, .topic_id = topic.topic_id};
      std::erase_if(*partitions, [&](const Asked& one) { return one.is_place_of(forgotten); });
    }
  }
  if (const std::int32_t throttle_ms = draw_throttle(); throttle_ms > 0) {
    FetchResponse over_quota;  // that is not the end of the log, and the session has moved on all the same
    over_quota.throttle_time_ms = throttle_ms;
    over_quota.session_id = request.session_epoch > 0 ? request.session_id : 0;
    answer(call, encode(over_quota, call.version), throttle_ms);
    return;
  }
  this->poll(poll);
}

std::string FakeCluster::name_of(const Uuid& topic_id) const {
  const auto known = std::ranges::find_if(topics_, [&](const auto& one) { return one.second.id == topic_id; });
  return known == topics_.end() ? std::string() : known->first;
}

/// False: the partition has no news.
bool FakeCluster::serve_partition(const Poll& poll, const Asked& asked, bool is_first, std::int64_t& left,
                                  FetchResponse& response) {
  FetchResponse::Partition entry;
  entry.partition_index = PartitionIndex(asked.key.second);
  if (!asked.topic_id.is_zero() && (asked.key.first.empty() || name_of(asked.topic_id) != asked.key.first)) {
    entry.error_code = errors::unknown_topic_id;
  } else if (poll.gone.contains(asked.key)) {
    entry.error_code = errors::unknown_topic_or_partition;
  } else {
    entry.error_code = check_leader(poll.call.broker(), asked.key.first, entry.partition_index, asked.leader_epoch);
  }
  entry.records.emplace();
  entry.high_watermark = Offset(-1);
  if (entry.error_code == 0) {
    const PartitionLog& log = logs_.at(asked.key);
    if (asked.offset > log.end() || asked.offset < log.start()) {
      entry.error_code = errors::offset_out_of_range;
    } else {
      const bool is_committed_only = poll.isolation == 1;
      std::vector<std::byte> records =
          log.read(asked.offset, std::min(asked.most_bytes, left), is_first, is_committed_only);
      left -= static_cast<std::int64_t>(records.size());
      entry.high_watermark = Offset(log.end());
      entry.last_stable_offset = Offset(log.last_stable_offset());
      entry.log_start_offset = Offset(log.start());
      if (is_committed_only) entry.aborted_transactions = log.aborted(asked.offset, log.last_stable_offset());
      entry.records = Records(std::move(records));
    }
  }
  const bool has_news = entry.error_code != 0 || !entry.records->empty();
  if (!has_news && !poll.is_full) return false;
  const auto topic = std::ranges::find_if(response.responses, [&](const FetchResponse::Topic& one) {
    return one.topic == asked.key.first && one.topic_id == asked.topic_id;
  });
  auto& answered = topic == response.responses.end() ? response.responses.emplace_back() : *topic;
  answered.topic = asked.key.first;
  answered.topic_id = asked.topic_id;
  answered.partitions.push_back(std::move(entry));
  return has_news;
}

void FakeCluster::poll(const std::shared_ptr<Poll>& poll) {
  const auto session = sessions_.find(poll->session_id);
  if (poll->session_id != 0 && session == sessions_.end()) return;  // its connection is as good as dead
  std::vector<Asked>& partitions = poll->session_id == 0 ? poll->asked : session->second.partitions;
  FetchResponse response;
  response.session_id = poll->session_id;
  std::int64_t left = poll->most_bytes;
  std::vector<Asked> served;
  for (const Asked& asked : partitions) {
    if (serve_partition(*poll, asked, served.empty(), left, response)) served.push_back(asked);
    if (left <= 0) break;
  }
  if (served.empty() && world_.now() < poll->deadline) {
    if (std::ranges::find(polls_, poll) == polls_.end()) {
      polls_.push_back(poll);
      world_.at(poll->deadline, [this, weak = std::weak_ptr<Poll>(poll)] {
        const auto late = weak.lock();
        if (late && std::erase(polls_, late) > 0 && is_up(late->call.broker())) this->poll(late);
      });
    }
    return;
  }
  // The partitions that were served go to the end of the line.
  for (const Asked& asked : served) {
    const auto entry = std::ranges::find_if(partitions, [&](const Asked& one) { return one.is_place_of(asked); });
    std::rotate(entry, entry + 1, partitions.end());
  }
  const std::vector<std::byte> body = encode(response, poll->call.version);
  if (!served.empty() && world_.chance(faults.stall_answer)) {
    // A part of the answer, then silence until somebody gives up.
    std::vector<std::byte> frame = framed(poll->call, body);
    frame.resize(static_cast<std::size_t>(world_.between(9, static_cast<std::int64_t>(frame.size()) - 1)));
    poll->call.peer->connection->answer(std::move(frame));
    return;
  }
  answer(poll->call, body);
}

void FakeCluster::wake_fetches() {
  for (const std::shared_ptr<Poll>& waiting : std::exchange(polls_, {})) {
    world_.after(world_.micros(20, 1000), [this, waiting] {
      if (is_up(waiting->call.broker()) && waiting->call.peer->connection->open()) poll(waiting);
    });
  }
}

}  // namespace shunt::sim
