// The frame of a Produce request without its record data: pieces that go between the record batches of the partitions, so
// that a batch is sent from where it was received. In two versions: one names topics, the other says their ids (KIP-516)
// and is flexible (KIP-482).
//
//   size int32 | api key 0, version int16 | correlation id int32 | client id string [| tags]       prologue
//   | transactional id null | acks int16 | timeout ms int32 | topics count
//     name string, or id 16 bytes | partitions count                                               topic
//       index int32 | records size count                                                           partition
//         <records>                                                                                the caller's
//       [tags]                                                                                     end of the partition,
//     [tags]                                                                                       of its topic,
//   [tags]                                                                                         of the request
//
// A count is an int32 by name, and a varint of one more by id, where there are tags: none, a byte each time.
// protocol/messages/produce.h writes the same bytes; a test compares them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "protocol/ids.h"
#include "protocol/uuid.h"

namespace shunt::protocol {

/// The versions of Produce.
inline constexpr std::int16_t produce_by_name = 8;
inline constexpr std::int16_t produce_by_id = 13;

struct ProducePrologue {
  std::int16_t version = produce_by_name;
  std::int32_t correlation_id = 0;
  std::string_view client_id;
  std::int32_t timeout_ms = 0;  // how long the broker may wait for its replicas; acks is always -1 (all in sync)
  std::uint32_t topics = 0;
};

/// Appended pieces belong in `out` behind each other; the first four bytes of the prologue are left to be overwritten
/// with the size of all that follows them (int32).
void append_produce_prologue(std::vector<std::byte>& out, const ProducePrologue& prologue);
/// `name` by name, `id` by id.
void append_produce_topic(std::vector<std::byte>& out, std::int16_t version, std::string_view name, const Uuid& id,
                          std::uint32_t partitions);
void append_produce_partition(std::vector<std::byte>& out, std::int16_t version, PartitionIndex index,
                              std::size_t records_bytes);

/// What ends behind the records of a partition.
enum class ProduceEnd : std::uint8_t { partition = 1, topic = 2, request = 3 };
/// Bytes that append_produce_end() appends.
constexpr std::size_t produce_end_bytes(std::int16_t version, ProduceEnd end) {
  return version == produce_by_id ? static_cast<std::size_t>(end) : 0;
}
void append_produce_end(std::vector<std::byte>& out, std::int16_t version, ProduceEnd end);

}  // namespace shunt::protocol
