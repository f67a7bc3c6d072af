// What the codec accepts, the reader of the hot path accepts too, and reads the same in it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "protocol/codec.h"
#include "protocol/messages/produce.h"
#include "protocol/produce_frame.h"
#include "protocol/produce_response.h"

using namespace shunt::protocol;  // NOLINT(google-build-using-namespace)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const bool is_by_id = (data[0] & 1) != 0;
  const std::int16_t version = is_by_id ? produce_by_id : produce_by_name;
  const auto body = std::as_bytes(std::span(data, size)).subspan(1);
  // By id there are the header's tags before the message: none.
  std::vector<std::byte> answer(body.begin(), body.end());
  if (is_by_id) answer.insert(answer.begin(), std::byte{0});
  const auto decoded = decode<ProduceResponse>(body, version);
  ProduceResponseReader reader(version, answer);
  if (!decoded) {
    while (reader.next()) {
    }
    return 0;
  }
  for (const auto& topic : decoded->responses) {
    for (const auto& partition : topic.partition_responses) {
      if (!reader.next() || reader.topic() != topic.name || reader.topic_id() != topic.topic_id ||
          reader.partition() != partition.index || reader.error_code() != partition.error_code ||
          reader.base_offset() != partition.base_offset.value() ||
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
