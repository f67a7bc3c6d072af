#include <csignal>
#include <cstdio>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "replicate/admin/groups_report.h"
#include "tools/shunt/commands.h"
#include "tools/shunt/configuration.h"
#include "tools/shunt/printable.h"
#include "tools/shunt/sandbox.h"
#include "tools/shunt/wait_for.h"

namespace shunt::tools {

using replicate::Fit;
using replicate::GroupRow;
using replicate::GroupsReport;

namespace {

const char* fit_name(Fit fit) {
  switch (fit) {
    case Fit::exact:
      return "exact";
    case Fit::before_start:
      return "before_start";
    case Fit::not_copied:
      return "not_copied";
    case Fit::past_end:
      return "past_end";
    case Fit::shared:
      return "shared";
    case Fit::unknown:
      return "unknown";
  }
  return "unknown";
}

std::string fit_text(Fit fit) {
  switch (fit) {
    case Fit::before_start:
      return "; the target's log begins behind it";
    case Fit::not_copied:
      return "; the mirror has not come so far";
    case Fit::past_end:
      return "; behind the end of the source's log";
    case Fit::exact:
    case Fit::shared:
    case Fit::unknown:
      return "";
  }
  return "";
}

std::string row_text(const GroupRow& row) {
  const auto& place = row.place;
  std::string text = fmt::format("{} {} {}: source {}, target ", row.flow, printable(row.group),
                                 place.source.to_string(), place.source_offset.value());
  if (row.committed) {
    text += fmt::format("{}", row.committed->value());
    if (*row.committed != place.target_offset && place.fit != Fit::unknown)
      text += fmt::format(" (its place: {})", place.target_offset.value());
  } else if (place.fit == Fit::unknown) {
    text += "none";
  } else {
    text += fmt::format("none (its place: {})", place.target_offset.value());
  }
  if (const auto left = row.left()) text += fmt::format(", {} left to read", *left);
  if (!place.reason.empty()) text += "; " + printable(place.reason);
  text += fit_text(place.fit);
  if (!row.target_state.empty() && row.target_state != "Empty")
    text += fmt::format("; the target's group is {}", printable(row.target_state));
  return text;
}

void print_text(const GroupsReport& report) {
  for (const GroupRow& row : report.rows) fmt::print("{}\n", row_text(row));
  for (const std::string& failure : report.failures) fmt::print("FAILED  {}\n", printable(failure));
  if (report.rows.empty() && report.failures.empty())
    fmt::print("No consumer group of a source has offsets on mirrored topics.\n");
  std::fflush(stdout);
}

void print_json(const GroupsReport& report) {
  namespace json = boost::json;
  json::array rows;
  for (const GroupRow& row : report.rows) {
    const auto& place = row.place;
    json::object entry{{"flow", row.flow},
                       {"group", printable(row.group)},
                       {"topic", place.source.topic},
                       {"target_topic", place.target.topic},
                       {"partition", place.source.partition.value()},
                       {"source_offset", place.source_offset.value()},
                       {"fit", fit_name(place.fit)},
                       {"target_state", row.target_state}};
    entry["place"] = place.fit == Fit::unknown ? json::value() : json::value(place.target_offset.value());
    entry["target_offset"] = row.committed ? json::value(row.committed->value()) : json::value();
    const auto left = row.left();
    entry["left"] = left ? json::value(*left) : json::value();
    if (!place.reason.empty()) entry["reason"] = printable(place.reason);
    rows.push_back(std::move(entry));
  }
  json::array failures;
  for (const std::string& failure : report.failures) failures.push_back(json::string(printable(failure)));
  const json::object object{{"groups", std::move(rows)}, {"failures", std::move(failures)}};
  fmt::print("{}\n", json::serialize(object));
  std::fflush(stdout);
}

}  // namespace

int groups(const std::string& file, bool as_json, const std::string& log_level) {
  const auto config = read_configuration(file, log_level);
  if (!config) return exit_usage;
  std::signal(SIGPIPE, SIG_IGN);
  enter_sandbox(*config);
  boost::asio::io_context context(1);
  const GroupsReport report = wait_for(context, replicate::report_groups(context.get_executor(), *config));
  as_json ? print_json(report) : print_text(report);
  return report.failures.empty() ? exit_done : exit_failed;
}

}  // namespace shunt::tools
