#include "tools/shunt/progress.h"

#include <algorithm>
#include <cstdio>
#include <mutex>

#include <fmt/format.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/shunt/units.h"

namespace shunt::tools {

using namespace std::chrono_literals;
using replicate::MirrorStatus;
using replicate::PartitionState;
using replicate::PartitionStatus;

// ---- Measuring
// -------------------------------------------------------------------------------------------------------

double TopicProgress::percent() const {
  return whole <= 0 ? 100.0 : 100.0 * static_cast<double>(std::min(done, whole)) / static_cast<double>(whole);
}

std::string TopicProgress::time_left() const {
  if (lag <= 0) return duration_text(0);
  return records_per_second < 1 ? std::string() : duration_text(static_cast<double>(lag) / records_per_second);
}

std::vector<TopicProgress> ProgressMeter::measure(const MirrorStatus& status,
                                                  std::chrono::steady_clock::time_point now) {
  std::map<std::string, TopicProgress> topics;
  for (const PartitionStatus& partition : status.partitions) {
    const std::string name = partition.flow + " " + partition.source_topic;
    TopicProgress& topic = topics[name];
    topic.name = name;
    ++topic.partitions;
    topic.failed += partition.state == PartitionState::failed ? 1 : 0;
    topic.waiting += partition.state == PartitionState::waiting ? 1 : 0;
    topic.records += partition.records;
    topic.bytes += partition.bytes;
    topic.lag += std::max<std::int64_t>(0, partition.lag());
    if (partition.start >= 0 && partition.position >= 0 && partition.source_end >= 0) {
      topic.done += partition.position - partition.start;
      topic.whole += std::max<std::int64_t>(0, partition.source_end - partition.start);
    }
  }
  const double seconds = std::chrono::duration<double>(now - last_).count();
  const bool first = last_ == std::chrono::steady_clock::time_point{};
  std::vector<TopicProgress> measured;
  for (auto& [name, topic] : topics) {
    Seen& seen = seen_[name];
    if (!first && seconds > 0) {
      // Smoothed over a few pictures.
      const auto rate = [&](double old, std::uint64_t before, std::uint64_t after) {
        const double current = static_cast<double>(after - before) / seconds;
        return old == 0 ? current : 0.7 * old + 0.3 * current;
      };
      seen.records_per_second = rate(seen.records_per_second, seen.records, topic.records);
      seen.bytes_per_second = rate(seen.bytes_per_second, seen.bytes, topic.bytes);
    }
    seen.records = topic.records;
    seen.bytes = topic.bytes;
    topic.records_per_second = seen.records_per_second;
    topic.bytes_per_second = seen.bytes_per_second;
    measured.push_back(std::move(topic));
  }
  last_ = now;
  return measured;
}

// ---- Rendering
// -------------------------------------------------------------------------------------------------------

namespace {

TopicProgress total_of(const std::vector<TopicProgress>& topics) {
  TopicProgress total;
  for (const TopicProgress& topic : topics) {
    total.partitions += topic.partitions;
    total.failed += topic.failed;
    total.waiting += topic.waiting;
    total.records += topic.records;
    total.bytes += topic.bytes;
    total.lag += topic.lag;
    total.done += topic.done;
    total.whole += topic.whole;
    total.records_per_second += topic.records_per_second;
    total.bytes_per_second += topic.bytes_per_second;
  }
  return total;
}

std::string cut(std::string text, std::size_t columns) {
  if (text.size() > columns) text.resize(columns);
  return text;
}

std::string row(const std::string& name, const TopicProgress& topic, std::size_t name_width) {
  std::string shown = name;
  if (shown.size() > name_width) shown = shown.substr(0, name_width - 1) + "~";
  return fmt::format("{:<{}} {:>14} {:>10} {:>12} {:>12} {:>5.1f}% {:>12}", shown, name_width, grouped(topic.records),
                     bytes_text(static_cast<double>(topic.bytes)), bytes_text(topic.bytes_per_second) + "/s",
                     grouped(static_cast<std::uint64_t>(topic.lag)), topic.percent(), topic.time_left());
}

}  // namespace

std::vector<std::string> live_view(const MirrorStatus& status, const std::vector<TopicProgress>& topics,
                                   std::size_t columns, std::size_t rows) {
  constexpr std::size_t fixed = 72;
  constexpr std::size_t smallest_name = 12;
  const std::size_t name_width =
      std::max(smallest_name, columns > fixed ? std::min<std::size_t>(columns - fixed, 48) : 0);
  std::vector<std::string> lines;
  if (status.discovering) {
    lines.push_back(cut("looking at both clusters ...", columns));
    return lines;
  }
  lines.push_back(cut(fmt::format("{:<{}} {:>14} {:>10} {:>12} {:>12} {:>6} {:>12}", "topic", name_width, "records",
                                  "bytes", "rate", "lag", "done", "time left"),
                      columns));
  std::vector<TopicProgress> shown = topics;
  std::stable_sort(shown.begin(), shown.end(),
                   [](const TopicProgress& a, const TopicProgress& b) { return a.lag > b.lag; });
  std::vector<std::string> failures;
  for (const PartitionStatus& partition : status.partitions) {
    if (partition.state == PartitionState::failed) {
      failures.push_back(cut(
          fmt::format("failed: {}-{}: {}", partition.source_topic, partition.partition, partition.reason), columns));
    }
  }
  const std::size_t failure_rows = std::min<std::size_t>(failures.size(), 3);
  const std::size_t room = rows > failure_rows + 4 ? rows - failure_rows - 4 : 1;
  for (std::size_t i = 0; i < std::min(room, shown.size()); ++i)
    lines.push_back(cut(row(shown[i].name, shown[i], name_width), columns));
  if (shown.size() > room)
    lines.push_back(cut(fmt::format("... and {} topics with less lag", shown.size() - room), columns));
  const TopicProgress total = total_of(topics);
  lines.push_back(cut(row(fmt::format("all: {} partitions", total.partitions), total, name_width), columns));
  for (std::size_t i = 0; i < failure_rows; ++i) lines.push_back(failures[i]);
  return lines;
}

std::string progress_line(const MirrorStatus& status, const std::vector<TopicProgress>& topics) {
  if (status.discovering) return "looking at both clusters";
  const TopicProgress total = total_of(topics);
  std::string line = fmt::format("{} records, {}, {}/s, lag {} records, {:.1f} %", grouped(total.records),
                                 bytes_text(static_cast<double>(total.bytes)), bytes_text(total.bytes_per_second),
                                 grouped(static_cast<std::uint64_t>(total.lag)), total.percent());
  if (const std::string left = total.time_left(); !left.empty() && total.lag > 0) line += ", " + left + " left";
  if (total.waiting > 0) line += fmt::format(", {} of {} partitions waiting", total.waiting, total.partitions);
  if (total.failed > 0) line += fmt::format(", {} partitions FAILED", total.failed);
  return line;
}

// ---- Displays
// --------------------------------------------------------------------------------------------------------

namespace {

class LineDisplay final : public ProgressDisplay {
 public:
  void show(const MirrorStatus& status) override {
    fmt::print(stderr, "{}\n", progress_line(status, meter_.measure(status, std::chrono::steady_clock::now())));
  }
  [[nodiscard]] std::chrono::milliseconds interval() const override { return 5s; }

 private:
  ProgressMeter meter_;
};

/// The lines at the bottom of the terminal, redrawn in place; log lines are printed above them.
class LiveDisplay final : public ProgressDisplay {
 public:
  LiveDisplay() : logger_(spdlog::default_logger()), sinks_(logger_->sinks()) {
    logger_->sinks() = {std::make_shared<AboveSink>(*this)};
    logger_->sinks().front()->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
  }
  ~LiveDisplay() override {
    logger_->sinks() = sinks_;
    const std::lock_guard lock(mutex_);
    erase();
    std::fflush(stderr);
  }

  void show(const MirrorStatus& status) override {
    winsize size{};
    const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0;
    const std::vector<std::string> lines = live_view(status, meter_.measure(status, std::chrono::steady_clock::now()),
                                                     known ? size.ws_col - 1U : 79U, known ? size.ws_row - 1U : 23U);
    const std::lock_guard lock(mutex_);
    erase();
    lines_ = lines;
    draw();
  }
  [[nodiscard]] std::chrono::milliseconds interval() const override { return 500ms; }

 private:
  class AboveSink final : public spdlog::sinks::base_sink<std::mutex> {
   public:
    explicit AboveSink(LiveDisplay& display) : display_(display) {}

   protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
      spdlog::memory_buf_t text;
      formatter_->format(message, text);
      const std::lock_guard lock(display_.mutex_);
      display_.erase();
      std::fwrite(text.data(), 1, text.size(), stderr);
      display_.draw();
    }
    void flush_() override { std::fflush(stderr); }

   private:
    LiveDisplay& display_;
  };

  void erase() {
    if (drawn_ > 0) fmt::print(stderr, "\x1b[{}A\r\x1b[J", drawn_);
    drawn_ = 0;
  }
  void draw() {
    std::string text;
    for (const std::string& line : lines_) text += line + "\n";
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fflush(stderr);
    drawn_ = lines_.size();
  }

  std::shared_ptr<spdlog::logger> logger_;
  std::vector<spdlog::sink_ptr> sinks_;
  ProgressMeter meter_;
  std::mutex mutex_;
  std::vector<std::string> lines_;
  std::size_t drawn_ = 0;
};

}  // namespace

std::unique_ptr<ProgressDisplay> make_progress_display() {
  if (isatty(STDERR_FILENO) != 0) return std::make_unique<LiveDisplay>();
  return std::make_unique<LineDisplay>();
}

}  // namespace shunt::tools
