#include "tools/shunt/summary.h"

#include <fstream>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <sys/resource.h>

#include "tools/shunt/printable.h"
#include "tools/shunt/units.h"

namespace shunt::tools {

using replicate::MirrorStatus;
using replicate::PartitionState;
using replicate::PartitionStatus;

namespace {

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

// VmHWM. What getrusage calls ru_maxrss begins with the memory of the program that started this one. 0: not told.
std::uint64_t peak_memory() {
  constexpr std::string_view key = "VmHWM:";
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (std::uint64_t kilobytes = 0; word == key && status >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

}  // namespace

double Summary::cpu_seconds_per_gb() const {
  return bytes == 0 ? 0 : (user_cpu_seconds + system_cpu_seconds) / (static_cast<double>(bytes) / 1e9);
}

Summary summarise(const MirrorStatus& status) {
  Summary summary;
  for (const PartitionStatus& partition : status.partitions) {
    summary.records += partition.records;
    summary.batches += partition.batches;
    summary.bytes += partition.bytes;
    summary.duplicates += partition.duplicates;
    summary.refetched_bytes += partition.refetched_bytes;
    summary.slow_path_batches += partition.slow_path_batches;
    summary.lost_offsets += partition.lost_offsets;
    summary.filled_offsets += partition.filled_offsets;
    summary.interruptions += partition.interruptions;
  }
  for (const replicate::ConditionCount& met : status.conditions) summary.conditions[met.condition] += met.count;
  summary.seconds = std::chrono::duration<double>(status.running).count();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  summary.user_cpu_seconds = seconds_of(usage.ru_utime);
  summary.system_cpu_seconds = seconds_of(usage.ru_stime);
  summary.peak_memory_bytes = peak_memory();
  return summary;
}

std::string summary_text(const Summary& summary, const MirrorStatus& status) {
  std::string text = fmt::format(
      "{} records in {} batches, {}, in {:.1f} s ({}/s)\n"
      "CPU {:.2f} s ({:.2f} user, {:.2f} system), {:.3f} s per GB; peak memory {}; slow-path batches {}\n",
      grouped(summary.records), grouped(summary.batches), bytes_text(static_cast<double>(summary.bytes)),
      summary.seconds, bytes_text(summary.seconds > 0 ? static_cast<double>(summary.bytes) / summary.seconds : 0),
      summary.user_cpu_seconds + summary.system_cpu_seconds, summary.user_cpu_seconds, summary.system_cpu_seconds,
      summary.cpu_seconds_per_gb(), bytes_text(static_cast<double>(summary.peak_memory_bytes)),
      grouped(summary.slow_path_batches));
  if (summary.filled_offsets > 0)
    text += fmt::format("{} offsets without a record, filled with markers\n", grouped(summary.filled_offsets));
  if (summary.lost_offsets > 0) {
    text += fmt::format("DATA LOSS: the source had deleted {} offsets before they were mirrored\n",
                        grouped(summary.lost_offsets));
  }
  if (summary.duplicates > 0 || summary.interruptions > 0) {
    text += fmt::format("{} interruptions; {} batches were recognised as already there\n",
                        grouped(summary.interruptions), grouped(summary.duplicates));
  }
  for (const auto& [condition, count] : summary.conditions) {
    text += fmt::format("{} ({} times): {}\n", replicate::to_string(condition), grouped(count),
                        replicate::info_of(condition).meaning);
  }
  if (!status.fatal.empty()) text += fmt::format("failed: {}\n", printable(status.fatal));
  for (const std::string& error : status.topic_errors) text += fmt::format("failed: {}\n", printable(error));
  for (const PartitionStatus& partition : status.partitions) {
    if (partition.state != PartitionState::failed) continue;
    text += fmt::format("failed: {} {}-{} at offset {}: {}\n", partition.flow, partition.source_topic,
                        partition.partition, partition.position, printable(partition.reason));
  }
  for (const replicate::GroupsStatus& groups : status.groups) {
    for (const replicate::GroupsStatus::Refused& refused : groups.refused)
      text += fmt::format("refused: {} offsets of group {}: {}\n", groups.flow, printable(refused.group),
                          printable(refused.reason));
  }
  return text;
}

std::string summary_json(const Summary& summary, const MirrorStatus& status) {
  namespace json = boost::json;
  json::array failures;
  if (!status.fatal.empty()) failures.push_back(json::object{{"reason", printable(status.fatal)}});
  for (const std::string& error : status.topic_errors) failures.push_back(json::object{{"reason", printable(error)}});
  for (const PartitionStatus& partition : status.partitions) {
    if (partition.state != PartitionState::failed) continue;
    json::object failure{{"flow", partition.flow},
                         {"topic", partition.source_topic},
                         {"partition", partition.partition},
                         {"offset", partition.position},
                         {"reason", printable(partition.reason)}};
    if (partition.condition) failure["condition"] = replicate::to_string(*partition.condition);
    failures.push_back(std::move(failure));
  }
  json::array refused_groups;
  for (const replicate::GroupsStatus& groups : status.groups) {
    for (const replicate::GroupsStatus::Refused& refused : groups.refused) {
      refused_groups.push_back(json::object{
          {"flow", groups.flow}, {"group", printable(refused.group)}, {"reason", printable(refused.reason)}});
    }
  }
  json::object conditions;
  for (const auto& [condition, count] : summary.conditions) conditions[replicate::to_string(condition)] = count;
  json::array shards;
  for (const replicate::ShardStatus& shard : status.shards) {
    shards.push_back(json::object{{"io", shard.io},
                                  {"loop_waits", shard.loop_waits},
                                  {"receive_calls", shard.receive_calls},
                                  {"send_calls", shard.send_calls},
                                  {"connections_lost", shard.connections_lost}});
  }
  const json::object object{{"records", summary.records},
                            {"batches", summary.batches},
                            {"bytes", summary.bytes},
                            {"partitions", status.partitions.size()},
                            {"seconds", summary.seconds},
                            {"cpu_seconds", summary.user_cpu_seconds + summary.system_cpu_seconds},
                            {"user_cpu_seconds", summary.user_cpu_seconds},
                            {"system_cpu_seconds", summary.system_cpu_seconds},
                            {"cpu_seconds_per_gb", summary.cpu_seconds_per_gb()},
                            {"peak_memory_bytes", summary.peak_memory_bytes},
                            {"slow_path_batches", summary.slow_path_batches},
                            {"filled_offsets", summary.filled_offsets},
                            {"lost_offsets", summary.lost_offsets},
                            {"duplicates", summary.duplicates},
                            {"refetched_bytes", summary.refetched_bytes},
                            {"interruptions", summary.interruptions},
                            {"conditions", std::move(conditions)},
                            {"shards", std::move(shards)},
                            {"failures", std::move(failures)},
                            {"refused_groups", std::move(refused_groups)}};
  return json::serialize(object) + "\n";
}

}  // namespace shunt::tools
