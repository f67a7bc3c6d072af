// The reader of the hot path accepts exactly what the codec accepts.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "protocol/codec.h"
#include "protocol/messages/produce.h"
#include "protocol/produce_response.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span body(reinterpret_cast<const std::byte*>(data), size);
  shunt::protocol::ProduceResponseReader reader(body);
  std::size_t partitions = 0;
  while (reader.next()) ++partitions;
  const auto decoded = shunt::protocol::decode<shunt::protocol::ProduceResponse>(body, 8);
  if (!decoded) return 0;
  std::size_t expected = 0;
  for (const auto& topic : decoded->responses) expected += topic.partition_responses.size();
  if (reader.malformed() || partitions != expected || reader.throttle_ms() != decoded->throttle_time_ms) std::abort();
  return 0;
}
