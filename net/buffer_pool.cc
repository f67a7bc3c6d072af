#include "net/buffer_pool.h"

#include <cassert>
#include <new>

#include <sys/mman.h>

namespace shunt::net {

BufferPool::BufferPool(Loop& loop, std::size_t chunk_bytes, std::size_t max_chunks)
    : chunk_bytes_(chunk_bytes), max_chunks_(max_chunks), loop_(loop), call_waiters_(loop, [this] { call_waiters(); }) {
  chunks_.reserve(max_chunks);
  free_.reserve(max_chunks);
}

BufferPool::~BufferPool() {
  for (const auto& chunk : chunks_) munmap(chunk->bytes, chunk_bytes_);
}

ChunkRef BufferPool::acquire() {
  if (free_.empty()) {
    if (chunks_.size() == max_chunks_) return {};
    void* bytes = mmap(nullptr, chunk_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED) throw std::bad_alloc();
    chunks_.push_back(std::make_unique<ChunkRef::Chunk>(
        ChunkRef::Chunk{.pool = this, .bytes = static_cast<std::byte*>(bytes), .references = 0}));
    free_.push_back(chunks_.back().get());
  }
  ChunkRef::Chunk* chunk = free_.back();
  free_.pop_back();
  return ChunkRef(chunk);
}

void BufferPool::give_back(ChunkRef::Chunk* chunk) {
  free_.push_back(chunk);
  if (!waiters_.empty() && !call_waiters_.armed()) call_waiters_.set(loop_.now());
}

void BufferPool::when_available(std::function<void()> available) {
  waiters_.push_back(std::move(available));
  if (!free_.empty() || chunks_.size() < max_chunks_) call_waiters_.set(loop_.now());
}

void BufferPool::call_waiters() {
  // One chunk, one waiter; those called may wait again, at the end of the line.
  for (std::size_t count = waiters_.size(); count > 0 && (!free_.empty() || chunks_.size() < max_chunks_); --count) {
    const std::function<void()> waiter = std::move(waiters_.front());
    waiters_.pop_front();
    waiter();
  }
}

}  // namespace shunt::net
