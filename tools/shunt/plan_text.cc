#include "tools/shunt/plan_text.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tools/shunt/printable.h"
#include "tools/shunt/units.h"

namespace shunt::tools {

using replicate::Finding;
using replicate::FlowPlan;
using replicate::Plan;
using replicate::PlannedGroup;
using replicate::PlannedOffsets;
using replicate::PlannedPartition;
using replicate::PlannedSetting;
using replicate::PlannedTopic;

namespace {

constexpr std::size_t most_lines = 50;  // of one kind; the JSON has them all

std::string counted(std::size_t count, const char* noun) {
  return fmt::format("{} {}{}", grouped(count), noun, count == 1 ? "" : "s");
}

const char* mark_of(Finding::Weight weight) {
  switch (weight) {
    case Finding::Weight::refused:
      return "REFUSED ";
    case Finding::Weight::warning:
      return "warning ";
    case Finding::Weight::note:
      return "note    ";
  }
  return "";
}

std::string setting_text(const PlannedSetting& setting) {
  return setting.value ? fmt::format("{}={}", setting.name, *setting.value) : setting.name + " back to the default";
}

/// Lines of a section; behind the first fifty it says how many more there are.
class Section {
 public:
  explicit Section(std::string& text) : text_(text) {}
  ~Section() {
    if (lines_ > most_lines) text_ += fmt::format("    and {} more\n", lines_ - most_lines);
  }
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;

  void add(const std::string& line) {
    if (++lines_ <= most_lines) text_ += fmt::format("    {}\n", printable(line));
  }

 private:
  std::string& text_;
  std::size_t lines_ = 0;
};

std::string names_text(const PlannedTopic& topic) {
  return topic.source == topic.target ? topic.source : fmt::format("{} -> {}", topic.source, topic.target);
}

/// "0, 2 to 4", so that partitions of the same fate share a line.
std::string partitions_text(const std::vector<std::int32_t>& partitions) {
  std::string text;
  for (std::size_t i = 0; i < partitions.size();) {
    std::size_t last = i;
    while (last + 1 < partitions.size() && partitions[last + 1] == partitions[last] + 1) ++last;
    text += fmt::format("{}{}{}", text.empty() ? "" : ", ", partitions[i],
                        last == i ? "" : fmt::format(" to {}", partitions[last]));
    i = last + 1;
  }
  return text;
}

void add_offsets(const PlannedTopic& topic, std::string& text) {
  struct Fate {
    std::vector<std::int32_t> partitions;
    std::uint64_t to_copy = 0;
  };
  std::map<std::pair<std::string, std::string>, Fate> fates;
  for (const PlannedPartition& partition : topic.partitions) {
    const char* offsets = partition.is_refused ? "REFUSED" : to_string(partition.offsets);
    Fate& fate = fates[{offsets, partition.reason}];
    fate.partitions.push_back(partition.partition);
    fate.to_copy += static_cast<std::uint64_t>(partition.to_copy());
  }
  Section section(text);
  for (const auto& [why, fate] : fates) {
    const auto& [offsets, reason] = why;
    const std::string which = fate.partitions.size() == topic.partitions.size()
                                  ? ""
                                  : fmt::format(" (partition {})", partitions_text(fate.partitions));
    if (offsets == "REFUSED") {
      section.add(fmt::format("REFUSED partition {}: {}", partitions_text(fate.partitions), reason));
    } else {
      section.add(fmt::format("offsets {}{}: {}; {} to copy", offsets, which,
                              reason.empty() ? "not known at the moment" : reason, counted(fate.to_copy, "offset")));
    }
  }
}

/// Nothing is to be said of it but that it goes on.
bool goes_on(const PlannedTopic& topic) {
  return topic.action == PlannedTopic::Action::none && topic.settings.empty() && topic.settings_not_taken.empty() &&
         topic.findings.empty() && std::ranges::all_of(topic.partitions, [](const PlannedPartition& partition) {
           return !partition.is_refused && partition.offsets == PlannedOffsets::identical;
         });
}

void add_topic(const PlannedTopic& topic, std::string& text) {
  const std::string names = printable(names_text(topic));
  switch (topic.action) {
    case PlannedTopic::Action::refuse:
      text += fmt::format("  REFUSED topic {}: {}\n", names, printable(topic.reason));
      return;
    case PlannedTopic::Action::create:
      text += fmt::format("  create topic {}: {}, replication factor {}\n", names,
                          counted(static_cast<std::size_t>(topic.source_partitions), "partition"),
                          topic.replication_factor);
      break;
    case PlannedTopic::Action::add_partitions:
      text += fmt::format("  add partitions to topic {}: {} now, {} then\n", names, topic.target_partitions,
                          topic.source_partitions);
      break;
    case PlannedTopic::Action::none:
      text += fmt::format("  topic {}\n", names);
      break;
  }
  {
    Section section(text);
    for (const PlannedSetting& setting : topic.settings) section.add("set " + setting_text(setting));
    for (const auto& [setting, why] : topic.settings_not_taken)
      section.add(fmt::format("not taken: {}: {}", setting, why));
    for (const Finding& finding : topic.findings) {
      const bool is_of_topic = finding.about == topic.target;
      section.add(
          fmt::format("{}{}{}", mark_of(finding.weight), is_of_topic ? "" : finding.about + ": ", finding.text));
    }
  }
  add_offsets(topic, text);
}

void add_topics(const FlowPlan& flow, std::string& text) {
  std::size_t unchanged = 0;
  std::uint64_t to_copy = 0;
  for (const PlannedTopic& topic : flow.topics) {
    if (goes_on(topic)) {
      ++unchanged;
      for (const PlannedPartition& partition : topic.partitions)
        to_copy += static_cast<std::uint64_t>(partition.to_copy());
    } else {
      add_topic(topic, text);
    }
  }
  if (unchanged > 0)
    text += fmt::format("  {} as {}, identical offsets: {} to copy\n", counted(unchanged, "topic"),
                        unchanged == 1 ? "it is" : "they are", counted(to_copy, "offset"));
}

void add_groups(const FlowPlan& flow, std::string& text) {
  if (flow.groups.empty()) return;
  text += "  groups\n";
  Section section(text);
  for (const PlannedGroup& group : flow.groups) {
    const std::string where = fmt::format("{} on {}-{}", group.group, group.target_topic, group.partition);
    if (group.moves) {
      section.add(group.target_offset < 0 ? fmt::format("move {} when it is known where", where)
                                          : fmt::format("move {} to {}", where, group.target_offset));
    } else {
      section.add(fmt::format("leave {}: {}", where, group.reason));
    }
  }
}

void add_list(const char* title, const std::vector<std::string>& lines, std::string& text) {
  if (lines.empty()) return;
  text += fmt::format("  {}\n", title);
  Section section(text);
  for (const std::string& line : lines) section.add(line);
}

namespace json = boost::json;

json::array findings_json(const std::vector<Finding>& findings) {
  json::array array;
  for (const Finding& finding : findings) {
    array.push_back(json::object{
        {"weight", to_string(finding.weight)}, {"about", printable(finding.about)}, {"text", printable(finding.text)}});
  }
  return array;
}

json::value known(std::int64_t offset) {
  return offset < 0 ? json::value() : json::value(offset);
}

json::object partition_json(const PlannedPartition& partition) {
  return {{"partition", partition.partition},      {"offsets", to_string(partition.offsets)},
          {"reason", printable(partition.reason)}, {"refused", partition.is_refused},
          {"begin", known(partition.begin)},       {"source_end", known(partition.source_end)},
          {"filled_head", partition.filled_head},  {"to_copy", partition.to_copy()}};
}

json::object topic_json(const PlannedTopic& topic) {
  json::object settings;
  for (const PlannedSetting& setting : topic.settings)
    settings[setting.name] = setting.value ? json::value(printable(*setting.value)) : json::value();
  json::object not_taken;
  for (const auto& [setting, why] : topic.settings_not_taken) not_taken[printable(setting)] = printable(why);
  json::array partitions;
  for (const PlannedPartition& partition : topic.partitions) partitions.push_back(partition_json(partition));
  return {{"topic", topic.source},
          {"target_topic", topic.target},
          {"action", to_string(topic.action)},
          {"reason", printable(topic.reason)},
          {"refused", topic.is_refused()},
          {"source_partitions", topic.source_partitions},
          {"target_partitions", topic.target_partitions},
          {"replication_factor", topic.replication_factor < 0 ? json::value() : json::value(topic.replication_factor)},
          {"settings", std::move(settings)},
          {"settings_not_taken", std::move(not_taken)},
          {"partitions", std::move(partitions)},
          {"findings", findings_json(topic.findings)}};
}

json::array lines_json(const std::vector<std::string>& lines) {
  json::array array;
  for (const std::string& line : lines) array.push_back(json::string(printable(line)));
  return array;
}

json::object flow_json(const FlowPlan& flow) {
  json::array topics;
  for (const PlannedTopic& topic : flow.topics) topics.push_back(topic_json(topic));
  json::array groups;
  for (const PlannedGroup& group : flow.groups) {
    groups.push_back(json::object{{"group", printable(group.group)},
                                  {"topic", group.topic},
                                  {"target_topic", group.target_topic},
                                  {"partition", group.partition},
                                  {"source_offset", group.source_offset},
                                  {"target_offset", known(group.target_offset)},
                                  {"moves", group.moves},
                                  {"reason", printable(group.reason)}});
  }
  return {{"flow", flow.flow},
          {"can_begin", flow.can_begin()},
          {"topics", std::move(topics)},
          {"acls_granted", lines_json(flow.granted)},
          {"acls_removed", lines_json(flow.removed)},
          {"groups", std::move(groups)},
          {"own_topics", lines_json(flow.own_topics)},
          {"findings", findings_json(flow.findings)}};
}

}  // namespace

std::string plan_text(const Plan& plan) {
  std::string text;
  for (const FlowPlan& flow : plan.flows) {
    text += flow.flow + "\n";
    for (const Finding& finding : flow.findings) {
      text += fmt::format("  {}{}: {}\n", mark_of(finding.weight), printable(finding.about), printable(finding.text));
    }
    add_topics(flow, text);
    add_list("grant access rights", flow.granted, text);
    add_list("remove access rights", flow.removed, text);
    add_groups(flow, text);
    add_list("create for the mirror itself", flow.own_topics, text);
  }
  text += plan.can_begin() ? "Nothing is refused: shunt run can begin. Nothing was changed.\n"
                           : "Not all can be mirrored: see what is REFUSED. Nothing was changed.\n";
  return text;
}

std::string plan_json(const Plan& plan) {
  json::array flows;
  for (const FlowPlan& flow : plan.flows) flows.push_back(flow_json(flow));
  const json::object object{{"can_begin", plan.can_begin()}, {"flows", std::move(flows)}};
  return json::serialize(object) + "\n";
}

}  // namespace shunt::tools
