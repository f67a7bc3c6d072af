// The frame of a Produce request of version 8 (the last non-flexible one) without its record data: pieces that go
// between the record batches of the partitions, so that a batch is sent from where it was received.
//
//   size int32 | api key 0, version 8 int16 | correlation id int32 | client id string                 prologue
//   | transactional id null | acks int16 | timeout ms int32 | topics int32
//     name string | partitions int32                                                                 topic
//       index int32 | records size int32                                                             partition
//         <records>                                                                                  the caller's
//
// protocol/messages/produce.h writes the same bytes; a test compares them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "protocol/ids.h"

namespace shunt::protocol {

/// Adds up what a frame will hold before its first byte is written.
class ProduceFrameSize {
 public:
  explicit ProduceFrameSize(std::string_view client_id) : bytes_(prologue_bytes + client_id.size()) {}

  void add_topic(std::string_view name) { bytes_ += 2 + name.size() + 4; }
  void add_partition(std::size_t records_bytes) { bytes_ += 4 + 4 + records_bytes; }

  /// All bytes of the frame, its size prefix and the record data included.
  [[nodiscard]] std::size_t frame_bytes() const { return bytes_; }

 private:
  static constexpr std::size_t prologue_bytes = 4 + 2 + 2 + 4 + 2 + 2 + 2 + 4 + 4;
  std::size_t bytes_;
};

struct ProducePrologue {
  std::size_t frame_bytes = 0;  // ProduceFrameSize::frame_bytes()
  std::int32_t correlation_id = 0;
  std::string_view client_id;
  std::int32_t timeout_ms = 0;  // how long the broker may wait for its replicas; acks is always -1 (all in sync)
  std::int32_t topics = 0;
};

void append_produce_prologue(std::vector<std::byte>& out, const ProducePrologue& prologue);
void append_produce_topic(std::vector<std::byte>& out, std::string_view name, std::int32_t partitions);
void append_produce_partition(std::vector<std::byte>& out, PartitionIndex index, std::size_t records_bytes);

}  // namespace shunt::protocol
