#include "replicate/control/failover_marks.h"

#include <algorithm>
#include <ctime>
#include <functional>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "net/machine.h"
#include "protocol/error.h"
#include "replicate/control/leaders.h"
#include "replicate/control/read_log.h"
#include "replicate/own_header.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;

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
  const std::optional<Offset> before = std::exchange(read_to_, std::nullopt);  // until it has been read
  if (!is_there) co_return std::nullopt;
  const protocol::Uuid id = target_.find_topic(topic_.name())->id;
  const bool is_same = id == topic_id_;
  topic_id_ = id;
  const TopicPartition where = place();
  const std::vector<TopicPartition> asked{where};
  const auto ends = co_await readable_ends(target_, asked, Isolation::read_committed);
  const Offset end = value_of(target_, ends, where, "the log end");
  if (is_same && before == end) {
    read_to_ = before;
    co_return mark_;
  }
  FailoverMarkReader reader(settings_.flow);
  const std::function<void(const protocol::Record&)> visit = [&reader](const protocol::Record& record) {
    if (record.key) static_cast<void>(reader.take(*record.key, record.value));
  };
  const Offset read_to = co_await topic_.read(where.partition, visit);
  mark_ = reader.mark();
  read_to_ = read_to;
  co_return mark_;
}

Awaitable<> FailoverMarks::wait(net::Duration at_most) {
  if (!read_to_) co_return;
  const auto at_most_ms = std::chrono::duration_cast<std::chrono::milliseconds>(at_most).count();
  try {
    [[maybe_unused]] const LogStretch news = co_await read_log(
        target_, place(), *read_to_, 1, Isolation::read_committed, static_cast<std::int32_t>(at_most_ms));
  } catch (const ClusterError&) {
    // read() finds out.
  } catch (const net::BrokerError&) {
    // The same.
  }
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
    co_await topic_.append(place().partition, batch);
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
