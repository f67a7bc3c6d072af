// What compresses a record batch's payload, as Kafka's clients frame it. For the slow paths alone: the data path never
// opens a payload.
//
//   gzip     RFC 1952, one member or several
//   snappy   xerial's framing, as the Java client writes it, or one raw block, as librdkafka does
//   lz4      LZ4 frames
//   zstd     Zstandard frames
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace shunt::protocol {

/// The low three bits of a batch's attributes.
enum class Codec : std::uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };

/// Empty, with the reason in `why`, for bytes that are not what `codec` makes, and for more than `most` bytes of result.
std::optional<std::vector<std::byte>> decompress(Codec codec, std::span<const std::byte> bytes, std::size_t most,
                                                 std::string& why);

/// At the level each of Kafka's clients uses by default. Throws std::runtime_error when the library fails (no memory).
std::vector<std::byte> compress(Codec codec, std::span<const std::byte> bytes);

}  // namespace shunt::protocol
