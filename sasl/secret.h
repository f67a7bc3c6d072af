// Text that may be a password: every value read from a configuration is one until it is known not to be.
//
// It cannot be printed by accident (streams and fmt show "[hidden]"), is wiped when it dies or is replaced, and gives
// its text only to reveal(). The bytes live in sasl/secret_memory.h alone, which no core dump holds: moving a Secret
// leaves no copy behind.
#pragma once

#include <cstddef>
#include <ostream>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "sasl/secret_memory.h"

namespace shunt::sasl {

/// Overwrites and empties a buffer that held a secret; the compiler may not leave it out.
template <class Byte, class Allocator>
  requires(sizeof(Byte) == 1)
void wipe(std::vector<Byte, Allocator>& bytes) {
  // Not explicit_bzero(): g++ 12 takes the data of a vector for possibly null and refuses the call.
  volatile Byte* text = bytes.data();
  for (std::size_t i = 0; i < bytes.size(); ++i) text[i] = Byte{};
  bytes.clear();
}

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view text) : bytes_(text.begin(), text.end()) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  Secret& operator=(Secret other) noexcept {
    bytes_.swap(other.bytes_);
    return *this;
  }
  ~Secret() { wipe(bytes_); }

  /// Valid until this Secret is changed or destroyed.
  [[nodiscard]] std::string_view reveal() const { return {bytes_.data(), bytes_.size()}; }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }

 private:
  std::vector<char, SecretAllocator<char>> bytes_;
};

inline std::ostream& operator<<(std::ostream& out, const Secret&) {
  return out << "[hidden]";
}

}  // namespace shunt::sasl

template <>
struct fmt::formatter<shunt::sasl::Secret> : fmt::formatter<std::string_view> {
  template <class Context>
  auto format(const shunt::sasl::Secret&, Context& context) const {
    return fmt::formatter<std::string_view>::format("[hidden]", context);
  }
};
