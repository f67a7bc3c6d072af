#include "replicate/control/config_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::replicate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr std::int8_t of_topic = 1;
constexpr std::int8_t of_all_brokers = 3;
constexpr std::int8_t of_file = 4;
constexpr std::int8_t of_kafka = 5;

protocol::DescribeConfigsResponse::Config config(const std::string& name, const std::string& value,
                                                 std::int8_t origin = of_topic) {
  protocol::DescribeConfigsResponse::Config made;
  made.name = name;
  made.value = value;
  made.config_source = origin;
  return made;
}

ConfigChange set(const std::string& name, const std::string& value) {
  return {.name = name, .value = value};
}
ConfigChange to_default(const std::string& name) {
  return {.name = name, .value = std::nullopt};
}

class ConfigChangesTest : public ::testing::Test {
 protected:
  ConfigChanges changes(const DescribedConfigs& source, const DescribedConfigs& target) {
    return config_changes(source, target, ConfigFilter({"min\\.insync\\.replicas"}), settings, "B");
  }
  ConfigChangeSettings settings;
};

TEST_F(ConfigChangesTest, WhatIsSetOnTheSourceIsSetAndWhatIsDefaultThereIsLeftToTheTarget) {
  const ConfigChanges found = changes(
      {config("retention.ms", "5"), config("segment.ms", "7"), config("segment.bytes", "9", of_kafka),
       config("flush.ms", "3", of_all_brokers), config("min.insync.replicas", "2"), config("preallocate", "true")},
      {config("retention.ms", "6"), config("segment.ms", "7"), config("segment.bytes", "8"),
       config("flush.ms", "4", of_kafka), config("min.insync.replicas", "1", of_kafka),
       config("preallocate", "true", of_file)});
  EXPECT_THAT(found.changes, ElementsAre(set("flush.ms", "3"), set("preallocate", "true"), set("retention.ms", "5"),
                                         to_default("segment.bytes")));
  EXPECT_THAT(found.impossible, IsEmpty());
}

TEST_F(ConfigChangesTest, NothingChangesWhereNothingDiffers) {
  const DescribedConfigs same = {config("retention.ms", "5"), config("flush.ms", "3", of_kafka)};
  EXPECT_THAT(changes(same, same).changes, IsEmpty());
  // The same value by another way is enough, unless it was set on the topic itself.
  EXPECT_THAT(changes({config("flush.ms", "3", of_all_brokers)}, {config("flush.ms", "3", of_kafka)}).changes,
              IsEmpty());
  // Defaults are each cluster's own.
  EXPECT_THAT(changes({config("flush.ms", "3", of_kafka)}, {config("flush.ms", "4", of_kafka)}).changes, IsEmpty());
}

TEST_F(ConfigChangesTest, DefaultsMayBeTheSources) {
  settings.defaults_from_source = true;
  const ConfigChanges found = changes({config("flush.ms", "3", of_kafka), config("segment.ms", "4", of_kafka),
                                       config("new.one", "1", of_kafka), config("another", "1", of_kafka)},
                                      {config("flush.ms", "5", of_file), config("segment.ms", "4", of_kafka)});
  EXPECT_THAT(found.changes, ElementsAre(set("flush.ms", "3")));
  EXPECT_THAT(found.impossible,
              ElementsAre(Pair("another, new.one", "B does not know it, and use.defaults.from=source asks for it")));
}

TEST_F(ConfigChangesTest, WhatCannotBeWrittenIsNotTriedAndNamed) {
  auto fixed = config("segment.ms", "1");
  fixed.read_only = true;
  auto secret = config("secret", "1");
  secret.is_sensitive = true;
  auto fixed_there = config("flush.ms", "9");
  fixed_there.read_only = true;
  const ConfigChanges found =
      changes({fixed, secret, config("flush.ms", "3"), config("new.one", "1"), config("brokers", "2", of_file)},
              {config("segment.ms", "7"), config("secret", "2"), fixed_there, config("brokers", "3")});
  EXPECT_THAT(found.changes, IsEmpty());
  EXPECT_THAT(found.impossible, UnorderedElementsAre(Pair("flush.ms", "B does not let it be written"),
                                                     Pair("new.one=1", "B does not know it")));
}

TEST_F(ConfigChangesTest, WhatAMirrorNeedsIsNotUndone) {
  const std::string no_limit = "9223372036854775807";
  const ConfigChanges found =
      changes({config("message.timestamp.after.max.ms", "5"), config("message.timestamp.before.max.ms", "5", of_kafka),
               config("message.timestamp.difference.max.ms", "5"), config("message.format.version", "0.10.0"),
               config("message.timestamp.type", "CreateTime", of_kafka), config("max.message.bytes", "100", of_kafka)},
              {config("message.timestamp.after.max.ms", no_limit), config("message.timestamp.before.max.ms", no_limit),
               config("message.timestamp.difference.max.ms", no_limit), config("message.format.version", "3.0"),
               config("message.timestamp.type", "CreateTime"), config("max.message.bytes", "200")});
  EXPECT_THAT(found.changes, IsEmpty());
  EXPECT_THAT(found.impossible, IsEmpty());
}

TEST_F(ConfigChangesTest, SizeLimitsAreRaisedAndTimesStayTheSources) {
  EXPECT_THAT(
      changes({config("max.message.bytes", "300", of_file)}, {config("max.message.bytes", "200", of_kafka)}).changes,
      ElementsAre(set("max.message.bytes", "300")));
  EXPECT_THAT(changes({config("message.timestamp.type", "CreateTime", of_kafka)},
                      {config("message.timestamp.type", "LogAppendTime", of_file)})
                  .changes,
              ElementsAre(set("message.timestamp.type", "CreateTime")));
  EXPECT_THAT(
      changes({config("message.timestamp.type", "LogAppendTime")}, {config("message.timestamp.type", "CreateTime")})
          .changes,
      ElementsAre(set("message.timestamp.type", "LogAppendTime")));
}

TEST_F(ConfigChangesTest, ConservativelyRetentionIsLiftedAndNothingElse) {
  settings.policy = MetadataPolicy::conservative;
  EXPECT_THAT(
      changes({config("retention.ms", "-1"), config("retention.bytes", "-1", of_kafka), config("segment.ms", "1")},
              {config("retention.ms", "5"), config("retention.bytes", "5", of_file), config("segment.ms", "2")})
          .changes,
      ElementsAre(set("retention.bytes", "-1"), set("retention.ms", "-1")));
  EXPECT_THAT(changes({config("retention.ms", "4"), config("retention.bytes", "-1")},
                      {config("retention.ms", "5"), config("retention.bytes", "-1")})
                  .changes,
              IsEmpty());
}

TEST(StandardSettings, StandWhereTheSourcesAreMissingOrInvalid) {
  const ConfigFilter filter({"segment\\.ms"}, MetadataPolicy::conservative);
  TopicConfigs none;
  EXPECT_THAT(complete_settings(none, filter, 3), IsEmpty());
  EXPECT_THAT(none, ElementsAre(Pair("cleanup.policy", "delete"), Pair("max.message.bytes", "1048588"),
                                Pair("min.insync.replicas", "1"), Pair("retention.ms", "604800000"),
                                Pair("unclean.leader.election.enable", "false")));
  TopicConfigs odd = {{"cleanup.policy", "burn"},
                      {"max.message.bytes", "5"},
                      {"min.insync.replicas", "2"},
                      {"retention.bytes", "much"},
                      {"retention.ms", "-1"},
                      {"segment.ms", "-7"},
                      {"unclean.leader.election.enable", "true"}};
  EXPECT_THAT(complete_settings(odd, filter, 1),
              ElementsAre("setting cleanup.policy=burn is no value that it can have: delete instead",
                          "setting min.insync.replicas=2 is more than the 1 replica: 1 instead",
                          "setting retention.bytes=much is no value that it can have: the target's default instead"));
  EXPECT_THAT(odd, ElementsAre(Pair("cleanup.policy", "delete"), Pair("max.message.bytes", "5"),
                               Pair("min.insync.replicas", "1"), Pair("retention.ms", "-1"), Pair("segment.ms", "-7"),
                               Pair("unclean.leader.election.enable", "true")));
}

}  // namespace
}  // namespace shunt::replicate
