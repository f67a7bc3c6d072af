// Cuts a byte stream into Kafka frames: a four-byte size, then so many bytes.
//
// Memory is taken as bytes arrive, never because a size prefix announces them, never for a frame beyond the limit, and
// only as far as the budget goes.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "net/memory_budget.h"
#include "net/wire_size.h"

namespace shunt::net {

/// Why the first four bytes of a peer's message cannot be the size of a frame of at most `limit` bytes; empty when they
/// can. Names what else seems to listen there: a TLS server, an HTTP server, another text protocol.
std::string explain_frame_size(std::span<const std::byte, size_prefix_bytes> prefix, std::size_t limit);

class FrameReader {
 public:
  /// `limit`: the largest size a frame may have, not counting the prefix.
  explicit FrameReader(std::size_t limit) : limit_(limit) {}
  ~FrameReader();
  FrameReader(const FrameReader&) = delete;
  FrameReader& operator=(const FrameReader&) = delete;
  FrameReader(FrameReader&&) = delete;
  FrameReader& operator=(FrameReader&& other) noexcept;

  /// For the frames to come: what is allowed grows once the peer has shown that it speaks Kafka.
  void set_limit(std::size_t limit, std::shared_ptr<MemoryBudget> budget);

  /// Room for bytes to be read into; valid until the next call of anything but received(). Empty: failed().
  std::span<std::byte> prepare();
  /// `size` bytes were read into what prepare() gave.
  void received(std::size_t size) { filled_ += size; }

  /// Takes bytes that were read elsewhere.
  void append(std::span<const std::byte> bytes);

  /// The next whole frame, without its prefix; valid until prepare(). Empty: more bytes are needed, or failed().
  std::optional<std::span<const std::byte>> next();

  [[nodiscard]] bool failed() const { return !reason_.empty(); }
  [[nodiscard]] const std::string& reason() const { return reason_; }
  /// The frame that next() gave last, as a buffer of its own; without a copy where it is large and nothing follows it.
  std::vector<std::byte> take(std::span<const std::byte> frame);
  /// What was received and is not yet a whole frame.
  [[nodiscard]] std::span<const std::byte> pending() const {
    return std::span<const std::byte>(buffer_).subspan(begin_, filled_ - begin_);
  }

 private:
  void grow();
  void shrink();

  std::size_t limit_;
  std::shared_ptr<MemoryBudget> budget_;  // null: none
  std::size_t taken_ = 0;                 // of it
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;   // of the first byte not handed out
  std::size_t filled_ = 0;  // end of what was received
  std::string reason_;
};

}  // namespace shunt::net
