// Record batches and bytes to measure with. The payload is noise of a fixed seed: nothing here looks at it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "protocol/crc32c.h"
#include "protocol/record_batch.h"
#include "protocol/wire.h"

namespace shunt::bench {

inline std::vector<std::byte> random_bytes(std::size_t size) {
  std::mt19937_64 random(1);
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

/// A whole batch of `size` bytes (at least 61) with ten records and a right CRC.
inline std::vector<std::byte> make_batch(std::size_t size, std::int64_t base_offset = 0) {
  using protocol::wire::store;
  std::vector<std::byte> batch = random_bytes(size);
  store(&batch[0], base_offset);
  store(&batch[8], static_cast<std::int32_t>(size - protocol::record_batch_overhead));
  store(&batch[16], std::int8_t{2});
  store(&batch[21], std::int16_t{3});  // lz4
  store(&batch[23], std::int32_t{9});
  store(&batch[57], std::int32_t{10});
  store(&batch[17], protocol::crc32c(std::span<const std::byte>(batch).subspan(21)));
  return batch;
}

}  // namespace shunt::bench
