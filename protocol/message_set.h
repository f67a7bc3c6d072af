// Message sets: what brokers stored before record batches of format 2 (protocol/record_batch.h), and still serve as it
// is from old segments. Format 0 is Kafka 0.8 and 0.9, format 1 (KIP-31, KIP-32) Kafka 0.10. For the slow paths alone.
//
//   offset int64 | size int32, of what follows | CRC-32 uint32, of what follows it
//   | magic int8 | attributes int8 | timestamp int64 (format 1)
//   | key size int32 (-1: null), key | value size int32 (-1: null), value
//
// Attributes: 0x07 the codec, 0x08 the timestamp is the append time (format 1). Compressed messages come in a wrapper:
// an entry whose value is a message set, compressed, and whose offset is that of the last message inside. Inside,
// format 0 has the offsets themselves, format 1 distances that count from the first message ever inside, so that the
// broker need not open the wrapper to assign offsets. The append time of a wrapper is that of all messages inside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocol/compression.h"
#include "protocol/ids.h"
#include "protocol/record.h"

namespace shunt::protocol {

inline constexpr std::int8_t newest_message_set_magic = 1;

/// A view of one entry, complete and not opened: its CRC has not been looked at.
class MessageSetEntry {
 public:
  /// The entry that `bytes` begin with; they must outlive it. Empty: cut off, or of no size an entry can have (`why`).
  static std::optional<MessageSetEntry> of(std::span<const std::byte> bytes, std::string& why);

  /// Of the message, or of the last one in the wrapper.
  [[nodiscard]] Offset offset() const;
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
  [[nodiscard]] std::int8_t magic() const;
  [[nodiscard]] Codec codec() const;
  [[nodiscard]] bool is_wrapper() const { return codec() != Codec::none; }

 private:
  friend class MessageSetReader;
  explicit MessageSetEntry(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::span<const std::byte> bytes_;
};

/// Reads the messages of whole entries in order, as records of format 2: without headers, with timestamp -1 where
/// format 0 has none. Every CRC is checked, those inside wrappers too. A poisoned reader: after the first thing that
/// cannot be, next() is false and why() says what it was.
class MessageSetReader {
 public:
  /// `entries` must outlive the records; of a wrapper `most` bytes are decompressed. Records from a wrapper are valid
  /// until the next wrapper is reached.
  MessageSetReader(std::span<const std::byte> entries, std::size_t most) : left_(entries), most_(most) {}
  MessageSetReader(MessageSetReader&&) = default;  // not to be copied: it points into what it has decompressed
  MessageSetReader& operator=(MessageSetReader&&) = default;

  bool next(Record& record);
  [[nodiscard]] bool ok() const { return why_.empty(); }
  [[nodiscard]] const std::string& why() const { return why_; }

 private:
  struct Wrapper {
    std::vector<std::byte> messages;      // decompressed
    std::span<const std::byte> left;      // of them
    Offset last;                          // no message lies beyond
    std::int64_t base_offset;             // what the offsets inside count from
    std::optional<std::int64_t> time_ms;  // of all messages: the append time
  };

  bool fail(std::string why);
  bool open(const MessageSetEntry& entry);
  bool read(const MessageSetEntry& entry, Offset offset, std::optional<std::int64_t> time_ms, Record& record);

  std::span<const std::byte> left_;
  std::size_t most_;
  std::optional<Wrapper> wrapper_;  // the last one that was opened
  std::optional<Offset> previous_;
  std::string why_;
};

}  // namespace shunt::protocol
