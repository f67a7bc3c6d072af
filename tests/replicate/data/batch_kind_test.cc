#include "replicate/data/batch_kind.h"

#include <array>

#include <gtest/gtest.h>

#include "protocol/wire.h"

namespace shunt::replicate {
namespace {

using protocol::Offset;
using protocol::ProducerId;

constexpr int transactional = 0x10;
constexpr int marker = 0x30;

class Batch {
 public:
  Batch(std::int64_t base, std::int32_t count, std::int64_t producer, int attributes = transactional) {
    protocol::wire::store(bytes_.data(), base);
    protocol::wire::store(bytes_.data() + 16, std::int8_t{2});
    protocol::wire::store(bytes_.data() + 21, static_cast<std::int16_t>(attributes));
    protocol::wire::store(bytes_.data() + 23, count - 1);
    protocol::wire::store(bytes_.data() + 43, producer);
    protocol::wire::store(bytes_.data() + 57, count);
  }
  Batch holding(std::int32_t records) const {
    Batch batch = *this;
    protocol::wire::store(batch.bytes_.data() + 57, records);
    return batch;
  }
  operator protocol::RecordBatchHeader() const {  // NOLINT(google-explicit-constructor)
    return protocol::RecordBatchHeader(bytes_);
  }

 private:
  std::array<std::byte, protocol::record_batch_header_size> bytes_{};
};

AbortedTransactions aborted(std::vector<AbortedTransactions::Entry> entries) {
  AbortedTransactions transactions;
  transactions.start(entries);
  return transactions;
}

TEST(AbortedTransactions, CoverTheirProducersDataUpToItsMarker) {
  AbortedTransactions transactions = aborted({{.producer_id = ProducerId(7), .first_offset = Offset(10)}});
  EXPECT_FALSE(transactions.covers(Batch(0, 5, 7))) << "committed before";
  EXPECT_FALSE(transactions.covers(Batch(5, 5, 8))) << "another producer";
  EXPECT_TRUE(transactions.covers(Batch(10, 5, 7)));
  EXPECT_FALSE(transactions.covers(Batch(15, 5, 8)));
  EXPECT_FALSE(transactions.covers(Batch(20, 5, 7, 0))) << "not part of any transaction";
  EXPECT_TRUE(transactions.covers(Batch(25, 5, 7)));
  EXPECT_TRUE(transactions.covers(Batch(30, 1, 7, marker)));
  EXPECT_FALSE(transactions.covers(Batch(31, 5, 7))) << "the next transaction";
}

TEST(AbortedTransactions, MayHaveBegunBeforeTheAnswer) {
  AbortedTransactions transactions = aborted({{.producer_id = ProducerId(7), .first_offset = Offset(10)}});
  EXPECT_TRUE(transactions.covers(Batch(100, 5, 7)));
  EXPECT_TRUE(transactions.covers(Batch(105, 1, 7, marker)));
  EXPECT_FALSE(transactions.covers(Batch(106, 5, 7)));
}

TEST(AbortedTransactions, OfOneProducerMayFollowEachOther) {
  AbortedTransactions transactions = aborted({{.producer_id = ProducerId(7), .first_offset = Offset(20)},
                                              {.producer_id = ProducerId(8), .first_offset = Offset(12)},
                                              {.producer_id = ProducerId(7), .first_offset = Offset(10)}});
  EXPECT_TRUE(transactions.covers(Batch(10, 2, 7)));
  EXPECT_TRUE(transactions.covers(Batch(12, 2, 8)));
  EXPECT_TRUE(transactions.covers(Batch(14, 1, 7, marker)));
  EXPECT_FALSE(transactions.covers(Batch(15, 4, 7))) << "committed";
  EXPECT_FALSE(transactions.covers(Batch(19, 1, 7, marker))) << "a commit ends no aborted transaction";
  EXPECT_TRUE(transactions.covers(Batch(20, 2, 7)));
  EXPECT_TRUE(transactions.covers(Batch(22, 2, 8)));
}

TEST(BatchKind, IsToldFromTheHeader) {
  EXPECT_EQ(kind_of(Batch(0, 5, -1, 0), false), BatchKind::plain);
  EXPECT_EQ(kind_of(Batch(0, 5, 7), false), BatchKind::plain);
  EXPECT_EQ(kind_of(Batch(0, 5, 7), true), BatchKind::nothing);
  EXPECT_EQ(kind_of(Batch(0, 1, 7, marker), false), BatchKind::nothing);
  EXPECT_EQ(kind_of(Batch(0, 5, -1, 0).holding(0), false), BatchKind::nothing);
  EXPECT_EQ(kind_of(Batch(0, 5, -1, 0).holding(3), false), BatchKind::rewrite);
  EXPECT_EQ(kind_of(Batch(0, 5, -1, 0x08), false), BatchKind::rewrite);
}

}  // namespace
}  // namespace shunt::replicate
