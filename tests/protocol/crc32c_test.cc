#include "protocol/crc32c.h"

#include <cstring>
#include <random>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace shunt::protocol {
namespace {

std::vector<std::byte> random_bytes(std::size_t size, std::mt19937_64& random) {
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

TEST(Crc32c, vectors_of_rfc_3720) {
  std::vector<std::byte> bytes(32);
  EXPECT_EQ(crc32c(bytes), 0x8a9136aaU);
  std::fill(bytes.begin(), bytes.end(), std::byte{0xff});
  EXPECT_EQ(crc32c(bytes), 0x62a8ab43U);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i);
  EXPECT_EQ(crc32c(bytes), 0x46dd794eU);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(31 - i);
  EXPECT_EQ(crc32c(bytes), 0x113fdb5cU);
  constexpr std::string_view digits = "123456789";
  EXPECT_EQ(crc32c(std::as_bytes(std::span(digits))), 0xe3069283U);
  EXPECT_EQ(crc32c({}), 0U);
}

TEST(Crc32c, the_fast_way_equals_the_portable_one_at_every_size) {
  std::mt19937_64 random(1);
  for (std::size_t size = 0; size < 300; ++size) {
    const auto bytes = random_bytes(size, random);
    ASSERT_EQ(crc32c(bytes), crc32c_portable(bytes)) << size;
  }
  for (const std::size_t size : {3071U, 3072U, 3073U, 6143U, 6144U, 10000U, 65536U, 1000003U}) {
    const auto bytes = random_bytes(size, random);
    ASSERT_EQ(crc32c(bytes), crc32c_portable(bytes)) << size;
  }
}

TEST(Crc32c, extends_and_combines) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 500; ++round) {
    const auto bytes = random_bytes(random() % 5000, random);
    const std::size_t cut = bytes.empty() ? 0 : random() % (bytes.size() + 1);
    const auto first = std::span(bytes).first(cut);
    const auto second = std::span(bytes).subspan(cut);
    ASSERT_EQ(crc32c_extend(crc32c(first), second), crc32c(bytes));
    ASSERT_EQ(crc32c_combine(crc32c(first), crc32c(second), second.size()), crc32c(bytes));
  }
}

TEST(Crc32c, combines_over_more_than_four_gigabytes) {
  // 2^32 + 3 zero bytes, as the combination of halves: the CRC of zeros can be doubled.
  const std::vector<std::byte> zeros(1);
  std::uint32_t crc = crc32c(zeros);
  std::uint64_t size = 1;
  while (size < (std::uint64_t{1} << 32)) {
    crc = crc32c_combine(crc, crc, size);
    size *= 2;
  }
  const std::vector<std::byte> tail(3);
  const std::uint32_t whole = crc32c_extend(crc, tail);
  // The same bytes cut elsewhere: three, then 2^32.
  EXPECT_EQ(crc32c_combine(crc32c(tail), crc, size), whole);
}

TEST(Crc32c, a_replaced_piece_is_mended_at_any_distance_from_the_end) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 2000; ++round) {
    auto bytes = random_bytes(40 + random() % 70000, random);
    const std::uint32_t before = crc32c(bytes);
    const std::size_t at = random() % (bytes.size() - 36);
    const std::vector<std::byte> old(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                                     bytes.begin() + static_cast<std::ptrdiff_t>(at) + 36);
    const auto piece = random_bytes(36, random);
    std::copy(piece.begin(), piece.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
    ASSERT_EQ(crc32c_replace(before, old, piece, bytes.size() - at - 36), crc32c(bytes));
  }
}

}  // namespace
}  // namespace shunt::protocol
