#include "tools/shunt/handover_text.h"

#include <algorithm>
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
using replicate::HandoverGrowth;
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
  for (const HandoverPartition& one : handover.partitions) {
    text += fmt::format("  {}-{} ends at {} on {}{}\n", one.target_topic, one.partition, one.target_end, result.target,
                        one.is_mapped == true && one.copied_to >= 0
                            ? fmt::format(", with what {} had below {}", result.source, one.copied_to)
                            : "");
  }
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

void add_late(const HandoverResult& result, std::string& text) {
  for (const HandoverGrowth& one : result.late) {
    text += fmt::format("  LATE  {}-{}: before {} had failed over, and after it was looked at, {}\n", one.topic,
                        one.partition, result.forward_flow, one.text(result.source, result.target));
  }
  if (!result.late_unknown.empty()) {
    text += fmt::format("  LATE  what came after partitions were looked at is not known: {}\n",
                        printable(result.late_unknown));
  }
}

/// What consumers and producers must do.
void add_moves(const HandoverResult& result, std::string& text) {
  text += fmt::format("Consumers and producers: bootstrap.servers = {}\n", result.bootstrap_servers);
  std::map<std::string, const HandoverPartition*> renamed;
  for (const HandoverPartition& one : result.handover.partitions) {
    if (one.target_topic != one.topic) renamed[one.topic] = &one;
  }
  for (const auto& [topic, one] : renamed) {
    if (!one->origin.empty()) {
      // Under MirrorMaker 2's names a topic of another cluster is called the same on each of its targets.
      text += fmt::format(
          "  topic {}: consumers subscribe to {}; no producer writes to it: a mirror has brought it to {} from {}, and "
          "what {} is given from now on a flow {}->{} brings to {} (there {} is all of it, what {} has, too)\n",
          topic, one->target_topic, result.source, one->origin, one->origin, one->origin, result.target, result.target,
          topic, one->target_topic);
      continue;
    }
    const bool is_apart = one->producer_topic != one->target_topic;
    text += fmt::format("  topic {}: consumers subscribe to {}{}; producers write to {}\n", topic, one->target_topic,
                        is_apart ? fmt::format(", and to {} for what comes", one->producer_topic) : "",
                        one->producer_topic);
  }
  std::map<std::string, std::vector<std::string>> groups;
  for (const HandoverGroup& group : result.handover.groups) {
    if (group.target_offset < 0) continue;
    groups[group.group].push_back(fmt::format("{}-{} at {}", group.target_topic, group.partition, group.target_offset));
  }
  for (const auto& [group, places] : groups)
    text += fmt::format("  group {} goes on there: {}\n", printable(group), fmt::join(places, ", "));
}

std::string done_text(const HandoverResult& result) {
  const std::string& flow = result.forward_flow;
  switch (result.command) {
    case Command::failover:
      return fmt::format("{} has failed over to {} at {}. A mirror of it that is started, or still runs, stops; {}\n",
                         flow, result.target, replicate::utc_text(result.time_ms),
                         result.no_way_back.empty()
                             ? "shunt failback FILE brings it back."
                             : fmt::format("it cannot be mirrored back ({}); shunt failback FILE --force takes the "
                                           "mark away.",
                                           result.no_way_back));
    case Command::failback:
      return fmt::format("{} has failed back to {}: shunt run FILE mirrors {} again, from where both are.\n", flow,
                         result.target, flow);
    case Command::take_mark_away:
      return fmt::format(
          "{} counts as failed over no more: shunt run FILE mirrors it forwards again. Nothing was "
          "mirrored back to {}.\n",
          flow, result.target);
  }
  return {};
}

std::string verdict_text(const HandoverResult& result) {
  if (result.is_done) return done_text(result);
  if (result.command == Command::take_mark_away) return "The mark would be taken away. Nothing was changed.\n";
  const bool is_failover = result.command == Command::failover;
  std::string text = "Not done: see what is LEFT; --force goes ahead all the same.";
  if (result.handover.is_clean())
    text = fmt::format("Nothing is left: shunt {} FILE can go ahead.", is_failover ? "failover" : "failback");
  if (result.is_dry_run) text += " Nothing was changed.";
  if (!result.no_way_back.empty()) text += fmt::format(" It could not be mirrored back ({}).", result.no_way_back);
  return text + "\n";
}

json::value known(std::int64_t number) {
  return number < 0 ? json::value() : json::value(number);
}

json::object partition_json(const HandoverPartition& one) {
  return {{"topic", one.topic},
          {"target_topic", one.target_topic},
          {"producer_topic", one.producer_topic.empty() ? json::value() : json::value(one.producer_topic)},
          {"origin", one.origin.empty() ? json::value() : json::value(one.origin)},
          {"partition", one.partition},
          {"offsets", !one.is_mapped ? json::value() : json::value(*one.is_mapped ? "mapped" : "identical")},
          {"source_end", known(one.source_end)},
          {"stable_end", known(one.stable_end)},
          {"target_end", known(one.target_end)},
          {"copied_to", known(one.copied_to)},
          {"left", one.left()},
          {"problem", printable(one.problem())}};
}

json::object group_json(const HandoverGroup& group) {
  return {{"group", printable(group.group)},
          {"topic", group.topic},
          {"target_topic", group.target_topic},
          {"partition", group.partition},
          {"source_offset", known(group.source_offset)},
          {"target_offset", known(group.target_offset)},
          {"as_of_ms", known(group.as_of_ms)},
          {"source_state", printable(group.source_state)},
          {"problem", printable(group.problem)}};
}

json::object late_json(const HandoverGrowth& one) {
  const bool is_source_known = one.source_end >= 0;
  const bool is_target_known = one.target_end >= 0;
  return {{"topic", one.topic},
          {"target_topic", one.target_topic},
          {"partition", one.partition},
          {"source_offset", known(one.source_begin)},
          {"source_count", is_source_known ? json::value(one.source_end - one.source_begin) : json::value()},
          {"missing_offset", is_source_known && one.missing() > 0 ? json::value(one.missing_from()) : json::value()},
          {"missing_count", is_source_known ? json::value(one.missing()) : json::value()},
          {"target_offset", known(one.target_begin)},
          {"target_count", is_target_known ? json::value(one.target_end - one.target_begin) : json::value()}};
}

}  // namespace

bool HandoverResult::is_late_missing() const {
  return !late_unknown.empty() ||
         std::ranges::any_of(late, [](const HandoverGrowth& one) { return one.missing() > 0; });
}

std::string handover_text(const HandoverResult& result) {
  const Handover& handover = result.handover;
  const std::size_t partitions = handover.partitions.size();
  const bool is_looked_at = result.command != Command::take_mark_away;
  std::string text = handover.flow;
  if (is_looked_at) text += fmt::format(": {} partition{}", grouped(partitions), partitions == 1 ? "" : "s");
  if (is_looked_at && !result.is_dry_run && handover.is_source_there)
    text += fmt::format(", {} records copied in the final sync", grouped(result.records));
  text += '\n';
  add_problems(handover, text);
  if (!handover.is_source_there) add_target_alone(result, text);
  text += verdict_text(result);
  add_late(result, text);
  if (result.is_done && is_looked_at) add_moves(result, text);
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
  json::array late;
  for (const HandoverGrowth& one : result.late) late.push_back(late_json(one));
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
                            {"problems", std::move(problems)},
                            {"late", std::move(late)},
                            {"late_unknown", printable(result.late_unknown)},
                            {"no_way_back", printable(result.no_way_back)}};
  return json::serialize(object) + "\n";
}

}  // namespace shunt::tools
