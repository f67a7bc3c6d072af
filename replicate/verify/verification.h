// Does the target of a flow hold what its source holds? Every mirrored partition is compared record by record at its
// offsets, or where the flow's map of offsets says, several at a time, from where both logs have data to where the
// source ended when it was asked.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "replicate/config/model.h"
#include "replicate/control/compare_logs.h"

namespace shunt::replicate {

struct VerifyOptions {
  std::optional<std::int64_t> since_ms;  // records of this timestamp and later (the source's index decides)
  /// Where to begin in a partition of a flow, where not later anyway; unset: at its first record.
  std::function<protocol::Offset(const std::string& flow, const TopicPartition& source)> begin;
  std::int64_t sample = 1;      // of so many stretches of 4 MiB one is compared
  std::size_t concurrency = 8;  // partitions at a time; each holds two stretches of 1 MiB, or a batch
  /// A running mirror is given time as long as it makes progress; without progress for so long it counts as behind.
  net::Duration patience = std::chrono::seconds(3);
};

struct PartitionVerdict {
  std::string flow;  // "A->B"
  TopicPartition source;
  TopicPartition target;
  bool is_mapped = false;
  protocol::Offset from;  // compared: [from, to), of the source
  protocol::Offset to;
  std::int64_t not_copied = 0;  // offsets at the source's end that the target does not have yet
  Comparison comparison;
  std::string failure;  // not empty: it could not be compared, and why

  [[nodiscard]] bool is_equal() const { return failure.empty() && !comparison.difference && not_copied == 0; }
};

struct VerifyProgress {
  std::size_t partitions = 0;
  std::size_t done = 0;
  std::uint64_t bytes = 0;  // read so far, both sides
};

struct VerifyResult {
  std::vector<PartitionVerdict> partitions;  // by flow, topic, partition
  std::vector<std::string> topic_failures;   // topics that could not be compared at all
  std::uint64_t bytes = 0;

  [[nodiscard]] bool is_equal() const;
};

class Verification {
 public:
  Verification(const net::asio::any_io_executor& executor, const Config& config, VerifyOptions options);
  ~Verification();

  /// Throws ClusterError when a cluster cannot be reached. `progress` is called now and then, on the same thread.
  net::Awaitable<VerifyResult> run(std::function<void(const VerifyProgress&)> progress);

 private:
  struct Flow;
  struct Job;

  net::Awaitable<> collect(Flow& flow, VerifyResult& result);
  net::Awaitable<> read_maps(Flow& flow);
  net::Awaitable<> await_target(Flow& flow);
  net::Awaitable<> await_maps(Flow& flow);
  net::Awaitable<> compare(Job& job);

  std::vector<std::unique_ptr<Flow>> flows_;
  const VerifyOptions options_;
  VerifyProgress progress_;
  std::function<void(const VerifyProgress&)> tell_;
};

}  // namespace shunt::replicate
