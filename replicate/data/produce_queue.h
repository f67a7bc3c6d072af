// Lays out stamped batches as Produce requests, without copying their payload: what is sent is a list of pieces that
// alternate between a small arena (request prefix and the 61 stamped header bytes) and the buffers the payload was
// received into.
//
// Batches are collected while one received piece of a Fetch response is parsed, then laid out by flush():
//   - one batch a partition a request, which is what brokers accept;
//   - small batches are grouped: the i-th of every partition travel in one request, which halves the target's CPU; a
//     batch of group_below_bytes or more travels alone;
//   - the batches of one partition keep their order;
//   - the batch that the end of the received piece cuts in two comes last and leaves the queue `open`: its request is
//     already under way, the rest of its payload is appended as it arrives (cut through), and nothing else may come
//     between.
//
// Memory: a received buffer is held until the pieces that point into it were taken by the kernel, never until the
// acknowledgement.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <sys/uio.h>

#include "net/buffer_pool.h"
#include "protocol/produce_frame.h"
#include "protocol/record_batch.h"
#include "protocol/wire.h"

namespace shunt::replicate {

class Flow;

inline constexpr std::size_t group_below_bytes = 64 * 1024;

/// Bytes on their way to a socket: pieces in order, and what keeps them alive.
class Outgoing {
 public:
  [[nodiscard]] bool empty() const { return pieces_.empty(); }
  [[nodiscard]] std::size_t size() const { return bytes_; }

  /// The arena's bytes appended by `fill(std::vector<std::byte>&)` become the next piece. Where they begin in it.
  template <class Fill>
  std::size_t append_own(Fill&& fill) {
    const std::size_t start = arena_.size();
    fill(arena_);
    add_own_piece(start, arena_.size() - start);
    return start;
  }
  /// Overwrites four bytes of the arena.
  void put_own(std::size_t at, std::int32_t value) { protocol::wire::store(arena_.data() + at, value); }
  /// `bytes` lie in `chunk`.
  void append_payload(const net::ChunkRef& chunk, std::span<const std::byte> bytes);

  /// The pieces for a gathered send; valid until the next call.
  std::span<const iovec> pieces();
  void clear();

 private:
  struct Piece {
    const std::byte* bytes;  // null: in the arena at `offset`, which may still move
    std::size_t offset;
    std::size_t size;
  };
  void add_own_piece(std::size_t offset, std::size_t size);

  std::vector<std::byte> arena_;
  std::vector<Piece> pieces_;
  std::vector<net::ChunkRef> chunks_;
  std::vector<iovec> iovecs_;
  std::size_t bytes_ = 0;
};

/// What the queue needs to know of its connection.
struct ProduceSettings {
  std::string client_id;
  std::int32_t timeout_ms = 30000;
};

class ProduceQueue {
 public:
  explicit ProduceQueue(ProduceSettings settings) : settings_(std::move(settings)) {}

  /// The broker at the other end of a new connection understands the ids of topics (Produce 13, Kafka 4.1): requests say
  /// those, where all its flows have one, so that nothing comes into another topic that has taken the name meanwhile.
  void set_knows_ids(bool knows_ids) { knows_ids_ = knows_ids; }

  /// A batch of `flow` begins: its stamped header and its size on the wire (61 included).
  void begin_batch(Flow& flow, std::span<const std::byte, protocol::record_batch_header_size> header, std::size_t size);
  /// The next piece of the payload of the batch begun last.
  void add_payload(const net::ChunkRef& chunk, std::span<const std::byte> bytes);

  struct Request {
    std::int32_t correlation_id;
    std::int16_t version;  // produce_frame.h
    std::uint32_t batches;
    std::size_t bytes;  // of its frame
  };
  /// Lays out everything begun since the last flush behind `out`. `next_correlation_id()` numbers the requests;
  /// `on_request` hears of each in the order they will be sent.
  void flush(Outgoing& out, const std::function<std::int32_t()>& next_correlation_id,
             const std::function<void(const Request&)>& on_request);

  /// A request is under way whose last batch still lacks payload.
  [[nodiscard]] bool open() const { return open_left_ > 0; }
  [[nodiscard]] bool has_unflushed() const { return !collected_.empty() || !straight_.empty(); }
  void clear();

 private:
  struct Slice {
    net::ChunkRef chunk;
    std::span<const std::byte> bytes;
  };
  struct Batch {
    Flow* flow;
    std::array<std::byte, protocol::record_batch_header_size> header;
    std::size_t size;
    std::size_t missing;  // payload bytes not yet added
    Slice payload;
    std::uint32_t round;
  };

  [[nodiscard]] std::size_t group_end(std::size_t begin) const;
  Request lay_out(Outgoing& out, std::size_t begin, std::size_t end, std::int32_t correlation_id);

  ProduceSettings settings_;
  bool knows_ids_ = false;
  std::vector<Batch> collected_;
  std::vector<Slice> straight_;               // payload of the open batch, ahead of everything collected
  std::size_t open_left_ = 0;                 // payload bytes the open request still lacks
  std::optional<std::int16_t> open_version_;  // of the request whose end is still to be laid out
};

}  // namespace shunt::replicate
