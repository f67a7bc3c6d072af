// The part of Detour that fills a head which the source no longer has: with padding, which is deleted again before the first
// record follows, or with markers.
#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "protocol/error.h"
#include "protocol/messages/delete_records.h"
#include "replicate/control/detour.h"
#include "replicate/control/padding.h"
#include "replicate/control/write_log.h"
#include "replicate/identity.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;
using protocol::record_batch_header_size;

namespace errors = protocol::errors;

namespace {

// About 60 KB in zstd.
constexpr std::int32_t padding_records = 100'000;

}  // namespace

Awaitable<> Detour::fill_head(const HeadFill& head, const std::function<bool()>& stopping) {
  if (head.is_lost && head.end > position_) {
    const auto lost = static_cast<std::uint64_t>(head.end - position_);
    spec_.progress->lost_offsets.fetch_add(lost, std::memory_order_relaxed);
  }
  // Asks for nothing, and tells whether it would be done: not on a topic that is compacted only.
  const bool is_padded = head.method == HeadFill::Method::padding;
  std::int16_t probed = protocol::no_error;
  if (is_padded) probed = co_await delete_records(Offset(0));
  const bool may_be_padded = probed != errors::policy_violation || head.last_sequence >= 0;
  if (!is_padded || !may_be_padded) {
    co_await fill_up_to(head.end);
    co_return;
  }
  if (probed != protocol::no_error) throw kept_records(probed, head.end);
  const std::int64_t now_ms = net::unix_ms();
  std::int32_t most = padding_records;
  std::vector<std::byte> padding;
  for (std::int32_t records = 0; position_ < head.end;) {
    if (stopping()) throw Blocked{ParkCause::stopped, {}};
    const auto wanted = static_cast<std::int32_t>(std::min<std::int64_t>(most, head.end - position_));
    const protocol::Stamp stamp{
        .producer_id = spec_.identity, .producer_epoch = first_epoch, .base_sequence = sequence_};
    if (wanted != records) {
      records = wanted;
      padding = padding_batch(records, now_ms, stamp);
    } else {
      protocol::stamp_record_batch(std::span(padding).first<record_batch_header_size>(), stamp);
    }
    const Offset end = position_ + records;
    std::vector<OffsetRun> padded{{.source = position_, .target = Offset(0), .records = records}};
    const ProduceAnswer answer = co_await append(padding, std::move(padded));
    if (is_too_large(answer.error_code) && most > 1) {
      most = std::max(1, most / 10);
    } else if (answer.error_code != 0) {
      throw Blocked{is_too_large(answer.error_code) ? ParkCause::refused : classify_produce_error(answer.error_code),
                    produce_error_text(spec_, position_, end, answer)};
    }
  }
  const std::int16_t deleted = co_await delete_records(head.end);
  if (deleted != protocol::no_error) throw kept_records(deleted, head.end);
}

/// Padding stays in sight of readers.
Detour::Blocked Detour::kept_records(std::int16_t error_code, Offset end) const {
  const char* advice =
      error_code == errors::policy_violation
          ? ", whose cleanup.policy leaves out delete: add it until the head is gone, or delete the topic"
          : "";
  return {classify_produce_error(error_code),
          fmt::format("{} answered {} to DeleteRecords of {} before {}{}", target_.alias(),
                      protocol::error_name(error_code), target_partition_.to_string(), end.value(), advice)};
}

/// Kafka's error code.
Awaitable<std::int16_t> Detour::delete_records(Offset end) {
  protocol::DeleteRecordsRequest request;
  request.timeout_ms = settings_.produce_timeout_ms;
  request.topics.push_back(
      {.name = spec_.target_topic, .partitions = {{.partition_index = spec_.partition, .offset = end}}});
  protocol::DeleteRecordsResponse response;
  try {
    response = co_await target_.write_to_broker(target_leader(), std::move(request));
  } catch (const net::BrokerError& error) {
    throw Blocked{ParkCause::target_connection, error.what()};
  }
  if (response.topics.size() != 1 || response.topics.front().partitions.size() != 1) {
    throw Blocked{ParkCause::target_error, target_.alias() + " answered DeleteRecords for other partitions"};
  }
  const std::int16_t error_code = response.topics.front().partitions.front().error_code;
  if (protocol::is_authorization_failure(error_code)) {
    throw Blocked{ParkCause::target_unauthorized,
                  fmt::format("{} does not let this user delete records of {}, which filling the missing head of its "
                              "log takes: grant Delete on the topic",
                              target_.alias(), target_partition_.to_string())};
  }
  co_return error_code;
}

}  // namespace shunt::replicate
