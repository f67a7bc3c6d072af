// `shunt failover` and `shunt failback`: a last copy, a look at what is left, and the mark that says which side is in charge.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "net/asio.h"
#include "net/machine.h"
#include "replicate/control/failover_marks.h"
#include "replicate/failover/handover.h"
#include "replicate/mirror.h"
#include "replicate/plan/plan.h"
#include "tools/shunt/commands.h"
#include "tools/shunt/configuration.h"
#include "tools/shunt/handover_text.h"
#include "tools/shunt/printable.h"
#include "tools/shunt/progress_display.h"
#include "tools/shunt/sandbox.h"
#include "tools/shunt/signals.h"
#include "tools/shunt/wait_for.h"
#include "tools/shunt/watch.h"

namespace shunt::tools {

using replicate::Config;
using replicate::FailoverMark;
using replicate::FlowConfig;
using replicate::Handover;
using replicate::SaidOfPartitions;

namespace {

// Of a final sync that does not come further: a broker of either side may be gone for good.
constexpr std::chrono::seconds sync_patience{60};
constexpr std::string_view groups_duty = "group offsets";

int refuse(const std::string& reason, int code) {
  fmt::print(stderr, "shunt: {}\n", printable(reason));
  return code;
}

/// The flow that is meant; where the file has several, `wanted` says which. Empty, with the reason, when that is not clear.
std::optional<FlowConfig> choose_flow(const Config& config, const std::string& wanted, std::string& reason) {
  std::vector<std::string> names;
  for (const FlowConfig& flow : config.flows) {
    names.push_back(flow.name());
    if (flow.name() == wanted || (wanted.empty() && config.flows.size() == 1)) return flow;
  }
  reason = wanted.empty() ? fmt::format("the file has {} enabled flows; say which with --flow: {}", names.size(),
                                        fmt::join(names, ", "))
                          : fmt::format("--flow {}: the enabled flows are {}", wanted, fmt::join(names, ", "));
  return std::nullopt;
}

/// For a mirror of this flow alone, that moves its groups, too, whatever the file says of that.
Config final_sync_config(const Config& config, FlowConfig flow) {
  Config own = config;
  // Then those of flows beside it count, too (GroupSurvey).
  for (auto& neighbour : flow.neighbours) {
    if (flow.groups.writes_groups) break;
    FlowConfig moved = *neighbour;
    moved.groups.writes_groups = true;
    neighbour = std::make_shared<const FlowConfig>(std::move(moved));
  }
  flow.groups.writes_groups = true;
  own.flows = {std::move(flow)};
  own.heartbeat_flows.clear();
  own.process.metrics_listen.reset();
  return own;
}

std::string bootstrap_of(const replicate::ClientConfig& client) {
  std::vector<std::string> addresses;
  addresses.reserve(client.bootstrap_servers.size());
  for (const net::HostPort& address : client.bootstrap_servers) addresses.push_back(address.to_string());
  return fmt::format("{}", fmt::join(addresses, ","));
}

int tell(const FailoverArguments& arguments, const HandoverResult& result) {
  const bool is_good =
      result.is_done ? arguments.force || !result.is_late_missing() : arguments.dry_run && result.handover.is_clean();
  const std::string text = handover_text(result);
  const bool is_written =
      arguments.json ? write_out(stderr, text) && write_out(stdout, handover_json(result)) : write_out(stdout, text);
  return is_good && is_written ? exit_done : exit_failed;
}

class Handing {
 public:
  /// `flow`: along which clients move; of `config`, which was made for it.
  Handing(const FailoverArguments& arguments, Config config, HandoverResult::Command command)
      : arguments_(arguments), config_(std::move(config)), flow_(config_.flows.front()) {
    result_.command = command;
    result_.source = flow_.source;
    result_.target = flow_.target;
    result_.bootstrap_servers = bootstrap_of(flow_.target_producer);
    result_.is_dry_run = arguments.dry_run;
    result_.is_forced = arguments.force;
    // Its event loops are opened before the process gives up its rights.
    if (!arguments.dry_run)
      mirror_ = std::make_unique<replicate::Mirror>(config_, replicate::MirrorOptions{.until_caught_up = true});
    enter_sandbox(config_);
  }

  boost::asio::io_context& context() { return context_; }
  [[nodiscard]] const FlowConfig& flow() const { return flow_; }
  HandoverResult& result() { return result_; }

  /// False: a signal has ended it.
  bool look() {
    const std::string trouble = wait_for(context_, replicate::source_trouble(context_.get_executor(), flow_));
    if (!trouble.empty()) {
      result_.handover = wait_for(context_, replicate::look_at_target_alone(context_.get_executor(), flow_, trouble));
      return true;
    }
    std::vector<std::string> problems;
    SaidOfPartitions said;
    if (mirror_) {
      if (!sync(problems, said)) return false;
    } else {
      plan(problems, said);
    }
    result_.handover = wait_for(context_, replicate::look_at_handover(context_.get_executor(), flow_, std::move(said)));
    result_.handover.problems.insert(result_.handover.problems.begin(), problems.begin(), problems.end());
    return true;
  }

  /// The mark is there, whatever comes of this.
  void look_for_late() {
    try {
      result_.late = wait_for(context_, replicate::look_at_growth(context_.get_executor(), flow_, result_.handover));
    } catch (const std::runtime_error& error) {  // ClusterError, net::BrokerError, LogError
      result_.late_unknown = error.what();
    }
  }

  [[nodiscard]] bool may_go_ahead() const {
    return !arguments_.dry_run && (result_.handover.is_clean() || arguments_.force);
  }

 private:
  /// The mirror runs to the source's end as it is now, groups and all.
  bool sync(std::vector<std::string>& problems, SaidOfPartitions& said) {
    const TerminationSignals signals;
    const std::unique_ptr<ProgressDisplay> display = make_progress_display();
    mirror_->start();
    Watching watching;
    watching.patience = sync_patience;
    const Ended ended = watch(*mirror_, signals, *display, watching);
    const replicate::MirrorStatus status = mirror_->join();
    display->show(status);
    for (const replicate::PartitionStatus& partition : status.partitions) {
      result_.records += partition.records;
      if (partition.state == replicate::PartitionState::failed)
        said[{partition.source_topic, partition.partition}].failure = partition.reason;
    }
    if (!status.fatal.empty()) problems.push_back(status.fatal);
    for (const std::string& error : status.topic_errors) problems.push_back(error);
    for (const replicate::DutyStatus& duty : status.duties) {
      if (duty.duty == groups_duty && !duty.reason.empty())
        problems.push_back(fmt::format("{}: {}", duty.duty, duty.reason));
    }
    if (ended == Ended::stalled) {
      problems.push_back(
          fmt::format("the final sync had made no progress for {} s, and was ended", sync_patience.count()));
    }
    return ended != Ended::by_signal;
  }

  /// What a final sync would not be able to copy.
  void plan(std::vector<std::string>& problems, SaidOfPartitions& said) {
    const replicate::Plan planned = wait_for(context_, replicate::make_plan(context_.get_executor(), config_));
    for (const replicate::FlowPlan& flow : planned.flows) {
      for (const replicate::Finding& finding : flow.findings) {
        if (finding.weight == replicate::Finding::Weight::refused)
          problems.push_back(finding.about + ": " + finding.text);
      }
      for (const replicate::PlannedTopic& topic : flow.topics) {
        if (topic.action == replicate::PlannedTopic::Action::refuse)
          problems.push_back(fmt::format("topic {}: {}", topic.source, topic.reason));
        for (const replicate::PlannedPartition& partition : topic.partitions) {
          replicate::PartitionSaid& what = said[{topic.source, partition.partition}];
          if (partition.is_refused) what.failure = partition.reason;
          if (partition.offsets == replicate::PlannedOffsets::mapped) what.mapped_begin = partition.begin;
        }
      }
    }
  }

  const FailoverArguments& arguments_;
  const Config config_;
  const FlowConfig& flow_;
  boost::asio::io_context context_{1};
  std::unique_ptr<replicate::Mirror> mirror_;
  HandoverResult result_;
};

constexpr const char* was_ended = "ended before the copy was complete; nothing was decided";

std::string never_failed_over(const FlowConfig& flow) {
  return fmt::format("{} has not failed over to {}: there is nothing to bring back", flow.name(), flow.target);
}

/// Of a flow that cannot be mirrored back.
int refuse_failback(const FlowConfig& flow, const std::string& why, int code) {
  return refuse(
      fmt::format(
          "{}; records are mirrored back under the same names and offsets only. A flow {}->{} of its own brings "
          "over what {} was given. shunt failback FILE --force takes the mark of {} away and does nothing else: "
          "shunt run FILE then mirrors it forwards again",
          why, flow.target, flow.source, flow.target, flow.name()),
      code);
}

/// Such a flow is to be mirrored forwards again: without what its target was given.
int take_mark_away(const FailoverArguments& arguments, const FlowConfig& flow, boost::asio::io_context& context) {
  const auto mark = wait_for(context, replicate::read_failover_mark(context.get_executor(), flow));
  if (!mark) return refuse(never_failed_over(flow), exit_failed);
  HandoverResult result;
  result.command = HandoverResult::Command::take_mark_away;
  result.source = flow.target;
  result.target = flow.source;
  result.forward_flow = flow.name();
  result.bootstrap_servers = bootstrap_of(flow.source_consumer);
  result.is_dry_run = arguments.dry_run;
  result.is_forced = arguments.force;
  result.handover.flow = flow.name();
  result.handover.problems = wait_for(context, replicate::written_since(context.get_executor(), flow, *mark));
  if (!arguments.dry_run) {
    wait_for(context, replicate::remove_failover_mark(context.get_executor(), flow, *mark));
    result.time_ms = net::unix_ms();
    result.is_done = true;
  }
  return tell(arguments, result);
}

}  // namespace

int failover(const FailoverArguments& arguments) {
  const auto config = read_configuration(arguments.file, arguments.log_level);
  if (!config) return exit_usage;
  std::string reason;
  const auto flow = choose_flow(*config, arguments.flow, reason);
  if (!flow) return refuse(reason, exit_usage);
  reason = replicate::objection_to_handover(*flow);
  if (!reason.empty()) return refuse(reason, exit_usage);
  std::signal(SIGPIPE, SIG_IGN);

  Handing handing(arguments, final_sync_config(*config, *flow), HandoverResult::Command::failover);
  boost::asio::io_context& context = handing.context();
  HandoverResult& result = handing.result();
  result.forward_flow = flow->name();
  const auto mark = wait_for(context, replicate::read_failover_mark(context.get_executor(), handing.flow()));
  if (mark)
    return refuse(fmt::format("{} has already {}", flow->name(), replicate::failed_over_text(*mark, flow->target)),
                  exit_failed);
  if (!handing.look()) return refuse(was_ended, exit_failed);
  std::set<std::string> clusters = result.handover.upstream;
  for (const auto& [alias, cluster] : config->clusters) clusters.insert(alias);
  replicate::name_origins(*flow, clusters, result.handover.partitions);
  result.no_way_back = replicate::objection_to_failback(*flow);
  if (result.no_way_back.empty())
    result.no_way_back = replicate::objection_to_failback(result.handover.partitions, flow->target);
  if (handing.may_go_ahead()) {
    FailoverMark made;
    made.flow = flow->name();
    made.time_ms = result.time_ms = net::unix_ms();
    made.is_forced = !result.handover.is_clean();
    made.ends = result.handover.ends();
    wait_for(context, replicate::write_failover_mark(context.get_executor(), handing.flow(), std::move(made)));
    result.is_done = true;
    handing.look_for_late();
  }
  return tell(arguments, result);
}

int failback(const FailoverArguments& arguments) {
  const auto config = read_configuration(arguments.file, arguments.log_level);
  if (!config) return exit_usage;
  std::string reason;
  const auto forward = choose_flow(*config, arguments.flow, reason);
  if (!forward) return refuse(reason, exit_usage);
  reason = replicate::objection_to_handover(*forward);
  if (!reason.empty()) return refuse(reason, exit_usage);
  std::signal(SIGPIPE, SIG_IGN);
  reason = replicate::objection_to_failback(*forward);
  if (!reason.empty()) {
    if (!arguments.force) return refuse_failback(*forward, reason, exit_usage);
    boost::asio::io_context context{1};
    enter_sandbox(*config);
    return take_mark_away(arguments, *forward, context);
  }
  const auto reversed = read_reversed(arguments.file, forward->source, forward->target);
  if (!reversed) return exit_usage;
  auto back = choose_flow(*reversed, fmt::format("{}->{}", forward->target, forward->source), reason);
  if (!back) return refuse(reason, exit_usage);
  reason = replicate::objection_to_handover(*back);
  if (reason.empty()) reason = replicate::objection_to_failback(*back);
  if (!reason.empty()) return refuse(reason, exit_usage);
  replicate::fit_for_failback(*back);

  Handing handing(arguments, final_sync_config(*reversed, *back), HandoverResult::Command::failback);
  boost::asio::io_context& context = handing.context();
  HandoverResult& result = handing.result();
  result.forward_flow = forward->name();
  const auto mark = wait_for(context, replicate::read_failover_mark(context.get_executor(), *forward));
  if (!mark) return refuse(never_failed_over(*forward), exit_failed);
  const auto partitions = wait_for(context, replicate::name_partitions(context.get_executor(), *forward));
  reason = replicate::objection_to_failback(partitions, forward->target);
  if (!reason.empty()) {
    return arguments.force ? take_mark_away(arguments, *forward, context)
                           : refuse_failback(*forward, reason, exit_failed);
  }
  if (!handing.look()) return refuse(was_ended, exit_failed);
  const auto lines =
      wait_for(context, replicate::never_copied(context.get_executor(), handing.flow(), *mark, result.handover));
  result.handover.problems.insert(result.handover.problems.end(), lines.begin(), lines.end());
  reason = replicate::objection_to_failback(result.handover.partitions, back->target);
  if (!reason.empty()) result.handover.problems.push_back(reason);
  if (handing.may_go_ahead()) {
    wait_for(context, replicate::remove_failover_mark(context.get_executor(), *forward, *mark));
    result.time_ms = net::unix_ms();
    result.is_done = true;
  }
  return tell(arguments, result);
}

}  // namespace shunt::tools
