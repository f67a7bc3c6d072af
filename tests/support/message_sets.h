// Message sets of formats 0 and 1, built for tests and fuzz targets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <xxhash.h>
#include <zlib.h>

#include "protocol/compression.h"
#include "protocol/wire.h"

namespace shunt::tests {

struct OldMessage {
  std::int64_t offset = 0;
  std::int8_t magic = 1;
  std::uint8_t attributes = 0;  // codec, and 0x08: append time
  std::int64_t timestamp_ms = 1000;
  std::optional<std::string_view> key = std::nullopt;
  std::optional<std::string_view> value = std::nullopt;
};

inline void seal_message(std::span<std::byte> entry) {
  const auto* covered = reinterpret_cast<const Bytef*>(entry.data() + 16);
  protocol::wire::store(&entry[12],
                        static_cast<std::uint32_t>(crc32(0, covered, static_cast<uInt>(entry.size() - 16))));
}

/// One entry with a right CRC.
inline std::vector<std::byte> message_bytes(const OldMessage& message) {
  protocol::Writer writer;
  writer.integer(message.offset);
  writer.integer<std::int32_t>(0);
  writer.integer<std::uint32_t>(0);
  writer.integer(message.magic);
  writer.integer(static_cast<std::int8_t>(message.attributes));
  if (message.magic > 0) writer.integer(message.timestamp_ms);
  for (const auto& field : {message.key, message.value}) {
    writer.integer(field ? static_cast<std::int32_t>(field->size()) : -1);
    if (field) writer.bytes(std::as_bytes(std::span(*field)));
  }
  writer.patch_int32(8, static_cast<std::int32_t>(writer.size() - 12));
  std::vector<std::byte> bytes = writer.take();
  seal_message(bytes);
  return bytes;
}

inline std::vector<std::byte> joined(std::span<const OldMessage> messages) {
  std::vector<std::byte> all;
  for (const OldMessage& message : messages) {
    const std::vector<std::byte> bytes = message_bytes(message);
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  return all;
}

/// What the brokers of format 0 and their clients made of an LZ4 frame: the checksum of its descriptor covers the magic
/// number too (KAFKA-3160).
inline void break_lz4_descriptor_checksum(std::span<std::byte> frame) {
  constexpr std::size_t descriptor_end = 6;
  frame[descriptor_end] = static_cast<std::byte>(XXH32(frame.data(), descriptor_end, 0) >> 8);
}

/// `messages` compressed into `wrapper`, whose offset is left as it is given.
inline std::vector<std::byte> wrapped(OldMessage wrapper, protocol::Codec codec, std::span<const OldMessage> messages) {
  std::vector<std::byte> inside = protocol::compress(codec, joined(messages));
  if (codec == protocol::Codec::lz4 && wrapper.magic == 0) break_lz4_descriptor_checksum(inside);
  wrapper.attributes |= static_cast<std::uint8_t>(codec);
  wrapper.value = std::string_view(reinterpret_cast<const char*>(inside.data()), inside.size());
  return message_bytes(wrapper);
}

}  // namespace shunt::tests
