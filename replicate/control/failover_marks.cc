#include "replicate/control/failover_marks.h"

#include <algorithm>
#include <ctime>
#include <functional>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "net/machine.h"
#include "protocol/error.h"
#include "replicate/own_header.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;
using protocol::PartitionIndex;

namespace {

constexpr std::size_t records_per_batch = 1000;

OwnTopicSettings topic_settings(const FailoverMarksSettings& settings) {
  OwnTopicSettings own;
  own.name = settings.topic;
  own.holds = "failover marks";
  own.replication_factor = settings.replication_factor;
  own.produce_timeout_ms = settings.produce_timeout_ms;
  return own;
}

}  // namespace

FailoverMarks::FailoverMarks(Cluster& target, FailoverMarksSettings settings)
    : target_(target), settings_(std::move(settings)), topic_(target, topic_settings(settings_)) {}

Awaitable<std::optional<FailoverMark>> FailoverMarks::read() {
  bool is_there = false;
  try {
    is_there = co_await topic_.find();
  } catch (const ClusterError& error) {
    const Topic* topic = target_.find_topic(topic_.name());
    if (topic == nullptr || !protocol::is_authorization_failure(topic->error_code)) throw;
    throw UnauthorizedError(target_, error.what());
  }
  if (!is_there) co_return std::nullopt;
  FailoverMarkReader reader(settings_.flow);
  const std::function<void(const protocol::Record&)> visit = [&reader](const protocol::Record& record) {
    if (record.key) static_cast<void>(reader.take(*record.key, record.value));
  };
  co_await topic_.read(PartitionIndex(0), visit);
  co_return reader.mark();
}

Awaitable<> FailoverMarks::write(FailoverMark mark) {
  co_await topic_.create();
  co_await append(records_of(mark));
}

Awaitable<> FailoverMarks::remove(FailoverMark mark) {
  const bool is_there = co_await topic_.find();
  if (is_there) co_await append(tombstones_of(mark));
}

Awaitable<> FailoverMarks::append(std::vector<FailoverRecord> records) {
  const std::int64_t time_ms = net::unix_ms();
  for (std::size_t begin = 0; begin < records.size(); begin += records_per_batch) {
    protocol::RecordBatchBuilder batch(protocol::Codec::none);
    for (std::size_t i = begin; i < std::min(records.size(), begin + records_per_batch); ++i) {
      const FailoverRecord& record = records[i];
      std::optional<std::span<const std::byte>> value;
      if (record.value) value = std::span<const std::byte>(*record.value);
      batch.append({.offset = Offset(0),
                    .timestamp_ms = time_ms,
                    .key = std::span<const std::byte>(record.key),
                    .value = value,
                    .headers = own_header});
    }
    co_await topic_.append(PartitionIndex(0), batch);
  }
}

std::string utc_text(std::int64_t time_ms) {
  constexpr std::int64_t second_ms = 1000;
  const auto time = static_cast<std::time_t>(time_ms / second_ms);
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(time));
}

std::string failed_over_text(const FailoverMark& mark, const std::string& target) {
  return fmt::format("failed over to {} at {}; shunt failback FILE brings it back, or says what else can be done",
                     target, utc_text(mark.time_ms));
}

}  // namespace shunt::replicate
