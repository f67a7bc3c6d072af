// Where in TLS's stream of records the bytes stand that were taken from it, so that a thread need not be woken for a part of
// what it waits for.
//
//   type 1 | version 2 | length 2 | body of that length: ciphertext, and a tag or more        (RFC 8446, 5.1; RFC 5246, 6.2)
//
// Pure: no OpenSSL, no socket.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

namespace shunt::net {

class TlsRecords {
 public:
  static constexpr std::size_t header_bytes = 5;
  static constexpr std::size_t least_tag_bytes = 8;  // of AES-CCM-8; others have 16
  static constexpr std::size_t most_plaintext_bytes = std::size_t{16} * 1024;

  /// The next bytes were taken.
  void advance(std::span<const std::byte> taken) {
    while (!taken.empty()) {
      if (body_left_ > 0) {
        const std::size_t size = std::min(body_left_, taken.size());
        body_left_ -= size;
        taken = taken.subspan(size);
      } else {
        // Of the header nothing but the length matters, its last two bytes.
        body_ = ((body_ << 8) & 0xff00) | std::to_integer<std::size_t>(taken.front());
        taken = taken.subspan(1);
        if (++header_filled_ < header_bytes) continue;
        header_filled_ = 0;
        body_left_ = body_;
      }
    }
  }

  /// How many bytes must still come, at the least, before `missing` bytes more can be decrypted; all records that were
  /// taken as a whole are decrypted.
  [[nodiscard]] std::size_t least_to_come(std::size_t missing) const {
    if (body_left_ > 0) return body_left_ + as_records(missing > body_ ? missing - body_ : 0);
    return as_records(missing) - header_filled_;
  }

 private:
  static std::size_t as_records(std::size_t plaintext) {
    const std::size_t records = (plaintext + most_plaintext_bytes - 1) / most_plaintext_bytes;
    return plaintext + records * (header_bytes + least_tag_bytes);
  }

  std::size_t header_filled_ = 0;  // of the next record's header
  std::size_t body_ = 0;           // length of the record under way
  std::size_t body_left_ = 0;      // of it, still to come
};

}  // namespace shunt::net
