// Bodies of Fetch responses for tests and fuzz targets, and what FetchStream makes of one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "protocol/codec.h"
#include "protocol/crc32c.h"
#include "protocol/fetch_stream.h"
#include "protocol/messages/fetch.h"
#include "protocol/record_batch.h"
#include "protocol/wire.h"

namespace shunt::tests {

/// A batch with random payload and a right CRC.
inline std::vector<std::byte> make_batch(std::int64_t base, std::int32_t records, std::size_t payload_bytes,
                                         std::mt19937_64& random, std::int16_t attributes = 0) {
  using protocol::wire::store;
  std::vector<std::byte> batch(protocol::record_batch_header_size + payload_bytes);
  store(&batch[0], base);
  store(&batch[8], static_cast<std::int32_t>(batch.size() - protocol::record_batch_overhead));
  batch[16] = std::byte{2};
  store(&batch[21], attributes);
  store(&batch[23], records - 1);
  for (std::size_t i = 27; i < 57; ++i) batch[i] = static_cast<std::byte>(random());
  store(&batch[57], records);
  for (std::size_t i = protocol::record_batch_header_size; i < batch.size(); ++i)
    batch[i] = static_cast<std::byte>(random());
  store(&batch[17], protocol::crc32c(std::span<const std::byte>(batch).subspan(21)));
  return batch;
}

/// All that FetchStream says about what follows the correlation id, when it arrives in the pieces `next_size(left)`
/// decides, as text, with the payload joined: the same for every way of cutting it up.
inline std::string events_of(std::int16_t version, std::span<const std::byte> body,
                             const std::function<std::size_t(std::size_t)>& next_size) {
  using protocol::FetchStream;
  FetchStream stream(version, body.size());
  std::string text;
  std::vector<std::byte> payload;
  std::size_t fed = 0;
  const auto feed = [&] {
    const std::size_t size = std::min(std::max<std::size_t>(1, next_size(body.size() - fed)), body.size() - fed);
    stream.feed(body.subspan(fed, size));
    fed += size;
  };
  feed();
  while (true) {
    switch (stream.next()) {
      case FetchStream::Event::need_more:
        if (fed == body.size()) return text + "hungry\n";
        feed();
        break;
      case FetchStream::Event::response:
        text += fmt::format("response {} {} {}\n", stream.throttle_ms(), stream.error_code(), stream.session_id());
        break;
      case FetchStream::Event::partition: {
        const auto& partition = stream.partition();
        text += fmt::format("partition {}-{} {} {} {} {} {} {}",
                            version == FetchStream::by_id ? partition.topic_id.to_string() : partition.topic,
                            partition.index.value(), partition.error_code, partition.high_watermark.value(),
                            partition.last_stable_offset.value(), partition.log_start_offset.value(),
                            partition.preferred_read_replica.value(), partition.records_size);
        for (const auto& aborted : partition.aborted) {
          text += fmt::format(" aborted {}@{}", aborted.producer_id.value(), aborted.first_offset.value());
        }
        text += "\n";
        break;
      }
      case FetchStream::Event::batch:
        payload.assign(stream.header().begin(), stream.header().end());
        break;
      case FetchStream::Event::payload:
        payload.insert(payload.end(), stream.slice().begin(), stream.slice().end());
        break;
      case FetchStream::Event::batch_end:
        text += fmt::format("batch {} {:08x}\n", payload.size(), protocol::crc32c(payload));
        break;
      case FetchStream::Event::old_format:
        text += fmt::format("old format {} at {}\n", stream.header_magic(), stream.header_offset().value());
        break;
      case FetchStream::Event::partition_end:
        text += "end\n";
        break;
      case FetchStream::Event::done:
        return text + fmt::format("done, {} cut off\n", stream.cut_off_bytes());
      case FetchStream::Event::malformed:
        return text + "malformed\n";
    }
  }
}

}  // namespace shunt::tests
