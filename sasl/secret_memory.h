// Memory for secrets: left out of core dumps, kept from swap where the system allows it, wiped when it is given back.
#pragma once

#include <cstddef>

namespace shunt::sasl {

/// For any thread. Throws std::bad_alloc.
void* allocate_secret(std::size_t bytes);
/// `bytes` as they were asked for.
void free_secret(void* memory, std::size_t bytes) noexcept;

/// The same for containers.
template <class T>
struct SecretAllocator {
  using value_type = T;

  SecretAllocator() = default;
  template <class Other>
  explicit SecretAllocator(const SecretAllocator<Other>&) noexcept {}

  T* allocate(std::size_t count) { return static_cast<T*>(allocate_secret(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t count) noexcept { free_secret(memory, count * sizeof(T)); }

  friend bool operator==(const SecretAllocator&, const SecretAllocator&) { return true; }
};

}  // namespace shunt::sasl
