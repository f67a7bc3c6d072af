// The plan of one flow, gathered from both of its clusters (plan/plan.h).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/asio.h"
#include "replicate/admin/config_survey.h"
#include "replicate/config/model.h"
#include "replicate/control/admission.h"
#include "replicate/control/beginning.h"
#include "replicate/control/cluster.h"
#include "replicate/control/replication.h"
#include "replicate/control/topics.h"
#include "replicate/plan/plan.h"

namespace shunt::replicate {

class FlowPlanning {
 public:
  /// All must outlive it; `flow` is one of the configuration's.
  FlowPlanning(const net::asio::any_io_executor& executor, const Config& config, const FlowConfig& flow);
  ~FlowPlanning();
  FlowPlanning(const FlowPlanning&) = delete;
  FlowPlanning& operator=(const FlowPlanning&) = delete;

  /// Throws nothing of the clusters.
  net::Awaitable<FlowPlan> make();

 private:
  /// A partition on its way into the plan.
  struct Candidate {
    PlannedTopic* topic = nullptr;
    PlannedPartition* partition = nullptr;
    [[nodiscard]] TopicPartition source() const;
    [[nodiscard]] TopicPartition target() const;
  };
  using Candidates = std::vector<Candidate>;

  net::Awaitable<bool> reach(Cluster& cluster, const char* role);
  net::Awaitable<> gather();
  net::Awaitable<> look_for_failover();
  std::vector<TopicPair> choose_topics();
  net::Awaitable<> plan_topics(std::vector<TopicPair> pairs);
  PlannedTopic& add_topic(const TopicResult& result);

  // ---- partitions (flow_plan_partitions.cc) ----
  net::Awaitable<> plan_partitions();
  net::Awaitable<> plan_mapped(Candidates candidates);
  net::Awaitable<> plan_identical(Candidates candidates, Candidates& mapped);
  net::Awaitable<> decide(const Candidate& candidate, const Admission& admission, BeginningQuestion question,
                          Candidates& mapped);
  net::Awaitable<Candidates> with_maps(Candidates candidates, Candidates& mapped);
  net::Awaitable<> learn_ends(Candidates candidates);

  // ---- what is not records (flow_plan_admin.cc) ----
  net::Awaitable<> plan_settings();
  net::Awaitable<> ask_for_settings(TopicChanges changes);
  net::Awaitable<> look_at_limits();
  net::Awaitable<std::map<std::string, std::int64_t>> oldest_records();
  net::Awaitable<> plan_acls();
  net::Awaitable<> plan_groups();
  net::Awaitable<> check_rights();
  void name_own_topics();

  [[nodiscard]] std::vector<TopicPair> mirrored(bool only_existing) const;
  PlannedTopic* find_topic(const std::string& source);
  void find(Finding::Weight weight, std::string about, std::string text);

  const FlowConfig& flow_;
  const ReplicationSettings settings_;
  Cluster source_;
  Cluster target_;
  FlowPlan plan_;
  std::map<std::string, TopicResult> results_;  // by source topic
  std::unique_ptr<MappedPartitions> mapped_;    // where some offsets may be mapped
  std::vector<std::unique_ptr<MirroredPartition>> adopted_;
};

}  // namespace shunt::replicate
