#include "replicate/admin/config_sync.h"

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/messages/incremental_alter_configs.h"
#include "tests/replicate/control/fake_kafka.h"

namespace shunt::replicate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using tests::FakeKafka;
using Configs = std::map<std::string, std::string>;

constexpr std::int16_t alter_key = protocol::IncrementalAlterConfigsRequest::api.key;

class ConfigSyncTest : public ::testing::Test {
 protected:
  ConfigSyncTest() { mirror("orders", "A.orders"); }

  void mirror(const std::string& from, const std::string& to) {
    source_.create(from, 1);
    target_.create(to, 1);
    topics_->add(from, to);
  }
  Configs& on_source(const std::string& topic = "orders") { return source_.topics.at(topic).configs; }
  Configs& on_target(const std::string& topic = "A.orders") { return target_.topics.at(topic).configs; }

  /// Once; what has failed, or nothing.
  std::string perform() {
    std::string failure;
    tests::run(context_, [&]() -> net::Awaitable<> {
      try {
        co_await sync_.perform();
      } catch (const ClusterError& error) {
        failure = error.what();
      }
    });
    return failure;
  }
  int alterations() const { return target_.requests(alter_key); }

  net::asio::io_context context_;
  FakeKafka source_{context_, 1};
  FakeKafka target_{context_, 1};
  Cluster source_cluster_{context_.get_executor(), source_.settings("A")};
  Cluster target_cluster_{context_.get_executor(), target_.settings("B")};
  std::shared_ptr<KnownTopics> topics_ = std::make_shared<KnownTopics>();
  ConfigSync sync_{source_cluster_, target_cluster_, topics_, {.flow = "A->B", .exclude = {"x.*"}, .changes = {}}};
};

TEST_F(ConfigSyncTest, FollowsTheSourceAndSendsNothingWhereNothingDiffers) {
  on_source() = {{"retention.ms", "5"}, {"xyz", "1"}};
  on_target() = {{"retention.ms", "6"}, {"xyz", "2"}};
  EXPECT_EQ(perform(), "");
  EXPECT_THAT(on_target(), ElementsAre(Pair("retention.ms", "5"), Pair("xyz", "2")));
  EXPECT_EQ(alterations(), 1);
  EXPECT_EQ(perform(), "");
  EXPECT_EQ(alterations(), 1);
}

TEST_F(ConfigSyncTest, TopicsThatOthersWriteOrThatAreNotMirroredAreLeftAlone) {
  source_.create("other", 1).configs = {{"retention.ms", "5"}};
  target_.create("A.other", 1).configs = {{"retention.ms", "6"}};
  mirror("foreign", "A.foreign");
  on_source("foreign") = {{"retention.ms", "5"}};
  on_target("A.foreign") = {{"retention.ms", "6"}};
  topics_->bar("foreign");
  topics_->add("foreign", "A.foreign");
  EXPECT_EQ(perform(), "");
  EXPECT_EQ(alterations(), 0);
}

TEST_F(ConfigSyncTest, ATopicThatIsNewIsSeenToAtOnce) {
  EXPECT_TRUE(sync_.is_due_early());
  EXPECT_EQ(perform(), "");
  EXPECT_FALSE(sync_.is_due_early());
  EXPECT_FALSE(sync_.is_due_at_the_end());
  mirror("clicks", "A.clicks");
  EXPECT_TRUE(sync_.is_due_early());
  EXPECT_TRUE(sync_.is_due_at_the_end());
}

TEST_F(ConfigSyncTest, WhatTheTargetRefusesIsTriedAloneAndTheRestGoesOn) {
  target_.unknown_configs = {"flush.ms"};
  on_source() = {{"flush.ms", "3"}, {"retention.ms", "5"}};
  on_target() = {{"flush.ms", "4"}, {"retention.ms", "6"}};
  EXPECT_EQ(perform(), "");
  EXPECT_THAT(on_target(), ElementsAre(Pair("flush.ms", "4"), Pair("retention.ms", "5")));
  EXPECT_EQ(alterations(), 3);  // both, and each alone
  on_source()["retention.ms"] = "7";
  EXPECT_EQ(perform(), "");
  EXPECT_EQ(on_target().at("retention.ms"), "7");
  EXPECT_EQ(alterations(), 5);  // what was refused goes alone from now on
  target_.unknown_configs.clear();
  EXPECT_EQ(perform(), "");
  EXPECT_EQ(on_target().at("flush.ms"), "3");
}

TEST_F(ConfigSyncTest, MissingRightsAreNamedWithWhatToGrant) {
  on_source() = {{"retention.ms", "5"}};
  on_target() = {{"retention.ms", "6"}};
  target_.alter_configs_error = 29;
  EXPECT_THAT(perform(), HasSubstr("settings of A.orders: B answered TOPIC_AUTHORIZATION_FAILED (29) to "
                                   "IncrementalAlterConfigs (grant AlterConfigs on the topic)"));
  mirror("clicks", "A.clicks");
  source_.describe_configs_error = 29;
  EXPECT_THAT(perform(), HasSubstr("settings of clicks: A answered TOPIC_AUTHORIZATION_FAILED (29) to DescribeConfigs "
                                   "(grant DescribeConfigs on the topic) (and 1 more topics)"));
}

}  // namespace
}  // namespace shunt::replicate
