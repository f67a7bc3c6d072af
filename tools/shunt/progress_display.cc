#include "tools/shunt/progress_display.h"

#include <cstdlib>
#include <mutex>
#include <string_view>

#include <fmt/format.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/shunt/log_pattern.h"
#include "tools/shunt/printable.h"
#include "tools/shunt/progress_meter.h"
#include "tools/shunt/progress_text.h"

namespace shunt::tools {

using namespace std::chrono_literals;
using replicate::MirrorStatus;

namespace {

class LineDisplay final : public ProgressDisplay {
 public:
  void show(const MirrorStatus& status) override {
    write_out(stderr, progress_line(status, meter_.measure(status, std::chrono::steady_clock::now())) + "\n");
  }
  [[nodiscard]] std::chrono::milliseconds interval() const override { return 5s; }

 private:
  ProgressMeter meter_;
};

/// The lines at the bottom of the terminal. Every change is one write, so that the terminal never shows a half of it.
/// The cursor rests below the last line between writes: whatever ends the process, the terminal is in order.
class LiveDisplay final : public ProgressDisplay {
 public:
  LiveDisplay() : logger_(spdlog::default_logger()), sinks_(logger_->sinks()) {
    const auto above = std::make_shared<AboveSink>(*this);
    above->set_pattern(log_pattern);
    logger_->sinks() = {above};
  }
  ~LiveDisplay() override { logger_->sinks() = sinks_; }

  void show(const MirrorStatus& status) override {
    const std::vector<Progress> topics = meter_.measure(status, std::chrono::steady_clock::now());
    const std::vector<std::string> lines = live_view(status, topics, view_size());
    const std::lock_guard lock(mutex_);
    redraw({}, lines);
  }
  [[nodiscard]] std::chrono::milliseconds interval() const override { return 500ms; }

 private:
  class AboveSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
   public:
    explicit AboveSink(LiveDisplay& display) : display_(display) {}

    // The display's mutex serialises: it guards the terminal, which the view shares.
    void sink_it_(const spdlog::details::log_msg& message) override {
      const std::lock_guard lock(display_.mutex_);
      spdlog::memory_buf_t text;
      formatter_->format(message, text);
      display_.redraw({text.data(), text.size()}, display_.lines_);
    }
    void flush_() override {}

   private:
    LiveDisplay& display_;
  };

  /// One column is left free: some terminals wrap at the last one. One row for the cursor.
  static ViewSize view_size() {
    winsize size{};
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 2 || size.ws_row < 2) return {};
    return {.columns = size.ws_col - std::size_t{1}, .rows = size.ws_row - std::size_t{1}};
  }

  /// Puts `above`, whole lines, in the place of the old view, and `lines` below it. Call with mutex_ held.
  void redraw(std::string_view above, std::vector<std::string> lines) {
    std::string text;
    if (lines_.empty() && lines.empty()) {
      write_out(stderr, above);
      return;
    }
    if (!lines_.empty()) text += fmt::format("\x1b[{}A\r", lines_.size());
    if (!above.empty()) text += "\x1b[J";
    text += above;
    text += "\x1b[?7l";  // a line that is wider than it seems must not wrap
    for (const std::string& line : lines) text += line + "\x1b[K\n";
    text += "\x1b[?7h\x1b[J";
    write_out(stderr, text);
    lines_ = std::move(lines);
  }

  std::shared_ptr<spdlog::logger> logger_;
  std::vector<spdlog::sink_ptr> sinks_;
  ProgressMeter meter_;
  std::mutex mutex_;
  std::vector<std::string> lines_;  // as drawn; guarded by mutex_
};

bool is_drawable() {
  if (isatty(STDERR_FILENO) == 0) return false;
  const char* kind = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): no other thread runs yet
  return kind != nullptr && *kind != '\0' && std::string_view(kind) != "dumb";
}

}  // namespace

std::unique_ptr<ProgressDisplay> make_progress_display() {
  if (is_drawable()) return std::make_unique<LiveDisplay>();
  return std::make_unique<LineDisplay>();
}

}  // namespace shunt::tools
