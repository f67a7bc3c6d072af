#include "replicate/config/reversed_flow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replicate/config/load.h"

namespace shunt::replicate {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

Config reversed(const std::string& more) {
  Diagnostics diagnostics;
  const std::string text =
      "clusters=A,B\nA.bootstrap.servers=a:1\nB.bootstrap.servers=b:1\nA->B.enabled=true\n"
      "replication.policy.class=IdentityReplicationPolicy\n" +
      more;
  LoadOptions options;
  options.reversed.emplace("A", "B");
  const LoadedConfig loaded = load_config(parse_properties(text, "f", diagnostics), "f", options);
  EXPECT_TRUE(loaded.config.has_value());
  EXPECT_THAT(loaded.config->flows, SizeIs(1));
  return *loaded.config;
}

TEST(ReversedFlowTest, HasTheSettingsOfTheOtherDirection) {
  const Config config = reversed("A->B.topics=orders\nA->B.groups=billing\nB->A.enabled=false\n");
  const FlowConfig& back = config.flows.front();
  EXPECT_EQ(back.name(), "B->A");
  EXPECT_TRUE(back.mirrors("orders"));
  EXPECT_FALSE(back.mirrors("clicks"));
  EXPECT_TRUE(back.groups.selects("billing"));
  EXPECT_FALSE(back.groups.selects("other"));
  EXPECT_THAT(back.source_admin.bootstrap_servers, ElementsAre(net::HostPort{"b", 1}));
  EXPECT_THAT(back.target_admin.bootstrap_servers, ElementsAre(net::HostPort{"a", 1}));
}

TEST(ReversedFlowTest, KeysOfItsOwnAreTaken) {
  const Config config = reversed("A->B.topics=orders\nB->A.topics=clicks\n");
  EXPECT_TRUE(config.flows.front().mirrors("clicks"));
  EXPECT_FALSE(config.flows.front().mirrors("orders"));
}

TEST(ReversedFlowTest, SettingsOfTheClustersAtItsEndsChangePlaces) {
  Properties properties;
  const auto set = [&properties](const std::string& key) {
    properties[key].key = key;
    properties[key].value = sasl::Secret("x");
  };
  set("A->B.source.cluster.bootstrap.servers");
  set("A->B.target.cluster.ssl.protocol");
  set("A->B.source.consumer.fetch.min.bytes");
  reverse_flow(properties, "A", "B");
  EXPECT_TRUE(properties.contains("B->A.target.cluster.bootstrap.servers"));
  EXPECT_TRUE(properties.contains("B->A.source.cluster.ssl.protocol"));
  EXPECT_TRUE(properties.contains("B->A.source.consumer.fetch.min.bytes"));
  EXPECT_EQ(properties.at("B->A.enabled").value.reveal(), "true");
  EXPECT_EQ(properties.at("A->B.enabled").value.reveal(), "false");
}

}  // namespace
}  // namespace shunt::replicate
