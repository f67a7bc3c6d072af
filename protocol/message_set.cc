#include "protocol/message_set.h"

#include <utility>

#include <fmt/format.h>
#include <xxhash.h>
#include <zlib.h>

#include "protocol/wire.h"

namespace shunt::protocol {

namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t at_size = 8;
constexpr std::size_t at_crc = 12;
constexpr std::size_t at_magic = 16;
constexpr std::size_t at_attributes = 17;

// Offset and size; then the CRC, magic, attributes, and two sizes of what is null.
constexpr std::size_t entry_overhead = 12;
constexpr std::size_t smallest_message = 14;

constexpr std::uint8_t codec_mask = 0x07;
constexpr std::uint8_t append_time = 0x08;

constexpr Offset largest_offset{std::int64_t{1} << 62};  // no log gets there

std::uint8_t attributes_of(Bytes entry) {
  return static_cast<std::uint8_t>(entry[at_attributes]);
}

bool is_crc_right(Bytes entry) {
  const Bytes covered = entry.subspan(at_magic);
  const auto crc = crc32(0, reinterpret_cast<const Bytef*>(covered.data()), static_cast<uInt>(covered.size()));
  return static_cast<std::uint32_t>(crc) == wire::load<std::uint32_t>(&entry[at_crc]);
}

/// What follows the attributes.
struct Message {
  std::int64_t timestamp_ms = -1;
  std::optional<Bytes> key;
  std::optional<Bytes> value;
};

std::optional<Bytes> nullable_bytes(Reader& reader) {
  const auto size = reader.integer<std::int32_t>();
  if (size == -1) return std::nullopt;
  if (size < 0) reader.fail("a negative size");
  return reader.bytes(static_cast<std::size_t>(size));
}

std::optional<Message> parse(const MessageSetEntry& entry) {
  Reader reader(entry.bytes().subspan(at_attributes + 1));
  Message message;
  if (entry.magic() == newest_message_set_magic) message.timestamp_ms = reader.integer<std::int64_t>();
  message.key = nullable_bytes(reader);
  message.value = nullable_bytes(reader);
  if (!reader.ok() || reader.left() > 0) return std::nullopt;
  return message;
}

/// Kafka's first writers of LZ4 frames took the magic number into the checksum of the frame's descriptor, and every
/// writer of format 0 had to go on with that (KAFKA-3160). No LZ4 library takes such a frame: this is what it should be.
std::vector<std::byte> with_right_descriptor_checksum(Bytes frame) {
  constexpr std::size_t magic_size = 4;
  constexpr std::size_t flags_and_block_size = 2;
  constexpr std::uint8_t has_content_size = 0x08;
  constexpr std::uint8_t has_dictionary = 0x01;
  std::vector<std::byte> mended(frame.begin(), frame.end());
  if (mended.size() < magic_size + flags_and_block_size) return mended;
  const auto flags = static_cast<std::uint8_t>(mended[magic_size]);
  std::size_t descriptor = flags_and_block_size;
  if ((flags & has_content_size) != 0) descriptor += sizeof(std::uint64_t);
  if ((flags & has_dictionary) != 0) descriptor += sizeof(std::uint32_t);
  if (mended.size() <= magic_size + descriptor) return mended;
  mended[magic_size + descriptor] = static_cast<std::byte>(XXH32(mended.data() + magic_size, descriptor, 0) >> 8);
  return mended;
}

}  // namespace

std::optional<MessageSetEntry> MessageSetEntry::of(Bytes bytes, std::string& why) {
  if (bytes.size() < entry_overhead) {
    why = "a message is cut off";
    return std::nullopt;
  }
  const auto size = wire::load<std::int32_t>(&bytes[at_size]);
  if (size < static_cast<std::int32_t>(smallest_message)) {
    why = fmt::format("a message of {} bytes", size);
    return std::nullopt;
  }
  if (static_cast<std::size_t>(size) > bytes.size() - entry_overhead) {
    why = "a message is cut off";
    return std::nullopt;
  }
  return MessageSetEntry(bytes.first(entry_overhead + static_cast<std::size_t>(size)));
}

Offset MessageSetEntry::offset() const {
  return Offset(wire::load<std::int64_t>(bytes_.data()));
}
std::int8_t MessageSetEntry::magic() const {
  return wire::load<std::int8_t>(&bytes_[at_magic]);
}
Codec MessageSetEntry::codec() const {
  return static_cast<Codec>(attributes_of(bytes_) & codec_mask);
}

bool MessageSetReader::fail(std::string why) {
  why_ = std::move(why);
  left_ = {};
  return false;
}

bool MessageSetReader::next(Record& record) {
  while (ok()) {
    const bool is_inside = wrapper_ && !wrapper_->left.empty();
    Bytes& left = is_inside ? wrapper_->left : left_;
    if (left.empty()) return false;
    std::string why;
    const auto entry = MessageSetEntry::of(left, why);
    if (!entry) return fail(std::move(why));
    left = left.subspan(entry->bytes().size());
    if (entry->magic() < 0 || entry->magic() > newest_message_set_magic) {
      return fail(fmt::format("a message of format {} among older ones", entry->magic()));
    }
    if (!is_crc_right(entry->bytes())) {
      return fail(fmt::format("the message at offset {} is damaged: its CRC does not fit", entry->offset().value()));
    }
    if (!is_inside) {
      if (!entry->is_wrapper()) return read(*entry, entry->offset(), std::nullopt, record);
      if (!open(*entry)) return false;
      continue;
    }
    if (entry->is_wrapper()) return fail("a compressed message inside a compressed one");
    // A distance that no log can have must not overflow; where it leads is checked below.
    if (entry->offset() < Offset(0) || entry->offset() > largest_offset)
      return fail(fmt::format("offset {} in a compressed message", entry->offset().value()));
    const Offset offset = entry->offset() + wrapper_->base_offset;
    if (offset > wrapper_->last) {
      return fail(
          fmt::format("offset {} in a compressed message that ends at {}", offset.value(), wrapper_->last.value()));
    }
    return read(*entry, offset, wrapper_->time_ms, record);
  }
  return false;
}

bool MessageSetReader::open(const MessageSetEntry& entry) {
  const Offset last = entry.offset();
  const auto failed = [&](std::string_view why) {
    return fail(fmt::format("the compressed message at offset {}: {}", last.value(), why));
  };
  if (last < Offset(0) || last > largest_offset) return failed("no log gets there");
  if (entry.codec() > Codec::lz4) return failed("a codec that its format does not know");
  const std::optional<Message> wrapper = parse(entry);
  if (!wrapper || !wrapper->value) return failed("it is malformed");
  std::vector<std::byte> mended;
  Bytes compressed = *wrapper->value;
  if (entry.magic() == 0 && entry.codec() == Codec::lz4) {
    mended = with_right_descriptor_checksum(compressed);
    compressed = mended;
  }
  std::string why;
  auto messages = decompress(entry.codec(), compressed, most_, why);
  if (!messages) return failed(why);
  const Bytes inside_it = *messages;  // where they are stays the same when the vector is moved
  wrapper_ = Wrapper{
      .messages = std::move(*messages), .left = inside_it, .last = last, .base_offset = 0, .time_ms = std::nullopt};
  if (entry.magic() == 0) return true;
  if ((attributes_of(entry.bytes()) & append_time) != 0) wrapper_->time_ms = wrapper->timestamp_ms;
  // The last message inside is the one whose offset the wrapper has.
  std::optional<Offset> last_inside;
  for (Bytes left = wrapper_->left; !left.empty();) {
    const auto inside = MessageSetEntry::of(left, why);
    if (!inside) return failed(why);
    last_inside = inside->offset();
    left = left.subspan(inside->bytes().size());
  }
  if (!last_inside) return failed("nothing is inside");
  if (*last_inside < Offset(0) || *last_inside > last)
    return failed(fmt::format("the last message inside says {}", last_inside->value()));
  wrapper_->base_offset = last - *last_inside;
  return true;
}

bool MessageSetReader::read(const MessageSetEntry& entry, Offset offset, std::optional<std::int64_t> time_ms,
                            Record& record) {
  if (offset < Offset(0) || offset > largest_offset || (previous_ && offset <= *previous_)) {
    return fail(previous_ ? fmt::format("offset {} after {}", offset.value(), previous_->value())
                          : fmt::format("offset {}", offset.value()));
  }
  const std::optional<Message> message = parse(entry);
  if (!message) return fail(fmt::format("the message at offset {} is malformed", offset.value()));
  previous_ = offset;
  record.offset = offset;
  record.timestamp_ms = entry.magic() == newest_message_set_magic ? time_ms.value_or(message->timestamp_ms) : -1;
  record.key = message->key;
  record.value = message->value;
  record.headers = no_headers;
  return true;
}

}  // namespace shunt::protocol
