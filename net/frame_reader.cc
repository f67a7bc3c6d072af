#include "net/frame_reader.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace shunt::net {

namespace {

constexpr std::size_t smallest_room = 4096;
constexpr std::size_t kept_when_empty = std::size_t{64} * 1024;  // a buffer grown for one large answer is given back

bool is_tls(std::span<const std::byte, size_prefix_bytes> prefix) {
  const auto type = std::to_integer<int>(prefix[0]);  // 21 alert, 22 handshake (RFC 8446, 5.1), then version 3.x
  return (type == 0x15 || type == 0x16) && std::to_integer<int>(prefix[1]) == 0x03 &&
         std::to_integer<int>(prefix[2]) <= 4;
}

bool is_text(std::span<const std::byte, size_prefix_bytes> prefix) {
  return std::all_of(prefix.begin(), prefix.end(), [](std::byte byte) {
    const auto character = std::to_integer<int>(byte);
    return (character >= 0x20 && character < 0x7f) || character == '\r' || character == '\n' || character == '\t';
  });
}

}  // namespace

std::string explain_frame_size(std::span<const std::byte, size_prefix_bytes> prefix, std::size_t limit) {
  const std::int32_t size = read_int32(prefix);
  if (size >= 0 && static_cast<std::size_t>(size) <= limit) return {};
  if (is_tls(prefix)) {
    return "the peer answers with TLS, but this connection is plain text: use the port of a PLAINTEXT listener, or set "
           "security.protocol";
  }
  if (is_text(prefix)) {
    std::string text;
    for (const std::byte byte : prefix) {
      const char character = static_cast<char>(byte);
      text += character >= 0x20 ? character : ' ';
    }
    if (text == "HTTP") return "the peer is an HTTP server, not a Kafka broker: check the port";
    return fmt::format("the peer is not a Kafka broker: it answers with text that begins \"{}\": check the port", text);
  }
  if (size < 0)
    return fmt::format("the peer is not a Kafka broker: it announces an answer of {} bytes: check the port", size);
  return fmt::format(
      "the peer announces an answer of {} bytes where at most {} are accepted: not a Kafka broker, or not "
      "one to be trusted with so much memory",
      size, limit);
}

std::span<std::byte> FrameReader::prepare() {
  if (begin_ == filled_) {
    begin_ = filled_ = 0;
    if (buffer_.size() > kept_when_empty) shrink();
  } else if (begin_ > 0) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(filled_), buffer_.begin());
    filled_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - filled_ < smallest_room) grow();
  return std::span(buffer_).subspan(failed() ? buffer_.size() : filled_);
}

// Doubling keeps the copying linear; what is taken is at most twice what has arrived, and no more than the frame takes.
// For a large frame all of the address space is asked for at once, so that nothing is copied, and touched as bytes arrive.
void FrameReader::grow() {
  std::size_t size = std::max(filled_ * 2, filled_ + smallest_room);
  if (filled_ >= size_prefix_bytes) {
    const auto frame = static_cast<std::size_t>(read_int32(pending().first<size_prefix_bytes>()));
    const std::size_t whole = size_prefix_bytes + frame;
    if (whole > kept_when_empty && frame <= limit_) {
      buffer_.reserve(whole + smallest_room);
      size = std::min(size, std::max(whole, filled_ + smallest_room));
    }
  }
  const std::size_t wanted = size > kept_when_empty ? size : 0;
  if (budget_ && wanted > taken_) {
    if (!budget_->take(wanted - taken_)) {
      reason_ = fmt::format(
          "an answer does not fit into what is left of shunt.control.memory: {} bytes of it have come, "
          "{} of {} bytes are left",
          filled_, budget_->left(), budget_->limit());
      return;
    }
    taken_ = wanted;
  }
  buffer_.resize(size);
}

void FrameReader::shrink() {
  buffer_ = {};
  if (budget_) budget_->give_back(std::exchange(taken_, 0));
}

FrameReader::~FrameReader() {
  shrink();
}

FrameReader& FrameReader::operator=(FrameReader&& other) noexcept {
  shrink();
  limit_ = other.limit_;
  budget_ = std::move(other.budget_);
  taken_ = std::exchange(other.taken_, 0);
  buffer_ = std::move(other.buffer_);
  begin_ = std::exchange(other.begin_, 0);
  filled_ = std::exchange(other.filled_, 0);
  reason_ = std::move(other.reason_);
  return *this;
}

void FrameReader::set_limit(std::size_t limit, std::shared_ptr<MemoryBudget> budget) {
  limit_ = limit;
  budget_ = std::move(budget);
}

std::vector<std::byte> FrameReader::take(std::span<const std::byte> frame) {
  if (frame.size() <= kept_when_empty || begin_ != filled_) return {frame.begin(), frame.end()};
  buffer_.resize(filled_);
  buffer_.erase(buffer_.begin(), buffer_.begin() + (frame.data() - buffer_.data()));
  std::vector<std::byte> taken = std::move(buffer_);
  begin_ = filled_ = 0;
  shrink();
  return taken;
}

void FrameReader::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const std::span<std::byte> room = prepare();
    if (failed()) return;
    const std::size_t size = std::min(room.size(), bytes.size());
    std::copy_n(bytes.begin(), size, room.begin());
    received(size);
    bytes = bytes.subspan(size);
  }
}

std::optional<std::span<const std::byte>> FrameReader::next() {
  const std::span<const std::byte> left = pending();
  if (failed() || left.size() < size_prefix_bytes) return {};
  reason_ = explain_frame_size(left.first<size_prefix_bytes>(), limit_);
  if (failed()) return {};
  const auto size = static_cast<std::size_t>(read_int32(left.first<size_prefix_bytes>()));
  if (left.size() - size_prefix_bytes < size) return {};
  begin_ += size_prefix_bytes + size;
  return left.subspan(size_prefix_bytes, size);
}

}  // namespace shunt::net
