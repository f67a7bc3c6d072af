#include "replicate/plan/plan.h"

#include <algorithm>
#include <utility>

#include "replicate/plan/flow_plan.h"

namespace shunt::replicate {

using net::Awaitable;

namespace {

bool is_refused(const Finding& finding) {
  return finding.weight == Finding::Weight::refused;
}

}  // namespace

const char* to_string(Finding::Weight weight) {
  switch (weight) {
    case Finding::Weight::note:
      return "note";
    case Finding::Weight::warning:
      return "warning";
    case Finding::Weight::refused:
      return "refused";
  }
  return "unknown";
}

const char* to_string(PlannedOffsets offsets) {
  switch (offsets) {
    case PlannedOffsets::identical:
      return "identical";
    case PlannedOffsets::mapped:
      return "mapped";
    case PlannedOffsets::undecided:
      return "undecided";
  }
  return "unknown";
}

const char* to_string(PlannedTopic::Action action) {
  switch (action) {
    case PlannedTopic::Action::none:
      return "none";
    case PlannedTopic::Action::create:
      return "create";
    case PlannedTopic::Action::add_partitions:
      return "add_partitions";
    case PlannedTopic::Action::refuse:
      return "refuse";
  }
  return "unknown";
}

bool PlannedTopic::is_refused() const {
  return action == Action::refuse || std::ranges::any_of(findings, replicate::is_refused) ||
         std::ranges::any_of(partitions, &PlannedPartition::is_refused);
}

bool FlowPlan::can_begin() const {
  return std::ranges::none_of(findings, is_refused) && std::ranges::none_of(topics, &PlannedTopic::is_refused);
}

bool Plan::can_begin() const {
  return std::ranges::all_of(flows, &FlowPlan::can_begin);
}

Awaitable<Plan> make_plan(net::asio::any_io_executor executor, const Config& config) {
  Plan plan;
  for (const FlowConfig& flow : config.flows) {
    FlowPlanning planning(executor, config, flow);
    plan.flows.push_back(co_await planning.make());
  }
  co_return plan;
}

}  // namespace shunt::replicate
