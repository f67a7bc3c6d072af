#include "replicate/verify/verification.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "net/concurrently.h"
#include "protocol/error.h"
#include "replicate/control/cluster.h"
#include "replicate/control/leaders.h"
#include "replicate/control/offset_syncs.h"
#include "replicate/control/topic_configs.h"
#include "replicate/identity.h"
#include "replicate/settings.h"

namespace shunt::replicate {

using net::Awaitable;
using net::now;
using net::Time;
using protocol::Offset;
using protocol::PartitionIndex;

namespace {

constexpr auto look_again = std::chrono::milliseconds(100);

// For questions that many partitions' leaders are asked.
constexpr LeaderSettings settings_for_ends{.patience = std::chrono::seconds(10)};

}  // namespace

struct Verification::Job {
  Flow* flow;
  PartitionVerdict verdict;
  bool is_compacted = false;
  protocol::ProducerId identity;   // of what the mirror has written
  const OffsetMap* map = nullptr;  // of Flow::syncs; null: identical offsets
  Offset source_end;
  Offset target_end;
};

struct Verification::Flow {
  Flow(const net::asio::any_io_executor& executor, const FlowConfig& config)
      : settings(replication_settings(config)),
        source(executor, settings.source),
        target(executor, settings.target),
        isolation(config.isolation) {
    if (!settings.may_map()) return;
    OffsetSyncsSettings topic = settings.offset_syncs;
    topic.tag = flow_tag(settings.source.alias, settings.target.alias);
    syncs.emplace(settings.offset_syncs_on_target ? target : source, std::move(topic));
  }

  void find_maps() {
    for (Job& job : jobs) job.map = syncs->find(job.verdict.source, job.identity);
  }

  ReplicationSettings settings;
  Cluster source;
  Cluster target;
  Isolation isolation;
  std::optional<OffsetSyncs> syncs;
  std::vector<Job> jobs;
};

bool VerifyResult::is_equal() const {
  return topic_failures.empty() &&
         std::all_of(partitions.begin(), partitions.end(), [](const auto& one) { return one.is_equal(); });
}

Verification::Verification(const net::asio::any_io_executor& executor, const Config& config, VerifyOptions options)
    : options_(std::move(options)) {
  for (const FlowConfig& flow : config.flows) flows_.push_back(std::make_unique<Flow>(executor, flow));
}

Verification::~Verification() = default;

Awaitable<VerifyResult> Verification::run(std::function<void(const VerifyProgress&)> progress) {
  tell_ = std::move(progress);
  struct CloseAtEnd {
    ~CloseAtEnd() {
      for (const auto& flow : flows) {
        flow->source.close();
        flow->target.close();
      }
    }
    std::vector<std::unique_ptr<Flow>>& flows;
  };
  const CloseAtEnd close_at_end{flows_};
  VerifyResult result;
  for (const auto& flow : flows_) {
    co_await collect(*flow, result);
    co_await await_target(*flow);
    if (flow->syncs) co_await await_maps(*flow);
  }
  std::vector<Job*> jobs;
  for (const auto& flow : flows_) {
    for (Job& job : flow->jobs) jobs.push_back(&job);
  }
  progress_.partitions = jobs.size();
  // The longest first, so that none is left alone at the end.
  std::stable_sort(jobs.begin(), jobs.end(), [](const Job* a, const Job* b) {
    return a->verdict.to - a->verdict.from > b->verdict.to - b->verdict.from;
  });
  const auto one = [this](Job* job) -> Awaitable<> { co_await compare(*job); };
  co_await net::for_each_concurrently(jobs, options_.concurrency, one);
  for (const auto& flow : flows_) {
    for (Job& job : flow->jobs) result.partitions.push_back(std::move(job.verdict));
  }
  std::sort(result.partitions.begin(), result.partitions.end(),
            [](const auto& a, const auto& b) { return std::tie(a.flow, a.source) < std::tie(b.flow, b.source); });
  result.bytes = progress_.bytes;
  co_return result;
}

// ---- What there is to compare ---------------------------------------------------------------------------------------

Awaitable<> Verification::collect(Flow& flow, VerifyResult& result) {
  co_await flow.source.refresh_topics();
  co_await flow.target.refresh_topics();
  std::set<std::string> topics;
  for (const auto& [name, topic] : flow.source.topics()) {
    if (topic.is_internal || topic.error_code != 0 || !flow.settings.includes(name)) continue;
    const std::string target_name = flow.settings.target_topic(name);
    const Topic* target = flow.target.find_topic(target_name);
    if (target == nullptr || target->error_code != 0) {
      result.topic_failures.push_back(fmt::format("{}: {}: there is no topic {} on {}", flow.settings.name, name,
                                                  target_name, flow.target.alias()));
      continue;
    }
    if (target->partitions.size() < topic.partitions.size()) {
      result.topic_failures.push_back(fmt::format("{}: {}: {} partitions on the source, {} on the target",
                                                  flow.settings.name, name, topic.partitions.size(),
                                                  target->partitions.size()));
    }
    topics.insert(name);
    const std::size_t partitions = std::min(target->partitions.size(), topic.partitions.size());
    for (std::size_t index = 0; index < partitions; ++index) {
      Job& job = flow.jobs.emplace_back();
      job.flow = &flow;
      job.verdict.flow = flow.settings.name;
      job.verdict.source = {name, PartitionIndex(static_cast<std::int32_t>(index))};
      job.verdict.target = {target_name, PartitionIndex(static_cast<std::int32_t>(index))};
    }
  }
  const ConfigFilter everything(std::vector<std::string>{});
  const auto configs = co_await read_topic_configs(flow.source, topics, everything);
  std::vector<TopicPartition> sources;
  std::vector<TopicPartition> targets;
  for (Job& job : flow.jobs) {
    sources.push_back(job.verdict.source);
    targets.push_back(job.verdict.target);
    const auto read = configs.find(job.verdict.source.topic);
    if (read == configs.end() || !read->second.first) continue;
    const auto policy = read->second.first->find("cleanup.policy");
    job.is_compacted = policy != read->second.first->end() && policy->second.find("compact") != std::string::npos;
  }

  if (flow.syncs) co_await read_maps(flow);
  const auto source_ends = co_await readable_ends(flow.source, sources, flow.isolation, settings_for_ends);
  const auto source_starts = co_await log_starts(flow.source, sources, settings_for_ends);
  const auto target_starts = co_await log_starts(flow.target, targets, settings_for_ends);
  Answers<Offset> since;
  if (options_.since_ms) since = co_await offsets_at_time(flow.source, sources, *options_.since_ms, settings_for_ends);
  for (Job& job : flow.jobs) {
    const auto take = [&job](const Answers<Offset>& answers, const TopicPartition& partition, const char* what) {
      const Answered<Offset>& answered = answers.at(partition);
      if (!answered.value && job.verdict.failure.empty())
        job.verdict.failure = fmt::format("{} of {} is not known: {}", what, partition.to_string(), answered.reason);
      return answered.value.value_or(Offset(0));
    };
    job.source_end = take(source_ends, job.verdict.source, "the log end");
    const Offset target_start = take(target_starts, job.verdict.target, "the log start");
    job.verdict.from = std::max(take(source_starts, job.verdict.source, "the log start"),
                                job.map == nullptr ? target_start : job.map->translate_back(target_start));
    if (options_.begin)
      job.verdict.from = std::max(job.verdict.from, options_.begin(job.verdict.flow, job.verdict.source));
    if (!options_.since_ms) continue;
    const Offset first = take(since, job.verdict.source, "the offset of that time");
    job.verdict.from = first < Offset(0) ? job.source_end : std::max(job.verdict.from, first);
  }
}

/// Those whose offsets are mapped.
Awaitable<> Verification::read_maps(Flow& flow) {
  co_await flow.syncs->load();
  const std::uint16_t tag = flow_tag(flow.settings.source.alias, flow.settings.target.alias);
  for (Job& job : flow.jobs) {
    const Topic* target = flow.target.find_topic(job.verdict.target.topic);
    const PartitionIndex index = job.verdict.target.partition;
    job.identity = flow_identity(tag, target->id, target->name, index, job.verdict.source.topic);
  }
  flow.find_maps();
  for (Job& job : flow.jobs) {
    job.verdict.is_mapped = job.map != nullptr;
    if (job.map == nullptr && flow.settings.offsets == OffsetsMode::mapped) {
      job.verdict.failure = fmt::format("there is no map of its offsets in topic {}", flow.syncs->topic());
    }
  }
}

/// A running mirror stores its maps now and then.
Awaitable<> Verification::await_maps(Flow& flow) {
  std::int64_t seen = -1;
  for (Time deadline = now() + options_.patience;;) {
    std::int64_t there = 0;
    bool is_behind = false;
    for (Job& job : flow.jobs) {
      if (job.map == nullptr) continue;
      const Offset tip = job.map->tip().source;
      const Offset copied = co_await copied_up_to(flow.source, job.verdict.source, std::max(tip, job.verdict.from),
                                                  job.source_end, flow.isolation, flow.settings.loop_guard());
      const bool has_more = copied < job.source_end;
      job.verdict.to = std::max(job.verdict.from, has_more ? std::min(tip, job.source_end) : job.source_end);
      job.verdict.not_copied = has_more ? job.source_end - copied : 0;
      is_behind = is_behind || has_more;
      there += tip.value();
    }
    if (there > seen) deadline = now() + options_.patience;
    seen = there;
    if (!is_behind || now() >= deadline) co_return;
    co_await net::sleep_for(look_again);
    co_await flow.syncs->load();
    flow.find_maps();
  }
}

/// A running mirror brings the target to where the source ended a moment ago.
Awaitable<> Verification::await_target(Flow& flow) {
  std::vector<TopicPartition> targets;
  std::vector<Job*> identical;
  for (Job& job : flow.jobs) {
    if (job.map != nullptr) continue;
    identical.push_back(&job);
    targets.push_back(job.verdict.target);
  }
  std::int64_t seen = -1;
  for (Time deadline = now() + options_.patience;;) {
    const auto ends = co_await readable_ends(flow.target, targets, Isolation::read_uncommitted, settings_for_ends);
    std::int64_t there = 0;
    bool is_behind = false;
    for (Job* one : identical) {
      Job& job = *one;
      const Answered<Offset>& answered = ends.at(job.verdict.target);
      if (!answered.value && job.verdict.failure.empty())
        job.verdict.failure =
            fmt::format("the log end of {} is not known: {}", job.verdict.target.to_string(), answered.reason);
      job.target_end = answered.value.value_or(Offset(0));
      there += std::min(job.target_end, job.source_end).value();
      is_behind = is_behind || (answered.value && job.target_end < job.source_end);
    }
    if (there > seen) deadline = now() + options_.patience;
    seen = there;
    if (!is_behind || now() >= deadline) break;
    co_await net::sleep_for(look_again);
  }
  // What the target has beyond the source's end must be there by now.
  std::vector<TopicPartition> sources;
  sources.reserve(identical.size());
  for (const Job* job : identical) sources.push_back(job->verdict.source);
  const auto later = co_await log_ends(flow.source, sources, settings_for_ends);
  for (Job* one : identical) {
    Job& job = *one;
    job.verdict.to = std::max(job.verdict.from, std::min(job.source_end, job.target_end));
    job.verdict.not_copied = std::max<std::int64_t>(0, job.source_end - std::max(job.target_end, job.verdict.from));
    const Answered<Offset>& end = later.at(job.verdict.source);
    if (end.value && job.target_end > *end.value && job.verdict.failure.empty()) {
      job.verdict.comparison.difference = Difference{
          .kind = Difference::Kind::extra,
          .offset = *end.value,
          .text = fmt::format("the target ends at {}, the source at {}", job.target_end.value(), end.value->value())};
    }
  }
}

// ---- Comparing ------------------------------------------------------------------------------------------------------

Awaitable<> Verification::compare(Job& job) {
  PartitionVerdict& verdict = job.verdict;
  if (verdict.failure.empty() && verdict.from < verdict.to) {
    LogCursor source(job.flow->source, verdict.source, verdict.from, verdict.to, job.flow->isolation);
    const Offset target_from = job.map == nullptr ? verdict.from : job.map->translate(verdict.from);
    const Offset target_to = job.map == nullptr ? verdict.to : job.map->translate(verdict.to);
    LogCursor target(job.flow->target, verdict.target, target_from, target_to, Isolation::read_uncommitted,
                     job.map == nullptr ? std::nullopt : std::optional(job.identity));
    const std::optional<Difference> known = std::move(verdict.comparison.difference);
    try {
      const ComparisonSettings settings{.is_compacted = job.is_compacted,
                                        .sample = options_.sample,
                                        .map = job.map,
                                        .loop_guard = job.flow->settings.loop_guard()};
      verdict.comparison = co_await compare_logs(source, target, settings, [this](std::uint64_t bytes) {
        progress_.bytes += bytes;
        tell_(progress_);
      });
    } catch (const std::exception& error) {
      verdict.failure = error.what();
    }
    if (!verdict.comparison.difference) verdict.comparison.difference = known;
  }
  ++progress_.done;
  tell_(progress_);
}

}  // namespace shunt::replicate
