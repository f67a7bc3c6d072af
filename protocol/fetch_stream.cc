#include "protocol/fetch_stream.h"

#include <algorithm>
#include <cassert>

#include <fmt/format.h>

#include "protocol/wire.h"

namespace shunt::protocol {

namespace {

using wire::load;

//   top        throttle_ms int32 | error int16 | session id int32 | topics count
//   topic      name string, or id 16 bytes | partitions count
//   partition  index int32 | error int16 | high watermark, last stable offset, log start offset int64 | aborted count
//   aborted    producer id int64 | first offset int64
//   after      preferred read replica int32 | records size count
//
// A count is an int32 by name, and a varint of one more by id, where tagged fields come before all of it, and at the end
// of each of these, of a partition after its records.
constexpr std::size_t top_size = 10;
constexpr std::size_t partition_size = 30;
constexpr std::size_t aborted_size = 16;
constexpr std::size_t after_aborted_size = 4;

constexpr std::size_t longest_varint = 5;

// Enough of an entry, of whatever format, to know its magic.
constexpr std::size_t magic_end = 17;
constexpr std::int8_t current_magic = 2;

// The only thing kept in a number that the wire decides: 4 MiB of aborted transactions for one partition's answer.
constexpr std::int64_t most_aborted = 1 << 18;

}  // namespace

FetchStream::FetchStream(std::int16_t version, std::size_t body_size)
    : is_by_id_(version == by_id), body_left_(body_size) {
  assert(version == by_name || version == by_id);
  pass_tags(State::top);
}

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

const std::byte* FetchStream::gather_with_varint(std::size_t fixed, std::uint32_t& value) {
  for (std::size_t size = fixed + 1; size <= fixed + longest_varint; ++size) {
    const std::byte* at = peek(size);
    if (at == nullptr) return nullptr;
    if ((at[size - 1] & std::byte{0x80}) != std::byte{}) continue;
    at = gather(size);
    Reader reader({at + fixed, size - fixed});
    value = reader.unsigned_varint();
    if (reader.ok()) return at;
    break;
  }
  fail("a varint of more than 32 bits");
  return nullptr;
}

const std::byte* FetchStream::gather_with_count(std::size_t fixed, std::int64_t& count) {
  if (is_by_id_) {
    std::uint32_t one_more = 0;
    const std::byte* at = gather_with_varint(fixed, one_more);
    count = std::int64_t{one_more} - 1;
    return at;
  }
  const std::byte* at = gather(fixed + sizeof(std::int32_t));
  if (at == nullptr) return nullptr;
  count = load<std::int32_t>(at + fixed);
  if (count >= -1) return at;
  fail(fmt::format("a count of {}", count));
  return nullptr;
}

void FetchStream::pass_tags(State then) {
  state_ = is_by_id_ ? State::tags : then;
  behind_tags_ = then;
}

FetchStream::Event FetchStream::wait() {
  if (state_ == State::failed) return Event::malformed;
  if (body_left_ == 0) return fail(fmt::format("a field of which the response has only {} bytes", carry_.size()));
  return Event::need_more;
}

std::int8_t FetchStream::header_magic() const {
  return RecordBatchHeader(header_).magic();
}
Offset FetchStream::header_offset() const {
  return RecordBatchHeader(header_).base_offset();
}

std::string FetchStream::place() const {
  return fmt::format("{}-{}", is_by_id_ ? partition_.topic_id.to_string() : topic_, partition_.index.value());
}

FetchStream::Event FetchStream::next() {
  while (true) {
    switch (state_) {
      case State::top: {
        const std::byte* at = gather_with_count(top_size, topics_left_);
        if (at == nullptr) return wait();
        throttle_ms_ = load<std::int32_t>(at);
        error_code_ = load<std::int16_t>(at + 4);
        session_id_ = load<std::int32_t>(at + 6);
        carry_.clear();
        state_ = State::topic;
        return Event::response;
      }
      case State::topic: {
        if (topics_left_ <= 0) {
          pass_tags(State::end);
          break;
        }
        std::size_t size = partition_.topic_id.bytes.size();
        if (!is_by_id_) {
          // The name's length decides how much belongs together.
          const std::byte* at = peek(sizeof(std::int16_t));
          if (at == nullptr) return wait();
          const auto name_size = load<std::int16_t>(at);
          if (name_size < 0) return fail("a topic without a name");
          size = sizeof(std::int16_t) + static_cast<std::size_t>(name_size);
        }
        const std::byte* at = gather_with_count(size, partitions_left_);
        if (at == nullptr) return wait();
        if (is_by_id_) {
          std::copy_n(at, size, partition_.topic_id.bytes.begin());
        } else {
          const auto* text = reinterpret_cast<const char*>(at);
          topic_.assign(text + sizeof(std::int16_t), text + size);
        }
        carry_.clear();
        --topics_left_;
        state_ = State::partition;
        break;
      }
      case State::partition: {
        if (partitions_left_ <= 0) {
          pass_tags(State::topic);
          break;
        }
        const std::byte* at = gather_with_count(partition_size, aborted_left_);
        if (at == nullptr) return wait();
        partition_.topic = topic_;
        partition_.index = PartitionIndex(load<std::int32_t>(at));
        partition_.error_code = load<std::int16_t>(at + 4);
        partition_.high_watermark = Offset(load<std::int64_t>(at + 6));
        partition_.last_stable_offset = Offset(load<std::int64_t>(at + 14));
        partition_.log_start_offset = Offset(load<std::int64_t>(at + 22));
        partition_.aborted.clear();
        carry_.clear();
        if (aborted_left_ > most_aborted)
          return fail(fmt::format("{} aborted transactions in {}", aborted_left_, place()));
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
        if (at == nullptr) return wait();
        partition_.aborted.push_back(
            {.producer_id = ProducerId(load<std::int64_t>(at)), .first_offset = Offset(load<std::int64_t>(at + 8))});
        carry_.clear();
        --aborted_left_;
        pass_tags(State::aborted);
        break;
      }
      case State::after_aborted: {
        std::int64_t records_size = 0;
        const std::byte* at = gather_with_count(after_aborted_size, records_size);
        if (at == nullptr) return wait();
        partition_.preferred_read_replica = BrokerId(load<std::int32_t>(at));
        carry_.clear();
        const std::size_t left = left_.size() + body_left_;
        if (records_size > INT32_MAX || (records_size > 0 && static_cast<std::size_t>(records_size) > left))
          return fail(fmt::format("{} bytes of records in {}", records_size, place()));
        partition_.records_size = static_cast<std::int32_t>(std::max(records_size, std::int64_t{0}));
        records_left_ = static_cast<std::size_t>(partition_.records_size);
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
        if (at == nullptr) return wait();
        const auto length = load<std::int32_t>(at + 8);
        if (load<std::int8_t>(at + 16) != current_magic) {
          std::copy_n(at, magic_end, header_.begin());
          state_ = State::skip;
          if (length < 0) return fail(fmt::format("an entry of {} bytes in {}", length, place()));
          return Event::old_format;
        }
        const std::int64_t size = std::int64_t{length} + std::int64_t{record_batch_overhead};
        if (size < std::int64_t{record_batch_header_size}) {
          return fail(fmt::format("a record batch of {} bytes in {}", size, place()));
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
        if (at == nullptr) return wait();
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
        pass_tags(State::partition);
        return Event::partition_end;
      }
      case State::end: {
        if (!left_.empty() || body_left_ > 0) return fail("bytes left after the last topic");
        state_ = State::finished;
        return Event::done;
      }
      case State::tags: {
        if (gather_with_varint(0, tags_left_) == nullptr) return wait();
        carry_.clear();
        state_ = tags_left_ > 0 ? State::tag_number : behind_tags_;
        break;
      }
      case State::tag_number: {
        std::uint32_t number = 0;
        if (gather_with_varint(0, number) == nullptr) return wait();
        carry_.clear();
        state_ = State::tag_size;
        break;
      }
      case State::tag_size: {
        if (gather_with_varint(0, tag_bytes_left_) == nullptr) return wait();
        carry_.clear();
        state_ = State::tag_data;
        break;
      }
      case State::tag_data: {
        tag_bytes_left_ -= static_cast<std::uint32_t>(take(tag_bytes_left_).size());
        if (tag_bytes_left_ > 0) return wait();
        --tags_left_;
        state_ = tags_left_ > 0 ? State::tag_number : behind_tags_;
        break;
      }
      case State::finished:
        return Event::done;
      case State::failed:
        return Event::malformed;
    }
  }
}

}  // namespace shunt::protocol
