#include "protocol/fetch_stream.h"

#include <algorithm>

#include <fmt/format.h>

#include "protocol/wire.h"

namespace shunt::protocol {

namespace {

using wire::load;

//   top        throttle_ms int32 | error int16 | session id int32 | topics int32
//   topic      name string | partitions int32
//   partition  index int32 | error int16 | high watermark, last stable offset, log start offset int64 | aborted int32
//   aborted    producer id int64 | first offset int64
//   after      preferred read replica int32 | records size int32
constexpr std::size_t top_size = 14;
constexpr std::size_t partition_size = 34;
constexpr std::size_t aborted_size = 16;
constexpr std::size_t after_aborted_size = 8;

// Enough of an entry, of whatever format, to know its magic.
constexpr std::size_t magic_end = 17;
constexpr std::int8_t current_magic = 2;

// Kafka's null array, and null records.
constexpr std::int32_t no_array = -1;
constexpr std::int32_t no_records = -1;

// The only thing kept in a number that the wire decides: 4 MiB of aborted transactions for one partition's answer.
constexpr std::int32_t most_aborted = 1 << 18;

}  // namespace

FetchStream::FetchStream(std::size_t body_size) : body_left_(body_size) {}

FetchStream::Event FetchStream::fail(std::string why) {
  what_ = std::move(why);
  state_ = State::failed;
  return Event::malformed;
}

void FetchStream::feed(std::span<const std::byte> bytes) {
  if (bytes.size() > body_left_) {
    if (state_ != State::failed)
      fail(fmt::format("{} bytes beyond the end of the response", bytes.size() - body_left_));
    return;
  }
  body_left_ -= bytes.size();
  left_ = bytes;
}

std::span<const std::byte> FetchStream::take(std::size_t size) {
  const std::span<const std::byte> taken = left_.first(std::min(size, left_.size()));
  left_ = left_.subspan(taken.size());
  return taken;
}

const std::byte* FetchStream::gather(std::size_t size) {
  if (carry_.empty() && left_.size() >= size) return take(size).data();
  const std::span<const std::byte> more = take(size - carry_.size());
  carry_.insert(carry_.end(), more.begin(), more.end());
  return carry_.size() == size ? carry_.data() : nullptr;
}

const std::byte* FetchStream::peek(std::size_t size) {
  if (carry_.empty() && left_.size() >= size) return left_.data();
  if (carry_.size() < size) {
    const std::span<const std::byte> more = take(size - carry_.size());
    carry_.insert(carry_.end(), more.begin(), more.end());
  }
  return carry_.size() >= size ? carry_.data() : nullptr;
}

FetchStream::Event FetchStream::wait_for(std::size_t size) {
  if (body_left_ == 0) return fail(fmt::format("{} bytes wanted, {} left", size, carry_.size()));
  return Event::need_more;
}

std::int8_t FetchStream::header_magic() const {
  return RecordBatchHeader(header_).magic();
}
Offset FetchStream::header_offset() const {
  return RecordBatchHeader(header_).base_offset();
}

FetchStream::Event FetchStream::next() {
  while (true) {
    switch (state_) {
      case State::top: {
        const std::byte* at = gather(top_size);
        if (at == nullptr) return wait_for(top_size);
        throttle_ms_ = load<std::int32_t>(at);
        error_code_ = load<std::int16_t>(at + 4);
        session_id_ = load<std::int32_t>(at + 6);
        topics_left_ = load<std::int32_t>(at + 10);
        carry_.clear();
        if (topics_left_ < no_array) return fail(fmt::format("{} topics", topics_left_));
        state_ = State::topic;
        return Event::response;
      }
      case State::topic: {
        if (topics_left_ <= 0) {
          if (!left_.empty() || body_left_ > 0) return fail("bytes left after the last topic");
          state_ = State::finished;
          return Event::done;
        }
        // The name's length decides how much belongs together.
        std::size_t size = 2;
        const std::byte* at = peek(size);
        if (at == nullptr) return wait_for(size);
        const std::int16_t name_size = load<std::int16_t>(at);
        if (name_size < 0) return fail("a topic without a name");
        size += static_cast<std::size_t>(name_size) + 4;
        at = gather(size);
        if (at == nullptr) return wait_for(size);
        topic_.assign(reinterpret_cast<const char*>(at + 2), static_cast<std::size_t>(name_size));
        partitions_left_ = load<std::int32_t>(at + size - 4);
        carry_.clear();
        if (partitions_left_ < no_array) return fail(fmt::format("{} partitions of {}", partitions_left_, topic_));
        --topics_left_;
        state_ = State::partition;
        break;
      }
      case State::partition: {
        if (partitions_left_ <= 0) {
          state_ = State::topic;
          break;
        }
        const std::byte* at = gather(partition_size);
        if (at == nullptr) return wait_for(partition_size);
        partition_.topic = topic_;
        partition_.index = PartitionIndex(load<std::int32_t>(at));
        partition_.error_code = load<std::int16_t>(at + 4);
        partition_.high_watermark = Offset(load<std::int64_t>(at + 6));
        partition_.last_stable_offset = Offset(load<std::int64_t>(at + 14));
        partition_.log_start_offset = Offset(load<std::int64_t>(at + 22));
        partition_.aborted.clear();
        aborted_left_ = load<std::int32_t>(at + 30);
        carry_.clear();
        if (aborted_left_ < no_array || aborted_left_ > most_aborted)
          return fail(fmt::format("{} aborted transactions in {}", aborted_left_, topic_));
        --partitions_left_;
        state_ = State::aborted;
        break;
      }
      case State::aborted: {
        if (aborted_left_ <= 0) {
          state_ = State::after_aborted;
          break;
        }
        const std::byte* at = gather(aborted_size);
        if (at == nullptr) return wait_for(aborted_size);
        partition_.aborted.push_back(
            {.producer_id = ProducerId(load<std::int64_t>(at)), .first_offset = Offset(load<std::int64_t>(at + 8))});
        carry_.clear();
        --aborted_left_;
        break;
      }
      case State::after_aborted: {
        const std::byte* at = gather(after_aborted_size);
        if (at == nullptr) return wait_for(after_aborted_size);
        partition_.preferred_read_replica = BrokerId(load<std::int32_t>(at));
        const auto records_size = load<std::int32_t>(at + 4);
        carry_.clear();
        if (records_size < no_records) return fail(fmt::format("{} bytes of records in {}", records_size, topic_));
        partition_.records_size = std::max(records_size, 0);
        records_left_ = static_cast<std::size_t>(partition_.records_size);
        if (records_left_ > left_.size() + body_left_)
          return fail(fmt::format("{} bytes of records in {}", records_left_, topic_));
        state_ = State::magic;
        return Event::partition;
      }
      case State::magic: {
        if (records_left_ < magic_end) {
          cut_off_bytes_ += records_left_;
          state_ = State::skip;
          break;
        }
        const std::byte* at = peek(magic_end);
        if (at == nullptr) return wait_for(magic_end);
        const auto length = load<std::int32_t>(at + 8);
        if (load<std::int8_t>(at + 16) != current_magic) {
          std::copy_n(at, magic_end, header_.begin());
          state_ = State::skip;
          if (length < 0)
            return fail(fmt::format("an entry of {} bytes in {}-{}", length, topic_, partition_.index.value()));
          return Event::old_format;
        }
        const std::int64_t size = std::int64_t{length} + std::int64_t{record_batch_overhead};
        if (size < std::int64_t{record_batch_header_size}) {
          return fail(fmt::format("a record batch of {} bytes in {}-{}", size, topic_, partition_.index.value()));
        }
        if (static_cast<std::size_t>(size) > records_left_) {
          cut_off_bytes_ += records_left_;
          state_ = State::skip;
          break;
        }
        state_ = State::header;
        break;
      }
      case State::header: {
        const std::byte* at = gather(record_batch_header_size);
        if (at == nullptr) return wait_for(record_batch_header_size);
        std::copy_n(at, record_batch_header_size, header_.begin());
        carry_.clear();
        const auto size = static_cast<std::size_t>(RecordBatchHeader(header_).size());
        records_left_ -= size;
        payload_left_ = size - record_batch_header_size;
        state_ = payload_left_ > 0 ? State::payload : State::batch_end;
        return Event::batch;
      }
      case State::payload: {
        slice_ = take(payload_left_);
        if (slice_.empty()) return Event::need_more;
        payload_left_ -= slice_.size();
        if (payload_left_ == 0) state_ = State::batch_end;
        return Event::payload;
      }
      case State::batch_end: {
        state_ = State::magic;
        return Event::batch_end;
      }
      case State::skip: {
        // A peek may have moved the beginning of what is skipped into the carry.
        records_left_ -= carry_.size();
        carry_.clear();
        records_left_ -= take(records_left_).size();
        if (records_left_ > 0) return Event::need_more;
        state_ = State::partition_end;
        break;
      }
      case State::partition_end: {
        state_ = State::partition;
        return Event::partition_end;
      }
      case State::finished:
        return Event::done;
      case State::failed:
        return Event::malformed;
    }
  }
}

}  // namespace shunt::protocol
