// A pull parser for the body of a Fetch response that never needs more than the bytes at hand. The caller feeds pieces of
// the response as they arrive and pulls events; record data is handed out as slices of those pieces, never copied,
// except for the 61 bytes of each batch header, which the caller will rewrite anyway.
//
//   FetchStream stream(FetchStream::by_id, body_size);   // bytes after the correlation id
//   stream.feed(piece);
//   while (true) switch (stream.next()) { ... }
//
// It reads two versions: one names topics, the other says their ids (KIP-516) and is flexible (KIP-482). Tagged fields
// are passed over.
//
// The full decoder of protocol/messages/fetch.h reads the same bytes; a test compares both over every split of the
// input.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/ids.h"
#include "protocol/record_batch.h"
#include "protocol/uuid.h"

namespace shunt::protocol {

class FetchStream {
 public:
  /// The versions of Fetch.
  static constexpr std::int16_t by_name = 11;
  static constexpr std::int16_t by_id = 13;

  enum class Event {
    need_more,  // everything fed was consumed: feed() again
    response,   // top-level fields are readable: throttle_ms(), error_code(), session_id()
    partition,  // partition() is readable; record events follow, then `partition_end`
    batch,      // header() holds a batch's first 61 bytes; its payload follows as slices (none for a batch of 61 bytes)
    payload,  // slice() is the next piece of the current batch's payload; payload_left() says how much is to come after
    batch_end,   // the batch is complete
    old_format,  // a message set entry of magic 0 or 1 (or an unknown magic) begins here: header_magic(),
                 // header_offset(); the rest of the partition is skipped
    partition_end,
    done,       // the response ended exactly where it should
    malformed,  // what() says why; the stream stays in this state
  };

  struct AbortedTransaction {
    ProducerId producer_id;
    Offset first_offset;
  };

  struct Partition {
    std::string_view topic;  // valid until `partition_end`; empty by_id
    Uuid topic_id;           // zero by_name
    PartitionIndex index;
    std::int16_t error_code = 0;
    Offset high_watermark;
    Offset last_stable_offset;
    Offset log_start_offset;
    std::vector<AbortedTransaction> aborted;
    BrokerId preferred_read_replica{-1};
    std::int32_t records_size = 0;  // bytes of record data that follow
  };

  /// `version`: by_name or by_id. `body_size`: bytes of the response after the correlation id. Nothing beyond is read;
  /// counts and lengths inside are bounded by it.
  FetchStream(std::int16_t version, std::size_t body_size);

  /// `bytes` must stay valid until `need_more` or `done`; only call then (or first).
  void feed(std::span<const std::byte> bytes);
  Event next();

  [[nodiscard]] std::int32_t throttle_ms() const { return throttle_ms_; }
  [[nodiscard]] std::int16_t error_code() const { return error_code_; }
  [[nodiscard]] std::int32_t session_id() const { return session_id_; }
  [[nodiscard]] const Partition& partition() const { return partition_; }

  /// The current batch's header; writable so that it can be stamped; valid until the next `batch` event.
  [[nodiscard]] std::span<std::byte, record_batch_header_size> header() { return header_; }
  [[nodiscard]] std::span<const std::byte> slice() const { return slice_; }
  [[nodiscard]] std::size_t payload_left() const { return payload_left_; }
  [[nodiscard]] std::int8_t header_magic() const;
  [[nodiscard]] Offset header_offset() const;
  /// Bytes of batches that did not lie wholly within their partition's record data: the cut-off end of an answer. They
  /// yield no event.
  [[nodiscard]] std::uint64_t cut_off_bytes() const { return cut_off_bytes_; }
  /// Bytes of the body not yet fed.
  [[nodiscard]] std::size_t body_left() const { return body_left_; }
  [[nodiscard]] const std::string& what() const { return what_; }

 private:
  enum class State {
    top,
    topic,
    partition,
    aborted,
    after_aborted,
    magic,
    header,
    payload,
    batch_end,
    skip,
    partition_end,
    end,
    tags,
    tag_number,
    tag_size,
    tag_data,
    finished,
    failed
  };

  Event fail(std::string why);
  /// Gathers the next `size` bytes into one piece: those at hand when they suffice, else a copy. Empty: not all there
  /// yet.
  const std::byte* gather(std::size_t size);
  /// The same without consuming them.
  const std::byte* peek(std::size_t size);
  /// The next `fixed` bytes and the varint behind them. Empty: not all there yet, or not a varint.
  const std::byte* gather_with_varint(std::size_t fixed, std::uint32_t& value);
  /// The same with the number of items or bytes of what follows; -1: a null.
  const std::byte* gather_with_count(std::size_t fixed, std::int64_t& count);
  /// Of the partition.
  [[nodiscard]] std::string place() const;
  /// Tagged fields come next, where the version has them, and then `then`.
  void pass_tags(State then);
  /// A field is not all there, or cannot be: need_more, or malformed.
  Event wait();
  /// Hands out up to `size` bytes of what is at hand.
  std::span<const std::byte> take(std::size_t size);

  const bool is_by_id_;
  State state_ = State::top;
  State behind_tags_ = State::top;
  std::uint32_t tags_left_ = 0;
  std::uint32_t tag_bytes_left_ = 0;
  std::span<const std::byte> left_;  // fed and not yet consumed
  std::vector<std::byte> carry_;     // the beginning of a field whose end is in the next piece
  std::size_t body_left_;
  std::int32_t throttle_ms_ = 0;
  std::int16_t error_code_ = 0;
  std::int32_t session_id_ = 0;
  std::int64_t topics_left_ = 0;
  std::int64_t partitions_left_ = 0;
  std::int64_t aborted_left_ = 0;
  std::string topic_;
  Partition partition_;
  std::size_t records_left_ = 0;  // of the partition
  std::array<std::byte, record_batch_header_size> header_{};
  std::span<const std::byte> slice_;
  std::size_t payload_left_ = 0;
  std::uint64_t cut_off_bytes_ = 0;
  std::string what_;
};

}  // namespace shunt::protocol
