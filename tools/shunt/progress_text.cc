#include "tools/shunt/progress_text.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "tools/shunt/printable.h"
#include "tools/shunt/units.h"

namespace shunt::tools {

using replicate::MirrorStatus;
using replicate::PartitionState;
using replicate::PartitionStatus;

namespace {

constexpr const char* looking = "looking at both clusters ...";
constexpr std::size_t narrowest_name = 13;  // all columns fit into 79

std::string percent_text(const Progress& progress) {
  const auto percent = progress.percent();
  return percent ? fmt::format("{:.1f} %", *percent) : "-";
}

std::string time_left_text(const Progress& progress) {
  const auto seconds = progress.seconds_left();
  return seconds ? duration_text(*seconds) : "-";
}

struct Column {
  const char* head;
  std::size_t width;
  int importance;  // the least important go first when the view is narrow
  std::string (*text)(const Progress&);
};

constexpr std::array<Column, 6> columns{{
    {"records", 11, 3, [](const Progress& p) { return count_text(p.records); }},
    {"bytes", 9, 0, [](const Progress& p) { return bytes_text(static_cast<double>(p.bytes)); }},
    {"rate", 11, 1, [](const Progress& p) { return bytes_text(p.bytes_per_second) + "/s"; }},
    {"lag", 11, 4, [](const Progress& p) { return count_text(static_cast<std::uint64_t>(p.lag)); }},
    {"done", 7, 5, percent_text},
    {"time left", 11, 2, time_left_text},
}};

/// Which columns there are, and how wide names may be.
class Layout {
 public:
  Layout(std::size_t width, std::size_t longest_name) : width_(width) {
    int least = 0;
    while (used(least) + narrowest_name > width && least <= static_cast<int>(columns.size())) ++least;
    least_importance_ = least;
    const std::size_t rest = width > used(least) ? width - used(least) : 0;
    name_width_ = std::min(rest, std::max(longest_name, narrowest_name));
  }

  [[nodiscard]] std::string head() const {
    return line("topic", [](const Column& column) { return std::string(column.head); });
  }
  [[nodiscard]] std::string row(const std::string& name, const Progress& progress) const {
    return line(name, [&progress](const Column& column) { return column.text(progress); });
  }

 private:
  static std::size_t used(int least_importance) {
    std::size_t sum = 0;
    for (const Column& column : columns) sum += column.importance >= least_importance ? column.width + 1 : 0;
    return sum;
  }
  template <class Text>
  [[nodiscard]] std::string line(const std::string& name, Text text) const {
    std::string result = fmt::format("{:<{}}", fit(name, name_width_), name_width_);
    for (const Column& column : columns) {
      if (column.importance >= least_importance_) result += fmt::format(" {:>{}}", text(column), column.width);
    }
    return fit(result, width_);
  }

  std::size_t width_;
  std::size_t name_width_ = 0;
  int least_importance_ = 0;
};

/// What is wrong, and what is waited for: at most `most` lines.
std::vector<std::string> notes(const MirrorStatus& status, std::size_t most) {
  std::vector<std::string> lines;
  std::size_t left_out = 0;
  const auto add = [&](const std::string& line) {
    if (lines.size() + 1 < most) {
      lines.push_back(printable(line));
    } else {
      ++left_out;
    }
  };
  if (!status.fatal.empty()) add("failed: " + status.fatal);
  for (const std::string& error : status.topic_errors) add("failed: " + error);
  std::size_t waiting = 0;
  const PartitionStatus* waits = nullptr;
  for (const PartitionStatus& partition : status.partitions) {
    if (partition.state == PartitionState::failed) {
      add(fmt::format("failed: {} {}-{}: {}", partition.flow, partition.source_topic, partition.partition,
                      partition.reason));
    } else if (partition.state == PartitionState::waiting && !partition.reason.empty()) {
      ++waiting;
      if (waits == nullptr) waits = &partition;
    }
  }
  if (waits != nullptr) {
    add(fmt::format("{} {}: {} {}-{}: {}", waiting, waiting == 1 ? "partition waits" : "partitions wait, the first",
                    waits->flow, waits->source_topic, waits->partition, waits->reason));
  }
  if (left_out > 0) lines.push_back(fmt::format("... and {} more such lines", left_out));
  return lines;
}

}  // namespace

std::vector<std::string> live_view(const MirrorStatus& status, const std::vector<Progress>& topics, ViewSize size) {
  constexpr std::size_t smallest_table = 3;  // head, one topic or "and others", total
  constexpr std::size_t most_notes = 6;
  std::vector<std::string> lines;
  const std::size_t room_for_notes = size.rows > smallest_table ? size.rows - smallest_table : 0;
  const std::vector<std::string> below = notes(status, std::min(most_notes, room_for_notes));

  if (topics.empty()) {
    lines.emplace_back(status.discovering ? looking : "no partitions yet");
  } else {
    const bool one_flow = std::all_of(topics.begin(), topics.end(),
                                      [&topics](const Progress& topic) { return topic.flow == topics.front().flow; });
    const auto name = [one_flow](const Progress& topic) {
      return printable(one_flow ? topic.topic : topic.flow + " " + topic.topic);
    };
    const Progress total = total_of(topics);
    std::size_t longest = 0;
    for (const Progress& topic : topics) longest = std::max(longest, name(topic).size());
    const Layout layout(size.columns, longest);

    std::vector<const Progress*> order;
    order.reserve(topics.size());
    for (const Progress& topic : topics) order.push_back(&topic);
    std::stable_sort(order.begin(), order.end(),
                     [](const Progress* a, const Progress* b) { return a->to_go > b->to_go; });
    const std::size_t around = 2 + below.size();  // head, total, notes
    const std::size_t room = size.rows > around ? size.rows - around : 1;
    const std::size_t shown = order.size() <= room ? order.size() : room - 1;

    lines.push_back(layout.head());
    for (std::size_t i = 0; i < shown; ++i) lines.push_back(layout.row(name(*order[i]), *order[i]));
    if (shown < order.size()) lines.push_back(fmt::format("... and {} topics with less to do", order.size() - shown));
    lines.push_back(layout.row("total", total));
  }
  lines.insert(lines.end(), below.begin(), below.end());
  if (lines.size() > size.rows) lines.resize(size.rows);
  for (std::string& line : lines) line = fit(line, size.columns);
  return lines;
}

std::string progress_line(const MirrorStatus& status, const std::vector<Progress>& topics) {
  if (topics.empty()) return status.discovering ? looking : "no partitions yet";
  const Progress total = total_of(topics);
  std::string line = fmt::format("{} records, {}, {}/s, lag {} records", grouped(total.records),
                                 bytes_text(static_cast<double>(total.bytes)), bytes_text(total.bytes_per_second),
                                 grouped(static_cast<std::uint64_t>(total.lag)));
  if (total.percent()) line += ", " + percent_text(total);
  if (total.to_go > 0 && total.seconds_left()) line += ", " + time_left_text(total) + " left";
  if (total.waiting > 0) line += fmt::format(", {} of {} partitions waiting", total.waiting, total.partitions);
  if (total.failed > 0) line += fmt::format(", {} of {} partitions FAILED", total.failed, total.partitions);
  if (!status.topic_errors.empty()) line += fmt::format(", {} topics FAILED", status.topic_errors.size());
  return line;
}

}  // namespace shunt::tools
