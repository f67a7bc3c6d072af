#include "replicate/data/fetch_session.h"

#include <algorithm>
#include <tuple>
#include <utility>

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
  flows_.add(flow);
  touch(flow);
}

void FetchSession::remove(Flow& flow) {
  flows_.remove(flow);
  std::erase(touched_, &flow);
  forget(flow);
}

Flow* FetchSession::find(const protocol::FetchStream::Partition& partition) {
  Flow* flow =
      is_by_id_ ? flows_.find(partition.topic_id, partition.index) : flows_.find(partition.topic, partition.index);
  return flow == nullptr || flow->session.offset == not_in_session ? nullptr : flow;
}

void FetchSession::enter(Flow& flow) {
  ++in_session_;
  // Named in one request both as fetched and as forgotten, a partition is forgotten.
  std::erase_if(forgotten_, [&](const Forgotten& entry) {
    const bool is_same_topic =
        is_by_id_ ? entry.topic_id == flow.route().source.topic_id : entry.topic == flow.spec().source_topic;
    return is_same_topic && entry.partition == flow.spec().partition;
  });
}

void FetchSession::forget(Flow& flow) {
  if (flow.session.offset == not_in_session) return;
  flow.session.offset = not_in_session;
  --in_session_;
  // Also while the request that opens the session is under way: the broker would answer for it for ever.
  forgotten_.push_back({.topic = flow.spec().source_topic,
                        .topic_id = flow.route().source.topic_id,
                        .partition = flow.spec().partition});
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
  // A session is one or the other from its beginning on.
  const bool is_by_id = knows_ids_ && flows_.have_all_ids();
  if (std::exchange(is_by_id_, is_by_id) != is_by_id) reset();
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
    const Route::Side& source = flow->route().source;
    if (request.topics.empty() || request.topics.back().topic != flow->spec().source_topic ||
        request.topics.back().topic_id != source.topic_id) {
      auto& topic = request.topics.emplace_back();
      topic.topic = flow->spec().source_topic;
      topic.topic_id = source.topic_id;
    }
    FetchRequest::Partition& partition = request.topics.back().partitions.emplace_back();
    partition.partition = flow->spec().partition;
    partition.current_leader_epoch = source.leader_epoch;
    partition.fetch_offset = flow->session.offset;
    partition.partition_max_bytes = flow->session.max_bytes;
  }
  const auto place = [](const Forgotten& one) { return std::tie(one.topic, one.topic_id, one.partition); };
  std::ranges::sort(forgotten_, {}, place);
  for (const Forgotten& one : forgotten_) {
    auto& topics = request.forgotten_topics_data;
    if (topics.empty() || topics.back().topic != one.topic || topics.back().topic_id != one.topic_id)
      topics.push_back({.topic = one.topic, .topic_id = one.topic_id, .partitions = {}});
    topics.back().partitions.push_back(one.partition);
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
  flows_.for_each([this](Flow* flow) {
    flow->session.offset = not_in_session;
    touch(*flow);
  });
}

}  // namespace shunt::replicate
