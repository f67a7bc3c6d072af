// CRC32C (Castagnoli, RFC 3720), as Kafka's record batches carry it, and the arithmetic that mends one without reading
// the bytes it covers.
//
// CRC32C is affine: crc(a ^ b) = crc(a) ^ lin(b), where lin is the CRC with initial value and final XOR zero. A change
// of a few header bytes therefore changes the CRC of the whole batch by a value that depends on the change and on its
// distance from the end alone. Mending by delta keeps end-to-end protection: a byte damaged on the way still fails the
// receiver's check, where a recomputed CRC would launder the damage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace shunt::protocol {

/// CRC32C of `bytes`. Hardware instruction where the CPU has it.
std::uint32_t crc32c(std::span<const std::byte> bytes);

/// The same without any special instruction: the fallback of machines that lack them, and the tests' oracle.
std::uint32_t crc32c_portable(std::span<const std::byte> bytes);

/// Continues `crc` (a finished CRC32C) over more bytes: crc32c(a + b) == crc32c_extend(crc32c(a), b).
std::uint32_t crc32c_extend(std::uint32_t crc, std::span<const std::byte> bytes);

/// CRC32C of the concatenation of two byte strings of which only the CRCs and the second's length are known.
std::uint32_t crc32c_combine(std::uint32_t first, std::uint32_t second, std::uint64_t second_size);

/// The CRC32C after `before` was replaced by `after` (same size) in a text whose CRC32C was `crc`, with `tail_size`
/// bytes following the replaced piece. Constant time, about 30 ns.
std::uint32_t crc32c_replace(std::uint32_t crc, std::span<const std::byte> before, std::span<const std::byte> after,
                             std::uint64_t tail_size);

}  // namespace shunt::protocol
