#include "protocol/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace shunt::protocol {

namespace {

// Reflected form: bit 31 of a word is the coefficient of x^0.
constexpr std::uint32_t polynomial = 0x82f63b78;
constexpr std::uint32_t one = 0x80000000;

/// a * b mod P, bit by bit.
constexpr std::uint32_t multiply_slowly(std::uint32_t a, std::uint32_t b) {
  std::uint32_t product = 0;
  for (std::uint32_t bit = one; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) product ^= b;
    b = (b & 1) != 0 ? (b >> 1) ^ polynomial : b >> 1;
  }
  return product;
}

/// powers[k][n] = x^(8 * n * 256^k) mod P: the shift by any 32 bit number of bytes is a product of four of them.
struct PowerTable {
  std::array<std::array<std::uint32_t, 256>, 4> powers{};

  constexpr PowerTable() {
    std::uint32_t step = one >> 8;  // x^8
    for (auto& row : powers) {
      row[0] = one;
      for (std::size_t n = 1; n < row.size(); ++n) row[n] = multiply_slowly(row[n - 1], step);
      step = multiply_slowly(row[255], step);
    }
  }
};
constexpr PowerTable power_table;

struct ByteTable {
  std::array<std::array<std::uint32_t, 256>, 8> rows{};

  constexpr ByteTable() {
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      std::uint32_t crc = byte;
      for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ polynomial : crc >> 1;
      rows[0][byte] = crc;
    }
    for (std::size_t row = 1; row < rows.size(); ++row) {
      for (std::size_t byte = 0; byte < 256; ++byte) {
        rows[row][byte] = (rows[row - 1][byte] >> 8) ^ rows[0][rows[row - 1][byte] & 0xff];
      }
    }
  }
};
constexpr ByteTable byte_table;

/// The linear part: neither initial value nor final XOR. Eight bytes a step.
std::uint32_t linear_portable(std::uint32_t crc, const std::byte* bytes, std::size_t size) {
  const auto& rows = byte_table.rows;
  for (; size >= 8; bytes += 8, size -= 8) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < 8; ++i) word |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
    word ^= crc;
    crc = 0;
    for (std::size_t i = 0; i < 8; ++i) crc ^= rows[7 - i][(word >> (8 * i)) & 0xff];
  }
  for (; size > 0; ++bytes, --size) crc = (crc >> 8) ^ rows[0][(crc ^ std::to_integer<std::uint32_t>(*bytes)) & 0xff];
  return crc;
}

#if defined(__x86_64__)

// The build asks for SSE 4.2 and PCLMUL (see CMakeLists.txt), so there is nothing to choose at run time.

std::uint64_t load64(const std::byte* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

/// a * b * x^33 mod P: the carry-less product of two reflected words stands one bit off, and crc32q, which reduces it,
/// multiplies by x^32.
std::uint32_t multiply_raw(std::uint32_t a, std::uint32_t b) {
  const __m128i product =
      _mm_clmulepi64_si128(_mm_cvtsi32_si128(static_cast<int>(a)), _mm_cvtsi32_si128(static_cast<int>(b)), 0);
  return static_cast<std::uint32_t>(_mm_crc32_u64(0, static_cast<std::uint64_t>(_mm_cvtsi128_si64(product))));
}

constexpr std::uint32_t divide_by_x(std::uint32_t a) {
  // In the reflected form multiplying by x is a shift to the right; the bit that fell out was bit 0 and brought P in.
  return (a & one) != 0 ? ((a ^ polynomial) << 1) | 1 : a << 1;
}
/// x^-66, which takes back what two raw multiplications have put in.
constexpr std::uint32_t correction() {
  std::uint32_t value = one;
  for (int i = 0; i < 66; ++i) value = divide_by_x(value);
  return value;
}

std::uint32_t multiply(std::uint32_t a, std::uint32_t b) {
  constexpr std::uint32_t corrected = correction();
  return multiply_raw(multiply_raw(a, b), corrected);
}

std::uint32_t linear(std::uint32_t crc, const std::byte* bytes, std::size_t size) {
  // crc32q takes three cycles and starts every cycle: three lanes keep it busy.
  constexpr std::size_t lane = 1024;
  static const std::uint32_t one_lane = power_table.powers[1][lane / 256];
  static const std::uint32_t two_lanes = power_table.powers[1][2 * lane / 256];
  for (; size >= 3 * lane; bytes += 3 * lane, size -= 3 * lane) {
    std::uint64_t a = crc;
    std::uint64_t b = 0;
    std::uint64_t c = 0;
    for (std::size_t i = 0; i < lane; i += 8) {
      a = _mm_crc32_u64(a, load64(bytes + i));
      b = _mm_crc32_u64(b, load64(bytes + lane + i));
      c = _mm_crc32_u64(c, load64(bytes + 2 * lane + i));
    }
    crc = multiply(static_cast<std::uint32_t>(a), two_lanes) ^ multiply(static_cast<std::uint32_t>(b), one_lane) ^
          static_cast<std::uint32_t>(c);
  }
  std::uint64_t value = crc;
  for (; size >= 8; bytes += 8, size -= 8) value = _mm_crc32_u64(value, load64(bytes));
  for (; size > 0; ++bytes, --size) {
    value = _mm_crc32_u8(static_cast<std::uint32_t>(value), std::to_integer<unsigned char>(*bytes));
  }
  return static_cast<std::uint32_t>(value);
}

#else

std::uint32_t multiply(std::uint32_t a, std::uint32_t b) {
  return multiply_slowly(a, b);
}

std::uint32_t linear(std::uint32_t crc, const std::byte* bytes, std::size_t size) {
  return linear_portable(crc, bytes, size);
}

#endif

/// crc * x^(8 * bytes) mod P: what `bytes` zero bytes more make of a linear CRC.
std::uint32_t shift(std::uint32_t crc, std::uint64_t bytes) {
  const auto& powers = power_table.powers;
  for (std::size_t row = 0; bytes != 0 && row < powers.size(); ++row, bytes >>= 8) {
    if ((bytes & 0xff) != 0) crc = multiply(crc, powers[row][bytes & 0xff]);
  }
  // Beyond 4 GiB: x^(8 * 2^32 * n), slowly.
  if (bytes != 0) {
    const std::uint32_t step = multiply_slowly(powers[3][255], powers[3][1]);
    for (; bytes > 0; --bytes) crc = multiply_slowly(crc, step);
  }
  return crc;
}

}  // namespace

std::uint32_t crc32c_extend(std::uint32_t crc, std::span<const std::byte> bytes) {
  return ~linear(~crc, bytes.data(), bytes.size());
}

std::uint32_t crc32c(std::span<const std::byte> bytes) {
  return crc32c_extend(0, bytes);
}

std::uint32_t crc32c_portable(std::span<const std::byte> bytes) {
  return ~linear_portable(~0U, bytes.data(), bytes.size());
}

std::uint32_t crc32c_combine(std::uint32_t first, std::uint32_t second, std::uint64_t second_size) {
  return shift(first, second_size) ^ second;
}

std::uint32_t crc32c_replace(std::uint32_t crc, std::span<const std::byte> before, std::span<const std::byte> after,
                             std::uint64_t tail_size) {
  return crc ^ shift(linear(0, before.data(), before.size()) ^ linear(0, after.data(), after.size()), tail_size);
}

}  // namespace shunt::protocol
