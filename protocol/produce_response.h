// The answer to a Produce request, of the versions of produce_frame.h, read partition by partition without taking memory:
// answers come thousands a second. protocol/messages/produce.h decodes the same bytes whole; a test compares both.
//
//   ProduceResponseReader reader(produce_by_id, body);
//   while (reader.next()) use(reader.topic_id(), reader.partition(), reader.error_code(), ...);
//   if (reader.malformed()) ...
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "protocol/ids.h"
#include "protocol/uuid.h"
#include "protocol/wire.h"

namespace shunt::protocol {

class ProduceResponseReader {
 public:
  /// `version`: produce_by_name or produce_by_id. `body`: what follows the correlation id. It must outlive the reader and
  /// the views it gives.
  ProduceResponseReader(std::int16_t version, std::span<const std::byte> body);

  /// The next partition; false at the end, or when the answer is malformed.
  bool next();

  // Valid after next() returned true.
  [[nodiscard]] std::string_view topic() const { return topic_; }   // empty by id
  [[nodiscard]] const Uuid& topic_id() const { return topic_id_; }  // zero by name
  [[nodiscard]] PartitionIndex partition() const { return partition_; }
  [[nodiscard]] std::int16_t error_code() const { return error_code_; }
  [[nodiscard]] std::int64_t base_offset() const { return base_offset_; }  // -1 with an error
  [[nodiscard]] std::int64_t log_append_time_ms() const {
    return log_append_time_ms_;
  }  // -1: none (CreateTime, newly appended)
  [[nodiscard]] std::int64_t log_start_offset() const { return log_start_offset_; }
  [[nodiscard]] std::string_view error_message() const { return error_message_; }  // empty: none (KIP-467)
  /// The first of the records that made the broker refuse the batch: its number in the batch, -1 if none is named, and
  /// what is wrong with it.
  [[nodiscard]] std::int32_t record_index() const { return record_index_; }
  [[nodiscard]] std::string_view record_message() const { return record_message_; }

  // Valid after next() returned false.
  [[nodiscard]] bool malformed() const { return !reader_.ok(); }
  [[nodiscard]] std::string why() const { return reader_.why(); }
  [[nodiscard]] std::int32_t throttle_ms() const { return throttle_ms_; }

 private:
  std::string_view text(bool nullable);
  std::uint32_t count(std::size_t smallest_item);
  void pass_tags();
  bool finish();

  Reader reader_;
  const bool is_by_id_;
  bool is_in_topic_ = false;
  std::uint32_t topics_left_ = 0;
  std::uint32_t partitions_left_ = 0;
  std::string_view topic_;
  Uuid topic_id_;
  PartitionIndex partition_;
  std::int16_t error_code_ = 0;
  std::int64_t base_offset_ = -1;
  std::int64_t log_append_time_ms_ = -1;
  std::int64_t log_start_offset_ = -1;
  std::string_view error_message_;
  std::int32_t record_index_ = -1;
  std::string_view record_message_;
  std::int32_t throttle_ms_ = 0;
  bool finished_ = false;
};

}  // namespace shunt::protocol
