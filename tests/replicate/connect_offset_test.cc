#include "replicate/connect_offset.h"

#include <string_view>

#include <gtest/gtest.h>

namespace shunt::replicate {
namespace {

using protocol::Offset;
using protocol::PartitionIndex;

std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}
std::string text(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(ConnectOffset, IsWhatMirrorMakerWrites) {
  const ConnectOffset position{.connector = "MirrorSourceConnector",
                               .cluster = "A",
                               .topic = "orders.eu",
                               .partition = PartitionIndex(3),
                               .next = Offset(42)};
  EXPECT_EQ(text(position.key()), R"(["MirrorSourceConnector",{"cluster":"A","partition":3,"topic":"orders.eu"}])");
  EXPECT_EQ(text(position.value()), R"({"offset":41})");
}

TEST(ConnectOffset, ReadsWhatMirrorMakerHasWritten) {
  const auto key = bytes(R"(["MirrorSourceConnector",{"cluster":"A","partition":3,"topic":"orders"}])");
  const auto read = ConnectOffset::parse(key, bytes(R"({"offset":41})"));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->connector, "MirrorSourceConnector");
  EXPECT_EQ(read->cluster, "A");
  EXPECT_EQ(read->topic, "orders");
  EXPECT_EQ(read->partition, PartitionIndex(3));
  EXPECT_EQ(read->next, Offset(42));
  const auto forgotten = ConnectOffset::parse(key, std::nullopt);
  ASSERT_TRUE(forgotten.has_value());
  EXPECT_FALSE(forgotten->next.has_value());
}

TEST(ConnectOffset, LeavesOtherConnectorsAlone) {
  for (const char* key : {R"(["MirrorCheckpointConnector",{"partition":0,"topic":"t","group":"g"}])",
                          R"(["MirrorHeartbeatConnector",{"sourceClusterAlias":"A","targetClusterAlias":"B"}])",
                          R"(["file-source",{"filename":"x"}])", R"({"cluster":"A"})", "[]", "", "\xff",
                          R"(["c",{"cluster":"A","partition":-1,"topic":"t"}])",
                          R"(["c",{"cluster":"A","partition":2147483648,"topic":"t"}])"}) {
    EXPECT_FALSE(ConnectOffset::parse(bytes(key), bytes(R"({"offset":1})")).has_value()) << key;
  }
  const auto key = bytes(R"(["c",{"cluster":"A","partition":0,"topic":"t"}])");
  for (const char* value :
       {"", "{}", "[]", R"({"offset":-1})", R"({"offset":"1"})", R"({"offset":9223372036854775807})"})
    EXPECT_FALSE(ConnectOffset::parse(key, bytes(value)).has_value()) << value;
}

// Of org.apache.kafka.common.utils.UtilsTest: what murmur2 is of these, positive, modulo 1,000,003.
TEST(ConnectOffset, KeysLieWhereProducersPutThem) {
  const auto expected = [](std::int32_t murmur2) { return (murmur2 & 0x7fffffff) % 1'000'003; };
  EXPECT_EQ(partition_of_key(bytes("21"), 1'000'003), expected(-973932308));
  EXPECT_EQ(partition_of_key(bytes("foobar"), 1'000'003), expected(-790332482));
  EXPECT_EQ(partition_of_key(bytes("abc"), 1'000'003), expected(479470107));
  EXPECT_EQ(partition_of_key(bytes("a-little-bit-long-string"), 1'000'003), expected(-985981536));
  EXPECT_EQ(partition_of_key(bytes("a-little-bit-longer-string"), 1'000'003), expected(-1486304829));
}

}  // namespace
}  // namespace shunt::replicate
