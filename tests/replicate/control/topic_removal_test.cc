#include "replicate/control/topic_removal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replicate/identity.h"
#include "tests/replicate/control/fake_kafka.h"

namespace shunt::replicate {
namespace {

using net::Awaitable;
using Outcome = TopicRemoval::Outcome;
using protocol::PartitionIndex;
using ::testing::HasSubstr;
using tests::FakeKafka;

constexpr std::uint16_t tag = 7;
constexpr std::int16_t delete_topics_key = 20;

protocol::Uuid id(std::uint8_t number) {
  protocol::Uuid uuid;
  uuid.bytes[15] = std::byte{number};
  return uuid;
}

class TopicRemovalTest : public ::testing::Test {
 protected:
  TopicRemovalTest() {
    // Two partitions, written by this mirror; and an empty one.
    kafka.create("t", 3).id = 5;
    for (int index : {0, 1}) {
      kafka.partition("t", index).log_end = 10;
      kafka.partition("t", index).producers = {identity(index)};
    }
  }
  static std::int64_t identity(int index) { return flow_identity(tag, id(5), "t", PartitionIndex(index), "s").value(); }
  TopicRemoval remove(std::uint8_t number = 5) {
    Cluster cluster(context.get_executor(), kafka.settings("B"));
    TopicRemoval removal;
    tests::run(context, [&]() -> Awaitable<> {
      OwnTargetTopic topic{.name = "t", .id = id(number), .source_topic = "s", .tag = tag};
      removal = co_await remove_own_topic(cluster, std::move(topic), std::chrono::milliseconds(100));
    });
    return removal;
  }

  net::asio::io_context context;
  FakeKafka kafka{context, 2};
};

TEST_F(TopicRemovalTest, DeletesWhatThisMirrorHasWritten) {
  const TopicRemoval removal = remove();
  EXPECT_EQ(removal.outcome, Outcome::gone) << removal.reason;
  EXPECT_FALSE(kafka.topics.contains("t"));
}

TEST_F(TopicRemovalTest, LeavesATopicThatOthersHaveWrittenToo) {
  kafka.partition("t", 1).producers.push_back(42);
  const TopicRemoval removal = remove();
  EXPECT_EQ(removal.outcome, Outcome::refused);
  EXPECT_THAT(removal.reason, HasSubstr("producer id 42 has written to t-1 as well"));
  EXPECT_EQ(kafka.requests(delete_topics_key), 0);
}

TEST_F(TopicRemovalTest, LeavesATopicThatDoesNotRememberThisMirror) {
  kafka.partition("t", 2).append_markers(3);
  kafka.partition("t", 2).append_records("one", 1);
  const TopicRemoval removal = remove();
  EXPECT_EQ(removal.outcome, Outcome::refused);
  EXPECT_THAT(removal.reason, HasSubstr("t-2 does not remember this mirror"));
  EXPECT_EQ(kafka.requests(delete_topics_key), 0);
}

// Found by the simulation: a head that was being filled.
TEST_F(TopicRemovalTest, DeletesAPartitionThatHasNoRecords) {
  kafka.partition("t", 2).append_markers(3);
  const TopicRemoval removal = remove();
  EXPECT_EQ(removal.outcome, Outcome::gone) << removal.reason;
  EXPECT_FALSE(kafka.topics.contains("t"));
}

TEST_F(TopicRemovalTest, LeavesATopicThatHasTakenItsPlace) {
  EXPECT_EQ(remove(4).outcome, Outcome::gone);
  EXPECT_TRUE(kafka.topics.contains("t"));
  EXPECT_EQ(kafka.requests(delete_topics_key), 0);
}

TEST_F(TopicRemovalTest, SaysWhatIsMissingToDoIt) {
  kafka.delete_error = 29;
  const TopicRemoval refused = remove();
  EXPECT_EQ(refused.outcome, Outcome::refused);
  EXPECT_THAT(refused.reason, HasSubstr("grant this user Delete on the topic"));
  kafka.delete_error = 7;
  EXPECT_EQ(remove().outcome, Outcome::retry);
  kafka.partition("t", 0).error = 29;
  EXPECT_EQ(remove().outcome, Outcome::refused);
}

}  // namespace
}  // namespace shunt::replicate
