#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>

#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/asio.h"
#include "replicate/config/values.h"
#include "replicate/security_watch.h"
#include "replicate/verify/verification.h"
#include "tools/shunt/commands.h"
#include "tools/shunt/configuration.h"
#include "tools/shunt/printable.h"
#include "tools/shunt/sandbox.h"
#include "tools/shunt/signals.h"
#include "tools/shunt/units.h"

namespace shunt::tools {

using namespace std::chrono_literals;
using replicate::PartitionVerdict;
using replicate::VerifyOptions;
using replicate::VerifyProgress;
using replicate::VerifyResult;

namespace {

constexpr auto between_rounds = 1s;  // of the continuous mode

/// One line that is written over on a terminal, one every few seconds elsewhere.
class Progress {
 public:
  void show(const VerifyProgress& progress) {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    next_ = now + (is_terminal_ ? std::chrono::milliseconds(200) : std::chrono::milliseconds(5000));
    if (is_first_ && !is_terminal_) {
      is_first_ = false;  // what is done at once needs no progress
      return;
    }
    fmt::print(stderr, "{}{} of {} partitions compared, {} read{}", is_terminal_ ? "\r\x1b[K" : "", progress.done,
               progress.partitions, bytes_text(static_cast<double>(progress.bytes)), is_terminal_ ? "" : "\n");
    std::fflush(stderr);
  }
  void clear() {
    if (is_terminal_) fmt::print(stderr, "\r\x1b[K");
  }

 private:
  const bool is_terminal_ = isatty(STDERR_FILENO) != 0;
  bool is_first_ = true;
  std::chrono::steady_clock::time_point next_{};
};

std::string verdict_text(const PartitionVerdict& verdict) {
  const replicate::Comparison& comparison = verdict.comparison;
  std::string text =
      fmt::format("{} {}{}: ", verdict.flow, verdict.source.to_string(), verdict.is_mapped ? " (mapped offsets)" : "");
  if (!verdict.failure.empty()) return text + "not compared: " + printable(verdict.failure);
  if (comparison.difference) {
    text += fmt::format("DIFFERENT at offset {}: {}: {}; ", comparison.difference->offset.value(),
                        to_string(comparison.difference->kind), printable(comparison.difference->text));
  }
  if (verdict.from < verdict.to) {
    text += fmt::format("{} records equal between offsets {} and {}", grouped(comparison.records), verdict.from.value(),
                        verdict.to.value() - 1);
  } else {
    text += "nothing to compare";
  }
  if (comparison.missing + comparison.extra > 0) {
    text += fmt::format(", {} compacted away on one side", grouped(comparison.missing + comparison.extra));
  }
  if (verdict.not_copied > 0) {
    text += fmt::format("; NOT COPIED yet: {} offsets from {} on",
                        grouped(static_cast<std::uint64_t>(verdict.not_copied)), verdict.to.value());
  }
  return text;
}

struct Totals {
  std::uint64_t records = 0;
  std::uint64_t decoded = 0;
  std::size_t different = 0;
  std::size_t behind = 0;
  std::size_t failed = 0;
};

Totals totals_of(const VerifyResult& result) {
  Totals totals;
  totals.failed = result.topic_failures.size();
  for (const PartitionVerdict& verdict : result.partitions) {
    totals.records += verdict.comparison.records;
    totals.decoded += verdict.comparison.decoded_records;
    totals.different += verdict.comparison.difference ? 1U : 0U;
    totals.behind += verdict.not_copied > 0 ? 1U : 0U;
    totals.failed += verdict.failure.empty() ? 0U : 1U;
  }
  return totals;
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void print_text(const VerifyResult& result, double seconds) {
  for (const std::string& failure : result.topic_failures) fmt::print("{}\n", printable(failure));
  for (const PartitionVerdict& verdict : result.partitions) fmt::print("{}\n", verdict_text(verdict));
  const Totals totals = totals_of(result);
  fmt::print("{}: {} records in {} partitions compared, {} of them one by one; {} read in {:.1f} s, {:.2f} s of CPU\n",
             result.is_equal() ? "Equal" : "NOT EQUAL", grouped(totals.records), result.partitions.size(),
             grouped(totals.decoded), bytes_text(static_cast<double>(result.bytes)), seconds, cpu_seconds());
  if (!result.is_equal()) {
    fmt::print("{} partitions differ, {} are behind, {} could not be compared\n", totals.different, totals.behind,
               totals.failed);
  }
  std::fflush(stdout);
}

void print_json(const VerifyResult& result, double seconds) {
  namespace json = boost::json;
  json::array partitions;
  for (const PartitionVerdict& verdict : result.partitions) {
    json::object entry{{"flow", verdict.flow},
                       {"topic", verdict.source.topic},
                       {"target_topic", verdict.target.topic},
                       {"partition", verdict.source.partition.value()},
                       {"offsets", verdict.is_mapped ? "mapped" : "identical"},
                       {"from", verdict.from.value()},
                       {"to", verdict.to.value()},
                       {"records", verdict.comparison.records},
                       {"decoded_records", verdict.comparison.decoded_records},
                       {"compacted", verdict.comparison.missing + verdict.comparison.extra},
                       {"not_copied", verdict.not_copied},
                       {"equal", verdict.is_equal()}};
    if (verdict.comparison.difference) {
      const replicate::Difference& difference = *verdict.comparison.difference;
      entry["difference"] = json::object{{"kind", to_string(difference.kind)},
                                         {"offset", difference.offset.value()},
                                         {"text", printable(difference.text)}};
    }
    if (!verdict.failure.empty()) entry["failure"] = printable(verdict.failure);
    partitions.push_back(std::move(entry));
  }
  json::array failures;
  for (const std::string& failure : result.topic_failures) failures.push_back(json::string(printable(failure)));
  const Totals totals = totals_of(result);
  const json::object object{{"equal", result.is_equal()},
                            {"records", totals.records},
                            {"decoded_records", totals.decoded},
                            {"bytes", result.bytes},
                            {"seconds", seconds},
                            {"cpu_seconds", cpu_seconds()},
                            {"partitions", std::move(partitions)},
                            {"failures", std::move(failures)}};
  fmt::print("{}\n", json::serialize(object));
  std::fflush(stdout);
}

VerifyResult run_once(const replicate::Config& config, const VerifyOptions& options) {
  boost::asio::io_context context(1);
  replicate::Verification verification(context.get_executor(), config, options);
  VerifyResult result;
  std::exception_ptr failure;
  Progress progress;
  boost::asio::co_spawn(context, verification.run([&progress](const VerifyProgress& now) { progress.show(now); }),
                        [&](std::exception_ptr thrown, VerifyResult ended) {
                          failure = std::move(thrown);
                          result = std::move(ended);
                        });
  context.run();
  progress.clear();
  if (failure) std::rethrow_exception(failure);
  return result;
}

}  // namespace

int verify(const VerifyArguments& arguments) {
  VerifyOptions options;
  options.sample = arguments.sample;
  if (!arguments.since.empty()) {
    options.since_ms = replicate::parse_time(arguments.since);
    if (!options.since_ms) {
      fmt::print(stderr, "shunt: --since {}: write milliseconds since 1970, or UTC as 2026-01-31T00:00:00Z\n",
                 printable(arguments.since));
      return exit_usage;
    }
  }
  const auto config = read_configuration(arguments.file, arguments.log_level);
  if (!config) return exit_usage;
  std::signal(SIGPIPE, SIG_IGN);
  enter_sandbox(*config);

  std::optional<TerminationSignals> signals;
  if (arguments.continuous) signals.emplace();
  std::map<std::tuple<std::string, replicate::TopicPartition>, protocol::Offset> seen;
  bool is_equal = true;
  replicate::SecurityWatch security(*config);
  while (true) {
    const auto began = std::chrono::steady_clock::now();
    const VerifyResult result = run_once(*config, options);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    if (!arguments.continuous || !result.is_equal() || seen.empty()) {
      arguments.json ? print_json(result, seconds) : print_text(result, seconds);
    }
    is_equal = is_equal && result.is_equal();
    if (!arguments.continuous) break;
    for (const PartitionVerdict& verdict : result.partitions) {
      if (verdict.failure.empty()) seen[{verdict.flow, verdict.source}] = verdict.to;
    }
    options.since_ms.reset();
    options.begin = [&seen](const std::string& flow, const replicate::TopicPartition& source) {
      const auto known = seen.find({flow, source});
      return known == seen.end() ? protocol::Offset(0) : known->second;
    };
    if (signals->wait_for(between_rounds)) break;
    security.look();
  }
  return is_equal ? exit_done : exit_failed;
}

}  // namespace shunt::tools
