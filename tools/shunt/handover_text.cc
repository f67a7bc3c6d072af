#include "tools/shunt/handover_text.h"

#include <map>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "replicate/control/failover_marks.h"
#include "tools/shunt/printable.h"
#include "tools/shunt/units.h"

namespace shunt::tools {

using replicate::Handover;
using replicate::HandoverGroup;
using replicate::HandoverPartition;
using Command = HandoverResult::Command;

namespace {

namespace json = boost::json;

std::string time_text(std::int64_t time_ms) {
  return time_ms < 0 ? "never" : replicate::utc_text(time_ms);
}

std::string place_text(const HandoverGroup& group) {
  return fmt::format("{} on {}-{}", group.group, group.topic, group.partition);
}

/// All that can be known of a source that is gone.
void add_target_alone(const HandoverResult& result, std::string& text) {
  const Handover& handover = result.handover;
  text += fmt::format("  last heartbeat of the mirror: {}; last checkpoint of a group: {}\n",
                      time_text(handover.last_heartbeat_ms), time_text(handover.last_checkpoint_ms));
  for (const HandoverPartition& one : handover.partitions)
    text += fmt::format("  {}-{} ends at {} on {}\n", one.topic, one.partition, one.target_end, result.target);
  for (const HandoverGroup& group : handover.groups) {
    text += fmt::format("  group {}: at {} on {}, as of {}\n", printable(place_text(group)),
                        group.target_offset < 0 ? std::string("no offset") : std::to_string(group.target_offset),
                        result.target, time_text(group.as_of_ms));
  }
}

void add_problems(const Handover& handover, std::string& text) {
  for (const std::string& problem : handover.problems) text += fmt::format("  LEFT  {}\n", printable(problem));
  for (const HandoverPartition& one : handover.partitions) {
    const std::string problem = one.problem();
    if (!problem.empty()) text += fmt::format("  LEFT  {}-{}: {}\n", one.topic, one.partition, printable(problem));
  }
  for (const HandoverGroup& group : handover.groups) {
    if (group.problem.empty()) continue;
    text += fmt::format("  LEFT  group {}: {}\n", printable(place_text(group)), printable(group.problem));
  }
}

/// What consumers and producers must do.
void add_moves(const HandoverResult& result, std::string& text) {
  text += fmt::format("Consumers and producers: bootstrap.servers = {}\n", result.bootstrap_servers);
  std::map<std::string, std::vector<std::string>> groups;
  for (const HandoverGroup& group : result.handover.groups) {
    if (group.target_offset >= 0)
      groups[group.group].push_back(fmt::format("{}-{} at {}", group.topic, group.partition, group.target_offset));
  }
  for (const auto& [group, places] : groups)
    text += fmt::format("  group {} goes on there: {}\n", printable(group), fmt::join(places, ", "));
}

std::string verdict_text(const HandoverResult& result) {
  const bool is_clean = result.handover.is_clean();
  const bool is_failover = result.command == Command::failover;
  const char* command = is_failover ? "failover" : "failback";
  if (result.is_done && is_failover) {
    return fmt::format(
        "{} has failed over to {} at {}. A mirror of it that is started, or still runs, stops; shunt failback FILE "
        "brings it back.\n",
        result.forward_flow, result.target, replicate::utc_text(result.time_ms));
  }
  if (result.is_done) {
    return fmt::format("{} has failed back to {}: shunt run FILE mirrors {} again, from where both are.\n",
                       result.forward_flow, result.target, result.forward_flow);
  }
  if (is_clean) return fmt::format("Nothing is left: shunt {} FILE can go ahead. Nothing was changed.\n", command);
  return fmt::format("Not done: see what is LEFT; --force goes ahead all the same.{}\n",
                     result.is_dry_run ? " Nothing was changed." : "");
}

json::value known(std::int64_t number) {
  return number < 0 ? json::value() : json::value(number);
}

json::object partition_json(const HandoverPartition& one) {
  return {{"topic", one.topic},
          {"partition", one.partition},
          {"source_end", known(one.source_end)},
          {"stable_end", known(one.stable_end)},
          {"target_end", known(one.target_end)},
          {"left", one.left()},
          {"problem", printable(one.problem())}};
}

json::object group_json(const HandoverGroup& group) {
  return {{"group", printable(group.group)},
          {"topic", group.topic},
          {"partition", group.partition},
          {"source_offset", known(group.source_offset)},
          {"target_offset", known(group.target_offset)},
          {"as_of_ms", known(group.as_of_ms)},
          {"source_state", printable(group.source_state)},
          {"problem", printable(group.problem)}};
}

}  // namespace

std::string handover_text(const HandoverResult& result) {
  const Handover& handover = result.handover;
  const std::size_t partitions = handover.partitions.size();
  std::string text = fmt::format("{}: {} partition{}", handover.flow, grouped(partitions), partitions == 1 ? "" : "s");
  text += result.is_dry_run || !handover.is_source_there
              ? "\n"
              : fmt::format(", {} records copied in the final sync\n", grouped(result.records));
  add_problems(handover, text);
  if (!handover.is_source_there) add_target_alone(result, text);
  text += verdict_text(result);
  if (result.is_done) add_moves(result, text);
  return text;
}

std::string handover_json(const HandoverResult& result) {
  const Handover& handover = result.handover;
  json::array partitions;
  for (const HandoverPartition& one : handover.partitions) partitions.push_back(partition_json(one));
  json::array groups;
  for (const HandoverGroup& group : handover.groups) groups.push_back(group_json(group));
  json::array problems;
  for (const std::string& problem : handover.problems) problems.push_back(json::string(printable(problem)));
  const json::object object{{"flow", handover.flow},
                            {"done", result.is_done},
                            {"clean", handover.is_clean()},
                            {"dry_run", result.is_dry_run},
                            {"forced", result.is_forced},
                            {"source_reachable", handover.is_source_there},
                            {"time_ms", known(result.time_ms)},
                            {"records", result.records},
                            {"bootstrap_servers", result.bootstrap_servers},
                            {"last_heartbeat_ms", known(handover.last_heartbeat_ms)},
                            {"last_checkpoint_ms", known(handover.last_checkpoint_ms)},
                            {"partitions", std::move(partitions)},
                            {"groups", std::move(groups)},
                            {"problems", std::move(problems)}};
  return json::serialize(object) + "\n";
}

}  // namespace shunt::tools
