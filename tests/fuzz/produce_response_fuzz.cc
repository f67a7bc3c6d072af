// What the codec accepts, the reader of the hot path accepts too, and reads the same in it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "protocol/codec.h"
#include "protocol/messages/produce.h"
#include "protocol/produce_response.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto body = std::as_bytes(std::span(data, size));
  const auto decoded = shunt::protocol::decode<shunt::protocol::ProduceResponse>(body, 8);
  shunt::protocol::ProduceResponseReader reader(body);
  if (!decoded) {
    while (reader.next()) {
    }
    return 0;
  }
  for (const auto& topic : decoded->responses) {
    for (const auto& partition : topic.partition_responses) {
      if (!reader.next() || reader.topic() != topic.name || reader.partition() != partition.index ||
          reader.error_code() != partition.error_code || reader.base_offset() != partition.base_offset.value() ||
          reader.log_append_time_ms() != partition.log_append_time_ms ||
          reader.log_start_offset() != partition.log_start_offset.value() ||
          reader.error_message() != partition.error_message.value_or("")) {
        std::abort();
      }
    }
  }
  if (reader.next() || reader.malformed() || reader.throttle_ms() != decoded->throttle_time_ms) std::abort();
  return 0;
}
