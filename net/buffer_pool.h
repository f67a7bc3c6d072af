// Chunks of memory of one size that received bytes pass through. Bounded, and last in first out: the chunk that was
// given back last is still in the cache, and a few hot ones are all a busy connection needs.
//
// One thread. A pool must outlive its chunks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "net/loop.h"

namespace shunt::net {

class BufferPool;

/// A counted reference to a chunk; the last one gives it back to its pool.
class ChunkRef {
 public:
  ChunkRef() = default;
  ChunkRef(const ChunkRef& other) : chunk_(other.chunk_) { retain(); }
  ChunkRef(ChunkRef&& other) noexcept : chunk_(std::exchange(other.chunk_, nullptr)) {}
  ChunkRef& operator=(ChunkRef other) noexcept {
    std::swap(chunk_, other.chunk_);
    return *this;
  }
  ~ChunkRef() { release(); }

  explicit operator bool() const { return chunk_ != nullptr; }
  bool operator==(const ChunkRef&) const = default;
  [[nodiscard]] std::span<std::byte> bytes() const;

 private:
  friend class BufferPool;
  struct Chunk {
    BufferPool* pool;
    std::byte* bytes;
    std::uint32_t references;
  };
  explicit ChunkRef(Chunk* chunk) : chunk_(chunk) { retain(); }
  void retain() {
    if (chunk_ != nullptr) ++chunk_->references;
  }
  void release();

  Chunk* chunk_ = nullptr;
};

class BufferPool {
 public:
  /// Memory is taken from the system chunk by chunk, as needed, up to `max_chunks`, and kept.
  BufferPool(Loop& loop, std::size_t chunk_bytes, std::size_t max_chunks);
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// Empty when all chunks are in use.
  [[nodiscard]] ChunkRef acquire();

  /// Calls `available` once, from the loop, when a chunk has come free; first asked, first called. It should acquire()
  /// at once: nothing is reserved.
  void when_available(std::function<void()> available);

  [[nodiscard]] std::size_t chunk_bytes() const { return chunk_bytes_; }
  [[nodiscard]] std::size_t in_use() const { return chunks_.size() - free_.size(); }
  [[nodiscard]] std::size_t allocated() const { return chunks_.size(); }

 private:
  friend class ChunkRef;
  void give_back(ChunkRef::Chunk* chunk);
  void call_waiters();

  const std::size_t chunk_bytes_;
  const std::size_t max_chunks_;
  std::vector<std::unique_ptr<ChunkRef::Chunk>> chunks_;
  std::vector<ChunkRef::Chunk*> free_;
  std::deque<std::function<void()>> waiters_;
  Loop& loop_;
  Timer call_waiters_;
};

inline std::span<std::byte> ChunkRef::bytes() const {
  return {chunk_->bytes, chunk_->pool->chunk_bytes()};
}

inline void ChunkRef::release() {
  if (chunk_ != nullptr && --chunk_->references == 0) chunk_->pool->give_back(chunk_);
}

}  // namespace shunt::net
