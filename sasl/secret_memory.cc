#include "sasl/secret_memory.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <mutex>
#include <new>

#include <sys/mman.h>

namespace shunt::sasl {
namespace {

// Pieces are powers of two, cut from regions that are never given back: a configuration is read once, and what is
// longer than a piece has pages of its own.
constexpr std::size_t region_bytes = std::size_t{256} * 1024;
constexpr std::size_t smallest_piece = 32;
constexpr std::size_t largest_piece = std::size_t{16} * 1024;
constexpr std::size_t sizes = std::bit_width(largest_piece) - std::bit_width(smallest_piece) + 1;

void* map_pages(std::size_t bytes) {
  void* pages = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) throw std::bad_alloc();
  ::madvise(pages, bytes, MADV_DONTDUMP);
  ::mlock(pages, bytes);  // as much as RLIMIT_MEMLOCK allows; beyond that a secret may be swapped out
  return pages;
}

class Pieces {
 public:
  void* take(std::size_t bytes) {
    const std::size_t size = size_of(bytes);
    const std::lock_guard lock(mutex_);
    Free*& first = free_[index_of(size)];
    if (first == nullptr) return cut(size);
    Free* piece = first;
    first = piece->next;
    return piece;
  }

  void give_back(void* memory, std::size_t bytes) noexcept {
    const std::lock_guard lock(mutex_);
    Free*& first = free_[index_of(size_of(bytes))];
    first = new (memory) Free{first};
  }

 private:
  struct Free {
    Free* next;
  };

  static std::size_t size_of(std::size_t bytes) { return std::bit_ceil(std::max(bytes, smallest_piece)); }
  static std::size_t index_of(std::size_t size) {
    return static_cast<std::size_t>(std::bit_width(size) - std::bit_width(smallest_piece));
  }

  void* cut(std::size_t size) {
    if (left_ < size) {  // what is left of the last region is lost
      next_ = static_cast<char*>(map_pages(region_bytes));
      left_ = region_bytes;
    }
    void* piece = next_;
    next_ += size;
    left_ -= size;
    return piece;
  }

  std::mutex mutex_;
  std::array<Free*, sizes> free_{};
  char* next_ = nullptr;
  std::size_t left_ = 0;
};

Pieces& pieces() {
  static auto* const instance = new Pieces;  // outlives every static Secret
  return *instance;
}

}  // namespace

void* allocate_secret(std::size_t bytes) {
  return bytes > largest_piece ? map_pages(bytes) : pieces().take(bytes);
}

void free_secret(void* memory, std::size_t bytes) noexcept {
  ::explicit_bzero(memory, bytes);
  if (bytes > largest_piece) {
    ::munmap(memory, bytes);
  } else {
    pieces().give_back(memory, bytes);
  }
}

}  // namespace shunt::sasl
