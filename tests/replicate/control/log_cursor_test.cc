#include "replicate/control/log_cursor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/replicate/control/fake_kafka.h"
#include "tests/support/message_sets.h"

namespace shunt::replicate {
namespace {

using net::Awaitable;
using protocol::Offset;
using protocol::PartitionIndex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::OldMessage;

class LogCursorTest : public testing::Test {
 protected:
  LogCursorTest() { kafka.create("t", 1); }

  /// "offset value" of each record, one after the other or batch by batch.
  std::vector<std::string> read(std::int64_t from, std::int64_t end) {
    std::vector<std::string> records;
    Cluster cluster(context.get_executor(), kafka.settings("A"));
    tests::run(context, [&]() -> Awaitable<> {
      co_await cluster.refresh_topics();
      const TopicPartition partition{"t", PartitionIndex(0)};
      LogCursor cursor(cluster, partition, Offset(from), Offset(end), Isolation::read_uncommitted);
      try {
        while (co_await cursor.settle()) {
          const protocol::Record& record = cursor.record();
          const auto* value = reinterpret_cast<const char*>(record.value->data());
          records.push_back(std::to_string(record.offset.value()) + " " + std::string(value, record.value->size()));
          cursor.next_record();
        }
      } catch (const LogError& error) {
        records.emplace_back(error.what());
        EXPECT_TRUE(error.is_damaged());
      }
    });
    return records;
  }

  std::int64_t copied(std::int64_t from, std::int64_t end) {
    Offset to;
    Cluster cluster(context.get_executor(), kafka.settings("A"));
    tests::run(context, [&]() -> Awaitable<> {
      co_await cluster.refresh_topics();
      const TopicPartition partition{"t", PartitionIndex(0)};
      to = co_await copied_up_to(cluster, partition, Offset(from), Offset(end), Isolation::read_committed, {});
    });
    return to.value();
  }

  net::asio::io_context context;
  tests::FakeKafka kafka{context, 1};
};

TEST_F(LogCursorTest, ReadsEveryFormatThatALogMayHold) {
  tests::FakePartition& log = kafka.partition("t", 0);
  const OldMessage plain[] = {{.offset = 0, .magic = 0, .value = "a"}, {.offset = 1, .magic = 0, .value = "b"}};
  const OldMessage inside[] = {{.offset = 0, .value = "c"}, {.offset = 2, .value = "d"}};
  log.append_raw(tests::joined(plain), 2);
  log.append_raw(tests::wrapped({.offset = 4, .magic = 1}, protocol::Codec::snappy, inside), 3);
  log.append_records("e", 2, protocol::Codec::zstd);
  EXPECT_THAT(read(0, 7), ElementsAre("0 a", "1 b", "2 c", "4 d", "5 e0", "6 e1"));
  EXPECT_THAT(read(1, 6), ElementsAre("1 b", "2 c", "4 d", "5 e0"));
  EXPECT_THAT(read(3, 4), ElementsAre());  // inside the wrapper, where compaction has left nothing
}

TEST_F(LogCursorTest, NamesWhatIsDamaged) {
  tests::FakePartition& log = kafka.partition("t", 0);
  log.append_records("a", 1);
  log.append_records("b", 1);
  log.batches.back().raw.back() ^= std::byte{1};
  EXPECT_THAT(read(0, 2),
              ElementsAre("0 a0", HasSubstr("A: t-0 at offset 1: the record batch is damaged: its CRC is")));
  OldMessage message{.offset = 1, .magic = 0, .value = "old"};
  log.batches.back().raw = tests::message_bytes(message);
  log.batches.back().raw.back() ^= std::byte{1};
  EXPECT_THAT(read(1, 2), ElementsAre(HasSubstr("A: t-0 at offset 1: the message at offset 1 is damaged")));
  log.batches.back().raw.resize(20);
  EXPECT_THAT(read(1, 2), ElementsAre(HasSubstr("cut off, or of an unknown format")));
}

TEST_F(LogCursorTest, BehindWhatIsCopiedMarkersCountAsCopied) {
  tests::FakePartition& log = kafka.partition("t", 0);
  log.append_records("a", 2);
  log.append_markers(2);
  EXPECT_EQ(copied(2, 4), 4);
  EXPECT_EQ(copied(4, 4), 4);
  EXPECT_EQ(copied(1, 4), 1);
  EXPECT_EQ(copied(6, 4), 6) << "the source has lost records";
  log.append_records("b", 1);
  log.append_markers(1);
  EXPECT_EQ(copied(2, 6), 4);
  EXPECT_EQ(copied(5, 6), 6);
}

}  // namespace
}  // namespace shunt::replicate
