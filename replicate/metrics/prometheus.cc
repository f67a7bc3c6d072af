#include "replicate/metrics/prometheus.h"

#include <cstdio>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

namespace shunt::replicate {

namespace {

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\' || c == '"') result += '\\';
    if (c == '\n') {
      result += "\\n";
    } else {
      result += c;
    }
  }
  return result;
}

/// "A->B" in its two halves.
std::pair<std::string, std::string> ends_of(const std::string& flow) {
  const std::size_t arrow = flow.find("->");
  return arrow == std::string::npos ? std::pair{flow, std::string()}
                                    : std::pair{flow.substr(0, arrow), flow.substr(arrow + 2)};
}

struct PartitionMetric {
  const char* name;
  const char* type;
  const char* help;
  std::function<double(const PartitionStatus&)> value;
  bool only_known = false;  // values below zero mean "not known" and are left out
};

double number(std::uint64_t value) {
  return static_cast<double>(value);
}
double number(std::int64_t value) {
  return static_cast<double>(value);
}

const std::vector<PartitionMetric>& partition_metrics() {
  static const std::vector<PartitionMetric> metrics{
      {"shunt_records_total", "counter", "Records the target has confirmed.",
       [](const auto& p) { return number(p.records); }},
      {"shunt_bytes_total", "counter", "Record batch bytes the target has confirmed.",
       [](const auto& p) { return number(p.bytes); }},
      {"shunt_batches_total", "counter", "Record batches the target has confirmed.",
       [](const auto& p) { return number(p.batches); }},
      {"shunt_lag_records", "gauge", "Offsets between the source's end and what the target has.",
       [](const auto& p) { return number(p.lag()); }, true},
      {"shunt_position", "gauge", "The target has everything below this source offset.",
       [](const auto& p) { return number(p.position); }, true},
      {"shunt_source_end", "gauge", "The source's high watermark, as last heard.",
       [](const auto& p) { return number(p.source_end); }, true},
      {"shunt_held_back_records", "gauge", "Offsets behind the first open transaction of the source.",
       [](const auto& p) { return number(p.held_back()); }},
      {"shunt_in_flight_bytes", "gauge", "Bytes sent or queued that the target has not confirmed.",
       [](const auto& p) { return number(p.in_flight_bytes); }},
      {"shunt_interruptions_total", "counter", "Times the partition was interrupted and located again.",
       [](const auto& p) { return number(p.interruptions); }},
      {"shunt_duplicate_batches_total", "counter", "Batches the target already had, recognised by it.",
       [](const auto& p) { return number(p.duplicates); }},
      {"shunt_refetched_bytes_total", "counter", "Bytes fetched and dropped, to be fetched again.",
       [](const auto& p) { return number(p.refetched_bytes); }},
      {"shunt_source_throttled_seconds_total", "counter", "Pauses that brokers of the source have asked for (quotas).",
       [](const auto& p) { return number(p.source_throttled_ms) / 1000; }},
      {"shunt_target_throttled_seconds_total", "counter", "Pauses that brokers of the target have asked for (quotas).",
       [](const auto& p) { return number(p.target_throttled_ms) / 1000; }},
      {"shunt_lost_offsets_total", "counter", "Offsets deleted on the source before they were mirrored.",
       [](const auto& p) { return number(p.lost_offsets); }},
      {"shunt_filled_offsets_total", "counter", "Offsets without a record on the source, filled with markers.",
       [](const auto& p) { return number(p.filled_offsets); }},
      {"shunt_slow_path_batches_total", "counter", "Batches that had to be re-encoded.",
       [](const auto& p) { return number(p.slow_path_batches); }},
      {"shunt_partition_failed", "gauge", "1: the partition has failed and waits for an operator.",
       [](const auto& p) { return p.state == PartitionState::failed ? 1.0 : 0.0; }},
      {"shunt_partition_running", "gauge", "1: the partition is being mirrored at the moment.",
       [](const auto& p) { return p.state == PartitionState::running ? 1.0 : 0.0; }},
      {"shunt_partition_waiting", "gauge", "1: the partition waits for a leader, a connection or a retry.",
       [](const auto& p) { return p.state == PartitionState::waiting ? 1.0 : 0.0; }},
  };
  return metrics;
}

void head(std::string& out, const char* name, const char* type, const char* help) {
  out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

/// Of consumer groups, of every flow that carries them over.
void append_groups(std::string& out, const MirrorStatus& status) {
  const auto labels_of = [](const GroupsStatus& groups) {
    const auto [source, target] = ends_of(groups.flow);
    return fmt::format(R"(source="{}",target="{}")", escaped(source), escaped(target));
  };
  constexpr const char* by_state = "shunt_groups";
  head(out, by_state, "gauge", "Consumer groups whose offsets are written to the target, by how that goes.");
  for (const GroupsStatus& groups : status.groups) {
    for (std::size_t state = 0; state < group_states; ++state) {
      out += fmt::format("{}{{{},state=\"{}\"}} {}\n", by_state, labels_of(groups),
                         to_string(static_cast<GroupState>(state)), groups.groups.at(state));
    }
  }
  constexpr const char* refused = "shunt_group_refused";
  head(out, refused, "gauge", "1: the target does not take the offsets of this group (at most a hundred are named).");
  for (const GroupsStatus& groups : status.groups) {
    for (const GroupsStatus::Refused& one : groups.refused) {
      out += fmt::format("{}{{{},group=\"{}\"}} 1\n", refused, labels_of(groups), escaped(one.group));
    }
  }
  constexpr const char* clamped = "shunt_group_offsets_clamped";
  head(out, clamped, "gauge", "Offsets of groups that the target has no such place for, by where they lie.");
  for (const GroupsStatus& groups : status.groups) {
    const std::pair<const char*, std::size_t> places[] = {
        {"before_start", groups.before_start}, {"not_copied", groups.not_copied}, {"past_end", groups.past_end}};
    for (const auto& [place, count] : places)
      out += fmt::format("{}{{{},place=\"{}\"}} {}\n", clamped, labels_of(groups), place, count);
  }
  const auto counter = [&](const char* name, const char* type, const char* help, auto value) {
    head(out, name, type, help);
    for (const GroupsStatus& groups : status.groups)
      out += fmt::format("{}{{{}}} {}\n", name, labels_of(groups), value(groups));
  };
  counter("shunt_group_offsets", "gauge", "Offsets of groups on mirrored partitions.",
          [](const GroupsStatus& groups) { return groups.partitions; });
  counter("shunt_group_offsets_committed_total", "counter", "Offsets written to groups of the target.",
          [](const GroupsStatus& groups) { return groups.committed; });
  counter("shunt_checkpoints_total", "counter", "Records written to the checkpoints topic.",
          [](const GroupsStatus& groups) { return groups.checkpoints; });
}

}  // namespace

ProcessUsage process_usage(std::string version) {
  ProcessUsage usage;
  usage.version = std::move(version);
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  usage.cpu_seconds = static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                      static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  if (std::FILE* file = std::fopen("/proc/self/statm", "re")) {
    unsigned long long whole = 0;
    unsigned long long resident = 0;
    if (std::fscanf(file, "%llu %llu", &whole, &resident) == 2) {
      usage.resident_bytes = resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    }
    std::fclose(file);
  }
  return usage;
}

std::string prometheus_text(const MirrorStatus& status, const ProcessUsage& usage) {
  std::string out;
  std::vector<std::string> labels;
  for (const PartitionStatus& partition : status.partitions) {
    const auto [source, target] = ends_of(partition.flow);
    labels.push_back(fmt::format(R"(source="{}",target="{}",topic="{}",partition="{}")", escaped(source),
                                 escaped(target), escaped(partition.source_topic), partition.partition));
  }
  for (const PartitionMetric& metric : partition_metrics()) {
    head(out, metric.name, metric.type, metric.help);
    for (std::size_t i = 0; i < status.partitions.size(); ++i) {
      const double value = metric.value(status.partitions[i]);
      if (!metric.only_known || value >= 0) out += fmt::format("{}{{{}}} {:.17g}\n", metric.name, labels[i], value);
    }
  }
  constexpr const char* in_condition = "shunt_partition_condition";
  head(out, in_condition, "gauge", "1: what the partition waits for, or has failed of, by name.");
  for (std::size_t i = 0; i < status.partitions.size(); ++i) {
    const auto& condition = status.partitions[i].condition;
    if (condition) out += fmt::format("{}{{{},condition=\"{}\"}} 1\n", in_condition, labels[i], to_string(*condition));
  }
  constexpr const char* conditions = "shunt_conditions_total";
  head(out, conditions, "counter", "Conditions met: once for each partition in an episode, or once for a whole topic.");
  for (const ConditionCount& met : status.conditions) {
    const auto [source, target] = ends_of(met.flow);
    out += fmt::format(R"({}{{source="{}",target="{}",topic="{}",condition="{}"}} {})"
                       "\n",
                       conditions, escaped(source), escaped(target), escaped(met.source_topic),
                       to_string(met.condition), met.count);
  }
  // MirrorMaker 2's connector metrics, under the remote topic's name.
  const auto mirror_maker = [&](const char* name, const char* help, auto value) {
    head(out, name, "counter", help);
    for (const PartitionStatus& partition : status.partitions) {
      const auto [source, target] = ends_of(partition.flow);
      out += fmt::format(R"({}{{source="{}",target="{}",topic="{}",partition="{}"}} {})"
                         "\n",
                         name, escaped(source), escaped(target), escaped(partition.target_topic), partition.partition,
                         value(partition));
    }
  };
  mirror_maker("kafka_connect_mirror_mirrorsourceconnector_record_count", "As MirrorMaker 2: records replicated.",
               [](const PartitionStatus& p) { return p.records; });
  mirror_maker("kafka_connect_mirror_mirrorsourceconnector_byte_count",
               "As MirrorMaker 2: bytes replicated (of record batches, as they travel).",
               [](const PartitionStatus& p) { return p.bytes; });

  // What its consumer would say of itself: the source's topic, and the client id that brokers see without a user's
  // prefix.
  constexpr const char* records_lag = "kafka_consumer_fetch_manager_records_lag";
  head(out, records_lag, "gauge", "As MirrorMaker 2: offsets between the source's end and what was replicated.");
  for (const PartitionStatus& partition : status.partitions) {
    if (partition.lag() < 0) continue;
    out += fmt::format(R"({}{{clientid="{}|MirrorSourceConnector|replication-consumer",topic="{}",partition="{}"}} {})"
                       "\n",
                       records_lag, escaped(partition.flow), escaped(partition.source_topic), partition.partition,
                       partition.lag());
  }

  append_groups(out, status);

  const auto shard_metric = [&](const char* name, const char* help, std::uint64_t ShardStatus::*member) {
    head(out, name, "counter", help);
    for (std::size_t i = 0; i < status.shards.size(); ++i) {
      out += fmt::format("{}{{shard=\"{}\",io=\"{}\"}} {}\n", name, i, status.shards[i].io, status.shards[i].*member);
    }
  };
  shard_metric("shunt_connections_lost_total", "Partitions interrupted by a lost connection.",
               &ShardStatus::connections_lost);
  shard_metric("shunt_loop_waits_total", "Times the shard's thread went to the kernel to wait.",
               &ShardStatus::loop_waits);
  shard_metric("shunt_receive_calls_total", "Receive operations issued.", &ShardStatus::receive_calls);
  shard_metric("shunt_send_calls_total", "Send operations issued.", &ShardStatus::send_calls);

  const auto duty_metric = [&](const char* name, const char* type, const char* help, auto value) {
    head(out, name, type, help);
    for (const DutyStatus& duty : status.duties) {
      const auto [source, target] = ends_of(duty.flow);
      out += fmt::format(R"({}{{source="{}",target="{}",duty="{}"}} {})"
                         "\n",
                         name, escaped(source), escaped(target), escaped(duty.duty), value(duty));
    }
  };
  duty_metric("shunt_duty_done_total", "counter", "Times a duty of the admin path was done.",
              [](const DutyStatus& duty) { return duty.done; });
  duty_metric("shunt_duty_failed_total", "counter", "Times a duty of the admin path failed, to be tried again.",
              [](const DutyStatus& duty) { return duty.failed; });
  duty_metric("shunt_duty_failing", "gauge", "1: the last attempt at a duty of the admin path failed.",
              [](const DutyStatus& duty) { return duty.reason.empty() ? 0 : 1; });

  head(out, "shunt_build_info", "gauge", "Always 1; the label is the version of the program.");
  out += fmt::format("shunt_build_info{{version=\"{}\"}} 1\n", escaped(usage.version));
  head(out, "process_cpu_seconds_total", "counter", "User and system CPU time.");
  out += fmt::format("process_cpu_seconds_total {:.6f}\n", usage.cpu_seconds);
  head(out, "process_resident_memory_bytes", "gauge", "Resident memory.");
  out += fmt::format("process_resident_memory_bytes {}\n", usage.resident_bytes);
  head(out, "shunt_topic_errors", "gauge", "Topics that cannot be mirrored at all.");
  out += fmt::format("shunt_topic_errors {}\n", status.topic_errors.size());
  return out;
}

std::string health_problems(const MirrorStatus& status) {
  std::string problems;
  if (!status.fatal.empty()) problems += status.fatal + "\n";
  for (const std::string& error : status.topic_errors) problems += error + "\n";
  for (const PartitionStatus& partition : status.partitions) {
    if (partition.state != PartitionState::failed) continue;
    problems +=
        fmt::format("{} {}-{}: {}\n", partition.flow, partition.source_topic, partition.partition, partition.reason);
  }
  return problems;
}

}  // namespace shunt::replicate
