#include "replicate/data/fetch_session.h"

#include <algorithm>

#include "replicate/data/flow.h"

namespace shunt::replicate {

using protocol::FetchRequest;
using protocol::Offset;

namespace {

constexpr Offset not_in_session{-1};

// A partition's answer ends in half a batch on average, which is thrown away: ask for many batches at a time.
constexpr std::int32_t batches_per_answer = 32;
constexpr std::int32_t smallest_partition_max_bytes = 512 * 1024;

// Of a flow whose first batch must travel alone little more than one batch is of use. (A batch that is larger comes all
// the same when its partition stands first in the request, which every partition does in turn.)
constexpr std::int32_t probe_partition_max_bytes = 64 * 1024;

// While flows wait for an answer from the target, a long poll for the others must not keep them from joining in.
constexpr std::int32_t impatient_max_wait_ms = 10;

}  // namespace

void FetchSession::add(Flow& flow) {
  flow.session = {.offset = not_in_session, .max_bytes = 0, .listed = false};
  members_.push_back(&flow);
  touch(flow);
}

void FetchSession::remove(Flow& flow) {
  std::erase(members_, &flow);
  std::erase(touched_, &flow);
  forget(flow);
}

bool FetchSession::holds(const Flow& flow) {
  return flow.session.offset != not_in_session;
}

void FetchSession::enter(Flow& flow) {
  ++in_session_;
  // Named in one request both as fetched and as forgotten, a partition is forgotten.
  std::erase_if(forgotten_, [&](const auto& entry) {
    return entry.first == flow.spec().source_topic && entry.second == flow.spec().partition;
  });
}

void FetchSession::forget(Flow& flow) {
  if (flow.session.offset == not_in_session) return;
  flow.session.offset = not_in_session;
  --in_session_;
  // Also while the request that opens the session is under way: the broker would answer for it for ever.
  forgotten_.emplace_back(flow.spec().source_topic, flow.spec().partition);
}

void FetchSession::touch(Flow& flow) {
  if (flow.session.listed) return;
  flow.session.listed = true;
  touched_.push_back(&flow);
}

std::int32_t FetchSession::partition_max_bytes(const Flow& flow, net::Time now) const {
  if (!flow.is_proven(now)) return std::min(probe_partition_max_bytes, settings_.partition_max_bytes);
  const std::int64_t wanted = std::int64_t{flow.typical_batch_bytes()} * batches_per_answer;
  const auto low = std::int64_t{std::min(smallest_partition_max_bytes, settings_.partition_max_bytes)};
  const std::int64_t bounded = std::clamp(wanted, low, std::int64_t{settings_.partition_max_bytes});
  // In steps, so that the limit alone is no reason to name the partition again.
  std::int64_t step = low;
  while (step < bounded) step *= 2;
  return static_cast<std::int32_t>(std::min(step, std::int64_t{settings_.partition_max_bytes}));
}

bool FetchSession::refresh(net::Time now, const std::function<bool(const Flow&)>& accepts) {
  changed_.clear();
  std::vector<Flow*> waiting;
  for (Flow* flow : touched_) {
    flow->session.listed = false;
    if (flow->wants_data(now) && accepts(*flow)) {
      const std::int32_t max_bytes = partition_max_bytes(*flow, now);
      if (flow->session.offset != flow->fetch_position() || flow->session.max_bytes != max_bytes) {
        if (flow->session.offset == not_in_session) enter(*flow);
        flow->session.offset = flow->fetch_position();
        flow->session.max_bytes = max_bytes;
        changed_.push_back(flow);
      }
      flow->handle_fetch_sent();
    } else {
      forget(*flow);
      waiting.push_back(flow);
    }
  }
  touched_.clear();
  for (Flow* flow : waiting) touch(*flow);
  return in_session_ > 0;
}

std::optional<FetchRequest> FetchSession::next_request(net::Time now, const std::function<bool(const Flow&)>& accepts) {
  if (!refresh(now, accepts)) return std::nullopt;
  FetchRequest request;
  request.replica_id = protocol::BrokerId(-1);
  request.max_wait_ms =
      touched_.empty() ? settings_.max_wait_ms : std::min(settings_.max_wait_ms, impatient_max_wait_ms);
  request.min_bytes = settings_.min_bytes;
  request.max_bytes = settings_.max_bytes;
  request.isolation_level = static_cast<std::int8_t>(settings_.isolation);
  request.session_id = session_id_;
  request.session_epoch = session_epoch_;
  std::stable_sort(changed_.begin(), changed_.end(),
                   [](const Flow* a, const Flow* b) { return a->spec().source_topic < b->spec().source_topic; });
  for (const Flow* flow : changed_) {
    if (request.topics.empty() || request.topics.back().topic != flow->spec().source_topic) {
      request.topics.emplace_back().topic = flow->spec().source_topic;
    }
    FetchRequest::Partition& partition = request.topics.back().partitions.emplace_back();
    partition.partition = flow->spec().partition;
    partition.current_leader_epoch = flow->route().source.leader_epoch;
    partition.fetch_offset = flow->session.offset;
    partition.partition_max_bytes = flow->session.max_bytes;
  }
  std::stable_sort(forgotten_.begin(), forgotten_.end());
  for (const auto& [topic, partition] : forgotten_) {
    if (request.forgotten_topics_data.empty() || request.forgotten_topics_data.back().topic != topic) {
      request.forgotten_topics_data.emplace_back().topic = topic;
    }
    request.forgotten_topics_data.back().partitions.push_back(partition);
  }
  forgotten_.clear();
  return request;
}

FetchSession::Outcome FetchSession::handle_answer(std::int16_t error_code, std::int32_t session_id) {
  if (error_code != 0) {
    reset();
    return Outcome::reset;
  }
  if (session_epoch_ == 0) {
    session_id_ = session_id;
    // A broker whose session cache is full answers with id 0: every request is then a full one.
    session_epoch_ = session_id == 0 ? 0 : 1;
    if (session_id == 0) reset();
  } else {
    session_epoch_ = session_epoch_ == INT32_MAX ? 1 : session_epoch_ + 1;
  }
  return Outcome::accepted;
}

void FetchSession::reset() {
  session_id_ = 0;
  session_epoch_ = 0;
  in_session_ = 0;
  forgotten_.clear();
  for (Flow* flow : members_) {
    flow->session.offset = not_in_session;
    touch(*flow);
  }
}

}  // namespace shunt::replicate
