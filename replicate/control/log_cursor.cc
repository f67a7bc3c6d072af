#include "replicate/control/log_cursor.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "protocol/error.h"
#include "replicate/control/leaders.h"

namespace shunt::replicate {

using net::Awaitable;
using protocol::Offset;

namespace {

constexpr std::int32_t stretch_bytes = 1024 * 1024;
constexpr std::size_t most_batch_bytes = 256 * 1024 * 1024;  // decompressed

// A leader that has just changed, or is out of reach for a moment.
constexpr auto patience = std::chrono::seconds(10);
constexpr auto pause = std::chrono::milliseconds(100);
constexpr int most_empty_answers = 3;
constexpr std::int32_t longest_wait_ms = 200;  // for an answer that is not empty

}  // namespace

LogCursor::LogCursor(Cluster& cluster, TopicPartition partition, Offset from, Offset end, Isolation isolation,
                     std::optional<protocol::ProducerId> writer, LoopGuard loop_guard)
    : cluster_(cluster),
      partition_(std::move(partition)),
      end_(end),
      isolation_(isolation),
      writer_(writer),
      loop_guard_(loop_guard),
      position_(from) {}

std::string LogCursor::where() const {
  return fmt::format("{}: {} at offset {}", cluster_.alias(), partition_.to_string(), position_.value());
}

Awaitable<> LogCursor::read_stretch() {
  std::string failure;
  for (net::Time deadline = net::now() + patience;;) {
    failure.clear();
    try {
      stretch_ = co_await read_log(cluster_, partition_, position_, stretch_bytes, isolation_, longest_wait_ms, {},
                                   loop_guard_);
      // An empty answer may have its reasons (data in a remote tier, say); several mean that there is nothing.
      if (stretch_.error_code == 0 && stretch_.records.empty() && ++empty_answers_ < most_empty_answers) continue;
      if (stretch_.error_code == 0) break;
      if (stretch_.error_code == protocol::errors::throttling_quota_exceeded) {
        deadline = net::now() + patience;  // a quota may make anybody wait
        continue;
      }
      failure = protocol::error_name(stretch_.error_code);
      if (protocol::is_authorization_failure(stretch_.error_code)) {
        throw UnauthorizedError(cluster_, fmt::format("{}: {}{}", where(), failure, grant_reading));
      }
      if (!protocol::is_retriable(stretch_.error_code)) throw LogError(fmt::format("{}: {}", where(), failure));
    } catch (const net::BrokerError& error) {
      failure = error.what();
    }
    if (net::now() >= deadline) throw LogError(fmt::format("{}: {}", where(), failure));
    co_await net::sleep_for(pause);
    try {
      std::vector<std::string> topic{partition_.topic};
      co_await cluster_.refresh_topics(std::move(topic));
    } catch (const ClusterError&) {
      // The next attempt says more.
    }
  }
  empty_answers_ = 0;
  bytes_read_ += stretch_.records.size();
  current_ = 0;
  if (!stretch_.batches.empty()) co_return;
  if (!stretch_.records.empty())
    throw LogError(fmt::format("{}: records that are cut off, or of an unknown format", where()), true);
  position_ = end_;  // nothing but what a reader does not see
}

Awaitable<bool> LogCursor::settle() {
  if (record_) co_return true;
  while (position_ < end_) {
    if (is_read()) {
      co_await read_stretch();
      continue;
    }
    const bool is_anothers = writer_ && !current().is_by(*writer_);
    if (is_anothers || current().next_offset <= position_ || current().kind == BatchKind::nothing) {
      skip_batch();
      continue;
    }
    if (current().kind != BatchKind::old_format && current().header().base_offset() >= end_) {
      position_ = end_;
      break;
    }
    if (batch() && !loop_guard_.is_about_records()) co_return true;
    // In the middle of a batch, or to be chosen from it: is there a record within the range?
    if (!reader_) open_batch();
    protocol::Record record;
    while (reader_->next(record)) {
      if (record.offset < position_ || loop_guard_.meets(record)) continue;
      if (record.offset >= end_) break;
      position_ = record.offset;
      record_ = record;
      co_return true;
    }
    if (!reader_->ok()) throw LogError(fmt::format("{}: {}", where(), reader_->why()), true);
    skip_batch();
  }
  co_return false;
}

std::optional<std::span<const std::byte>> LogCursor::batch() const {
  if (reader_ || is_read() || current().kind == BatchKind::old_format) return std::nullopt;
  if (current().header().base_offset() < position_ || current().next_offset > end_) return std::nullopt;
  return current().bytes;
}

void LogCursor::check_batch() const {
  const std::string damage = protocol::damage_of(current().bytes);
  if (!damage.empty()) throw LogError(fmt::format("{}: {}", where(), damage), true);
}

void LogCursor::skip_batch() {
  position_ = std::max(position_, current().next_offset);
  ++current_;
  reader_.reset();
  record_.reset();
}

void LogCursor::open_batch() {
  reader_.emplace(current().bytes, most_batch_bytes);
  if (!reader_->ok()) throw LogError(fmt::format("{}: {}", where(), reader_->why()), true);
}

const protocol::Record& LogCursor::record() {
  if (!record_) {
    open_batch();
    protocol::Record record;
    // The batch has records, and all of them are within the range.
    if (!reader_->next(record)) throw LogError(fmt::format("{}: {}", where(), reader_->why()), true);
    position_ = record.offset;
    record_ = record;
  }
  return *record_;
}

bool LogCursor::has_append_time() const {
  return !is_read() && current().kind != BatchKind::old_format && current().header().is_log_append_time();
}

void LogCursor::next_record() {
  position_ = record().offset + 1;
  record_.reset();
}

void LogCursor::jump(Offset offset) {
  position_ = std::max(position_, offset);
  stretch_ = {};
  current_ = 0;
  reader_.reset();
  record_.reset();
}

Awaitable<std::optional<Offset>> first_record(Cluster& cluster, TopicPartition partition, Offset from, Offset end) {
  LogCursor cursor(cluster, std::move(partition), from, end, Isolation::read_uncommitted);
  const bool is_there = co_await cursor.settle();
  if (!is_there) co_return std::nullopt;
  co_return cursor.record().offset;
}

Awaitable<Offset> copied_up_to(Cluster& source, TopicPartition partition, Offset from, Offset end, Isolation isolation,
                               LoopGuard loop_guard) {
  LogCursor rest(source, std::move(partition), from, end, isolation, {}, loop_guard);
  const bool has_more = co_await rest.settle();
  co_return has_more ? rest.position() : std::max(from, end);
}

bool is_copy(LogCursor& source, LogCursor& target) {
  const bool has_own_times = !target.has_append_time();
  return protocol::has_same_payload(source.record(), target.record()) &&
         are_same_headers(source.record(), target.record()) &&
         (!has_own_times || source.record().timestamp_ms == target.record().timestamp_ms);
}

}  // namespace shunt::replicate
