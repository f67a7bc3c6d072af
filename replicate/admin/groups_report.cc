#include "replicate/admin/groups_report.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "replicate/control/cluster.h"
#include "replicate/control/groups.h"
#include "replicate/settings.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;

namespace {

/// Both ends of a flow, for as long as it is asked about.
struct Ends {
  Ends(const net::asio::any_io_executor& executor, const AdministrationSettings& settings)
      : source(executor, settings.source), target(executor, settings.target) {}
  ~Ends() {
    source.close();
    target.close();
  }
  Ends(const Ends&) = delete;
  Ends& operator=(const Ends&) = delete;

  Cluster source;
  Cluster target;
};

Awaitable<> report_flow(const net::asio::any_io_executor& executor, const FlowConfig& flow, GroupsReport& report) {
  Ends ends(executor, administration_settings(flow));
  GroupSurvey survey(ends.source, ends.target, group_survey_settings(flow));
  GroupsSurvey surveyed = co_await survey.make();
  for (const std::string& failure : surveyed.failures)
    report.failures.push_back(fmt::format("{}: {}", flow.name(), failure));
  co_await ends.target.refresh();
  const GroupList sources = co_await list_groups(ends.source);
  const GroupList list = co_await list_groups(ends.target);
  for (const std::string& failure : list.failures)
    report.failures.push_back(fmt::format("{}: {}", flow.name(), failure));
  Coordinators coordinators(ends.target);
  coordinators.learn(list);
  std::vector<std::string> ids;
  std::vector<std::string> share_ids;
  for (const SurveyedGroup& group : surveyed.groups) {
    if (list.groups.contains(group.id)) (group.is_share ? share_ids : ids).push_back(group.id);
  }
  auto there = co_await committed_offsets(coordinators, std::move(ids));
  if (!share_ids.empty()) there.merge(co_await share_group_offsets(coordinators, std::move(share_ids)));
  for (SurveyedGroup& group : surveyed.groups) {
    const auto listed = list.groups.find(group.id);
    const auto answered = there.find(group.id);
    if (answered != there.end() && !answered->second.value) {
      report.failures.push_back(fmt::format("{}: group {}: {}", flow.name(), group.id, answered->second.reason));
    }
    for (GroupPartition& place : group.partitions) {
      GroupRow& row = report.rows.emplace_back();
      row.flow = flow.name();
      row.group = group.id;
      if (listed != list.groups.end()) {
        row.target_state = listed->second.state;
        row.is_active_on_target = listed->second.is_active();
      }
      if (const auto source = sources.groups.find(group.id); source != sources.groups.end()) {
        row.source_state = source->second.state;
        row.is_active_on_source = source->second.is_active();
      }
      if (answered != there.end() && answered->second.value) {
        const auto committed = answered->second.value->find(place.target);
        if (committed != answered->second.value->end()) row.committed = committed->second.offset;
      }
      row.place = std::move(place);
    }
  }
}

}  // namespace

std::optional<std::int64_t> GroupRow::left() const {
  const Offset at = committed.value_or(place.target_offset);
  if (at < Offset(0) || place.target_end < Offset(0)) return std::nullopt;
  return std::max<std::int64_t>(0, place.target_end - at);
}

Awaitable<GroupsReport> report_flow_groups(net::asio::any_io_executor executor, const FlowConfig& flow) {
  GroupsReport report;
  co_await report_flow(executor, flow, report);
  co_return report;
}

Awaitable<GroupsReport> report_groups(net::asio::any_io_executor executor, const Config& config) {
  GroupsReport report;
  for (const FlowConfig& flow : config.flows) co_await report_flow(executor, flow, report);
  co_return report;
}

}  // namespace shunt::replicate
