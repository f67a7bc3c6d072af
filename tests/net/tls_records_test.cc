#include "net/tls_records.h"

#include <vector>

#include <gtest/gtest.h>

namespace shunt::net {
namespace {

constexpr std::size_t least_overhead = TlsRecords::header_bytes + TlsRecords::least_tag_bytes;

std::vector<std::byte> record(std::size_t body) {
  std::vector<std::byte> bytes(TlsRecords::header_bytes + body);
  bytes[0] = std::byte{23};
  bytes[1] = bytes[2] = std::byte{3};
  bytes[3] = static_cast<std::byte>(body >> 8);
  bytes[4] = static_cast<std::byte>(body & 0xff);
  return bytes;
}

TEST(TlsRecords, CountsWhatIsMissingOfTheRecordUnderWay) {
  // A record of 1000 bytes, then whatever is missing behind it.
  for (const std::size_t step : {std::size_t{1}, std::size_t{3}, std::size_t{2000}}) {
    TlsRecords records;
    const std::vector<std::byte> bytes = record(1000);
    for (int again = 0; again < 3; ++again) {
      for (std::size_t at = 0; at < bytes.size(); at += step) {
        const std::size_t left = bytes.size() - at;
        if (at >= TlsRecords::header_bytes) {
          EXPECT_EQ(records.least_to_come(1), left);
          EXPECT_EQ(records.least_to_come(1000), left);
          EXPECT_EQ(records.least_to_come(1100), left + 100 + least_overhead);
        } else {
          EXPECT_EQ(records.least_to_come(1), least_overhead + 1 - at);
        }
        records.advance(std::span(bytes).subspan(at, std::min(step, left)));
      }
    }
    EXPECT_EQ(records.least_to_come(1), least_overhead + 1);
  }
}

TEST(TlsRecords, EveryRecordHasItsOverhead) {
  const TlsRecords records;
  constexpr std::size_t most = TlsRecords::most_plaintext_bytes;
  EXPECT_EQ(records.least_to_come(most), most + least_overhead);
  EXPECT_EQ(records.least_to_come(most + 1), most + 1 + 2 * least_overhead);
  EXPECT_EQ(records.least_to_come(64 * most), 64 * (most + least_overhead));
}

TEST(TlsRecords, AnEmptyBodyIsARecordToo) {
  TlsRecords records;
  const std::vector<std::byte> empty = record(0);
  const std::vector<std::byte> large = record(0xffff);
  records.advance(empty);
  records.advance(large);
  records.advance(empty);
  EXPECT_EQ(records.least_to_come(1), least_overhead + 1);
}

}  // namespace
}  // namespace shunt::net
