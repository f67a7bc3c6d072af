#include "replicate/control/topics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replicate/control/topic_configs.h"
#include "tests/replicate/control/fake_kafka.h"

namespace shunt::replicate {
namespace {

using net::Awaitable;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;
using tests::FakeKafka;

constexpr std::int16_t create_topics_key = 19;

class TopicsTest : public ::testing::Test {
 protected:
  std::vector<TopicResult> prepare(std::vector<TopicPair> topics) {
    Cluster source(context.get_executor(), source_kafka.settings("A"));
    Cluster target(context.get_executor(), target_kafka.settings("B"));
    std::vector<TopicResult> results;
    tests::run(context, [&]() -> Awaitable<> { results = co_await prepare_topics(source, target, topics, settings); });
    return results;
  }
  TopicResult prepare_one(const std::string& source, const std::string& target) {
    std::vector<TopicResult> results = prepare({TopicPair{source, target}});
    EXPECT_EQ(results.size(), 1u);
    return results.at(0);
  }

  net::asio::io_context context;
  FakeKafka source_kafka{context, 1};
  FakeKafka target_kafka{context, 2};
  TopicSettings settings = [] {
    TopicSettings initial;
    initial.patience = std::chrono::seconds(10);
    return initial;
  }();
};

TEST_F(TopicsTest, CreatesWhatIsMissingWithTheSourcesShapeAndOwnSettings) {
  source_kafka.create("orders", 5).configs = {
      {"cleanup.policy", "compact"}, {"min.insync.replicas", "2"}, {"retention.ms", "5"}};
  target_kafka.leaderless_answers = 2;
  const TopicResult result = prepare_one("orders", "A.orders");
  EXPECT_EQ(result.outcome, TopicOutcome::created) << result.reason;
  EXPECT_EQ(result.mirrored_partitions(), 5);
  EXPECT_THAT(result.warnings, IsEmpty());
  EXPECT_EQ(target_kafka.topics.at("A.orders").partitions.size(), 5u);
  EXPECT_THAT(target_kafka.topics.at("A.orders").configs,
              UnorderedElementsAre(Pair("cleanup.policy", "compact"), Pair("retention.ms", "5"),
                                   Pair("replication", "2"), Pair("message.timestamp.type", "CreateTime"),
                                   Pair("message.timestamp.after.max.ms", "9223372036854775807"),
                                   Pair("message.timestamp.before.max.ms", "9223372036854775807")));
}

TEST_F(TopicsTest, OneRequestAsksForNoMorePartitionsThanAControllerCreatesAtOnce) {
  std::vector<TopicPair> pairs;
  for (int number = 0; number < 25; ++number) {
    const std::string name = "orders-" + std::to_string(number);
    source_kafka.create(name, number == 3 ? 9000 : 1000);
    pairs.push_back({name, name});
  }
  const std::vector<TopicResult> results = prepare(pairs);
  ASSERT_EQ(results.size(), pairs.size());
  for (const TopicResult& result : results) EXPECT_EQ(result.outcome, TopicOutcome::created) << result.reason;
  EXPECT_EQ(target_kafka.topics.at("orders-3").partitions.size(), 9000u);
}

TEST_F(TopicsTest, APlanSaysWhatWouldBeDoneAndDoesNothing) {
  settings.replication_factor = 3;
  target_kafka.unknown_configs = {"new.one"};
  source_kafka.create("orders", 5).configs = {{"new.one", "1"}, {"retention.ms", "5"}};
  source_kafka.create("short", 4);
  source_kafka.create("there", 1);
  target_kafka.create("short", 2);
  target_kafka.create("there", 1);
  Cluster source(context.get_executor(), source_kafka.settings("A"));
  Cluster target(context.get_executor(), target_kafka.settings("B"));
  std::vector<TopicResult> results;
  const std::vector<TopicPair> pairs{{"orders", "A.orders"}, {"short", "short"}, {"there", "there"}};
  tests::run(context, [&]() -> Awaitable<> { results = co_await plan_topics(source, target, pairs, settings); });
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0].outcome, TopicOutcome::created) << results[0].reason;
  EXPECT_EQ(results[0].replication_factor, 2);
  EXPECT_THAT(results[0].configs, ::testing::Contains(Pair("retention.ms", "5")));
  EXPECT_FALSE(results[0].configs.contains("new.one"));
  EXPECT_THAT(results[0].warnings, ::testing::Contains(HasSubstr("setting new.one=1 of orders was left out")));
  EXPECT_EQ(results[1].outcome, TopicOutcome::grown) << results[1].reason;
  EXPECT_EQ(results[1].target_partitions, 2);
  EXPECT_EQ(results[2].outcome, TopicOutcome::ready);
  EXPECT_FALSE(target_kafka.topics.contains("A.orders"));
  EXPECT_EQ(target_kafka.topics.at("short").partitions.size(), 2u);
}

TEST_F(TopicsTest, ConservativelyEveryTopicGetsSettingsThatItCanHave) {
  settings.policy = MetadataPolicy::conservative;
  settings.config_exclude.clear();
  target_kafka.unknown_configs = {"retention.ms"};
  source_kafka.create("a", 1).configs = {{"retention.ms", "5"}, {"min.insync.replicas", "3"}, {"flush.ms", "7"}};
  const TopicResult result = prepare_one("a", "a");
  EXPECT_EQ(result.outcome, TopicOutcome::created) << result.reason;
  const auto& made = target_kafka.topics.at("a").configs;
  EXPECT_EQ(made.at("cleanup.policy"), "delete");
  EXPECT_EQ(made.at("min.insync.replicas"), "1");
  EXPECT_EQ(made.at("flush.ms"), "7");
  EXPECT_FALSE(made.contains("retention.ms")) << "neither the source's nor the one in its place is taken";
  EXPECT_THAT(result.warnings,
              ElementsAre("setting min.insync.replicas=3 is more than the 2 replicas: 1 instead",
                          HasSubstr("setting retention.ms=5 of a was replaced by 604800000: B answered INVALID_CONFIG"),
                          HasSubstr("setting retention.ms=604800000 of a was left out: B answered INVALID_CONFIG")));
}

TEST_F(TopicsTest, WhatWasMirroredAndIsGoneIsNotCreatedByTheWay) {
  source_kafka.create("orders", 1);
  TopicPair mirrored{"orders", "orders"};
  mirrored.must_exist = true;
  const std::vector<TopicResult> results = prepare({mirrored});
  EXPECT_EQ(results.at(0).outcome, TopicOutcome::no_target);
  EXPECT_EQ(results.at(0).mirrored_partitions(), 0);
  EXPECT_EQ(target_kafka.requests(create_topics_key), 0);
}

TEST_F(TopicsTest, SettingsAreNotCopiedWhenNotWanted) {
  settings.copy_configs = false;
  source_kafka.create("orders", 1).configs = {{"cleanup.policy", "compact"}};
  EXPECT_EQ(prepare_one("orders", "orders").outcome, TopicOutcome::created);
  EXPECT_FALSE(target_kafka.topics.at("orders").configs.contains("cleanup.policy"));
}

TEST_F(TopicsTest, ReplicationIsLoweredToTheNumberOfBrokersWithAWarning) {
  settings.replication_factor = 3;
  source_kafka.create("orders", 1);
  const TopicResult result = prepare_one("orders", "orders");
  EXPECT_EQ(target_kafka.topics.at("orders").configs.at("replication"), "2");
  EXPECT_THAT(result.warnings, ElementsAre("replication factor 3 lowered to 2: B has 2 brokers"));

  settings.replication_factor = -1;
  source_kafka.create("more", 1);
  EXPECT_THAT(prepare_one("more", "more").warnings, IsEmpty());
  EXPECT_EQ(target_kafka.topics.at("more").configs.at("replication"), "-1");
}

TEST_F(TopicsTest, SettingsTheTargetDoesNotTakeAreLeftOutWithAWarning) {
  target_kafka.unknown_configs = {"new.one", "new.two"};
  source_kafka.create("a", 1).configs = {{"new.one", "1"}, {"new.two", "2"}, {"retention.ms", "5"}};
  source_kafka.create("b", 1).configs = {{"new.one", "1"}};
  const std::vector<TopicResult> results = prepare({{"a", "a"}, {"b", "b"}});
  EXPECT_EQ(results.at(0).outcome, TopicOutcome::created) << results.at(0).reason;
  EXPECT_EQ(results.at(1).outcome, TopicOutcome::created) << results.at(1).reason;
  ASSERT_EQ(results.at(0).warnings.size(), 2u);
  EXPECT_THAT(results.at(0).warnings.at(0),
              HasSubstr("setting new.one=1 of a was left out: B answered INVALID_CONFIG (40)"));
  EXPECT_EQ(results.at(1).warnings.size(), 1u);
  EXPECT_TRUE(target_kafka.topics.at("a").configs.contains("retention.ms"));
}

TEST_F(TopicsTest, AMirrorTakesWhateverTimesTheSourceHasTaken) {
  target_kafka.unknown_configs = {"message.timestamp.before.max.ms"};  // as before Kafka 3.6: then there is no limit
  source_kafka.create("a", 1).configs = {{"message.timestamp.after.max.ms", "5"},
                                         {"message.timestamp.before.max.ms", "5"},
                                         {"message.format.version", "0.10.0"}};
  const TopicResult result = prepare_one("a", "a");
  EXPECT_EQ(result.outcome, TopicOutcome::created) << result.reason;
  EXPECT_THAT(result.warnings, IsEmpty());
  EXPECT_THAT(target_kafka.topics.at("a").configs,
              UnorderedElementsAre(Pair("replication", "2"), Pair("message.timestamp.type", "CreateTime"),
                                   Pair("message.timestamp.after.max.ms", "9223372036854775807")));
}

TEST_F(TopicsTest, SettingsThatChangeWhatIsStoredAreNamed) {
  for (const char* name : {"plain", "times", "packed"}) source_kafka.create(name, 1);
  target_kafka.create("plain", 1).configs = {{"message.timestamp.type", "CreateTime"},
                                             {"compression.type", "producer"}};
  target_kafka.create("times", 1).configs = {{"message.timestamp.type", "LogAppendTime"}};
  target_kafka.create("packed", 1).configs = {{"compression.type", "zstd"}};
  const std::vector<TopicResult> results = prepare({{"plain", "plain"}, {"times", "times"}, {"packed", "packed"}});
  EXPECT_THAT(results.at(0).warnings, IsEmpty());
  EXPECT_THAT(results.at(1).warnings, ElementsAre(HasSubstr("message.timestamp.type=LogAppendTime on B")));
  EXPECT_THAT(results.at(2).warnings, ElementsAre(HasSubstr("compression.type=zstd on B")));
  target_kafka.describe_configs_error = 29;
  EXPECT_THAT(prepare_one("times", "times").warnings, IsEmpty());  // no right to ask: no reason to stop
}

TEST_F(TopicsTest, RefusalsThatAreNotAboutSettingsAreFinal) {
  target_kafka.create_error = 44;
  source_kafka.create("a", 1).configs = {{"retention.ms", "5"}};
  const TopicResult refused = prepare_one("a", "a");
  EXPECT_EQ(refused.outcome, TopicOutcome::not_created);
  EXPECT_THAT(refused.reason, HasSubstr("POLICY_VIOLATION"));

  target_kafka.create_error = 29;
  const TopicResult forbidden = prepare_one("a", "a");
  EXPECT_EQ(forbidden.outcome, TopicOutcome::not_created);
  EXPECT_THAT(forbidden.reason, HasSubstr("grant this user Create"));
}

TEST_F(TopicsTest, NothingIsCreatedWithoutKnowingTheSourcesSettings) {
  source_kafka.create("a", 1);
  source_kafka.describe_configs_error = 29;
  const TopicResult result = prepare_one("a", "a");
  EXPECT_EQ(result.outcome, TopicOutcome::not_created);
  EXPECT_THAT(result.reason, HasSubstr("grant DescribeConfigs"));
  EXPECT_EQ(target_kafka.requests(create_topics_key), 0);
}

TEST_F(TopicsTest, WhatIsThereIsLeftAlone) {
  source_kafka.create("a", 2).configs = {{"retention.ms", "5"}};
  target_kafka.create("a", 2);
  const TopicResult result = prepare_one("a", "a");
  EXPECT_EQ(result.outcome, TopicOutcome::ready);
  EXPECT_THAT(target_kafka.topics.at("a").configs, IsEmpty());
  EXPECT_EQ(target_kafka.requests(create_topics_key), 0);
}

TEST_F(TopicsTest, ShortTopicsGrowAndLongOnesAreNamed) {
  source_kafka.create("short", 4);
  target_kafka.create("short", 1);
  source_kafka.create("long", 2);
  target_kafka.create("long", 3);
  const std::vector<TopicResult> results = prepare({{"short", "short"}, {"long", "long"}});
  EXPECT_EQ(results.at(0).outcome, TopicOutcome::grown) << results.at(0).reason;
  EXPECT_EQ(results.at(0).mirrored_partitions(), 4);
  EXPECT_EQ(results.at(1).outcome, TopicOutcome::has_more_partitions);
  EXPECT_EQ(results.at(1).mirrored_partitions(), 2);
  EXPECT_THAT(results.at(1).reason, HasSubstr("long has 3 partitions on B, but long has 2 on A"));
}

TEST_F(TopicsTest, MetadataThatIsBehindTheGrowthIsWaitedFor) {
  source_kafka.create("a", 3);
  target_kafka.create("a", 1);
  target_kafka.answers_behind_growth = 3;
  const TopicResult result = prepare_one("a", "a");
  EXPECT_EQ(result.outcome, TopicOutcome::grown) << result.reason;
  EXPECT_EQ(result.mirrored_partitions(), 3);
}

TEST_F(TopicsTest, SomebodyElseMayGrowTheTopicFirst) {
  source_kafka.create("a", 3);
  auto& known_late = target_kafka.create("a", 3);
  known_late.partitions_before = 1;
  known_late.answers_behind = 2;
  const TopicResult result = prepare_one("a", "a");
  EXPECT_EQ(result.outcome, TopicOutcome::grown) << result.reason;
  EXPECT_EQ(result.mirrored_partitions(), 3);
}

TEST_F(TopicsTest, TopicsThatMayNotGrowAreMirroredAsFarAsTheyGo) {
  source_kafka.create("a", 4);
  target_kafka.create("a", 1);
  target_kafka.grow_error = 29;
  const TopicResult result = prepare_one("a", "a");
  EXPECT_EQ(result.outcome, TopicOutcome::has_fewer_partitions);
  EXPECT_EQ(result.mirrored_partitions(), 1);
  EXPECT_THAT(result.reason, HasSubstr("grant this user Alter"));
}

TEST_F(TopicsTest, SourceTopicsThatAreGoneAndTargetsTakenTwiceAreNamed) {
  source_kafka.create("a", 1);
  source_kafka.create("b", 1);
  const std::vector<TopicResult> results = prepare({{"nope", "nope"}, {"a", "x"}, {"b", "x"}});
  EXPECT_EQ(results.at(0).outcome, TopicOutcome::no_source);
  EXPECT_THAT(results.at(0).reason, HasSubstr("UNKNOWN_TOPIC_OR_PARTITION"));
  EXPECT_EQ(results.at(1).outcome, TopicOutcome::created);
  EXPECT_EQ(results.at(2).outcome, TopicOutcome::not_created);
  EXPECT_THAT(results.at(2).reason, HasSubstr("source topics a and b would both be written to x"));
}

TEST_F(TopicsTest, LeadersThatDoNotComeEndTheWait) {
  settings.patience = std::chrono::seconds(2);
  source_kafka.create("a", 1);
  target_kafka.leaderless_answers = 1000000;
  const TopicResult result = prepare_one("a", "a");
  EXPECT_EQ(result.outcome, TopicOutcome::no_leader);
  EXPECT_TRUE(result.may_retry);
  EXPECT_THAT(result.reason, HasSubstr("B has no leader for a-0"));
}

TEST_F(TopicsTest, RetriableRefusalsAreRetried) {
  settings.patience = std::chrono::seconds(2);
  source_kafka.create("a", 1);
  target_kafka.create_error = 41;
  const TopicResult result = prepare_one("a", "a");
  EXPECT_EQ(result.outcome, TopicOutcome::not_created);
  EXPECT_TRUE(result.may_retry);
  EXPECT_THAT(result.reason, HasSubstr("NOT_CONTROLLER"));
  EXPECT_GT(target_kafka.requests(create_topics_key), 1);
}

TEST(ConfigFilter, TakesWhatWasSetOnTheTopicAndIsNotExcluded) {
  const ConfigFilter filter({"min\\.insync\\.replicas", "x.*"});
  using Config = protocol::DescribeConfigsResponse::Config;
  const auto config = [](const std::string& name, std::int8_t origin, bool sensitive = false, bool read_only = false) {
    Config made;
    made.name = name;
    made.value = "1";
    made.config_source = origin;
    made.is_sensitive = sensitive;
    made.read_only = read_only;
    return made;
  };
  const std::vector<Config> configs = {config("retention.ms", 1),        config("segment.ms", 5),
                                       config("segment.bytes", 4),       config("min.insync.replicas", 1),
                                       config("min_insync_replicas", 1), config("xyz", 1),
                                       config("secret", 1, true),        config("fixed", 1, false, true)};
  EXPECT_THAT(filter.select(configs), ElementsAre(Pair("min_insync_replicas", "1"), Pair("retention.ms", "1")));
  EXPECT_THAT(filter.select({config("max.message.bytes", 4)}), ElementsAre(Pair("max.message.bytes", "1")));
  EXPECT_THAT(filter.select({config("max.message.bytes", 5)}), IsEmpty());
  EXPECT_THROW(ConfigFilter({"("}), std::invalid_argument);
}

}  // namespace
}  // namespace shunt::replicate
