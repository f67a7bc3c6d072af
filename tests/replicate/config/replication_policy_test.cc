#include "replicate/config/replication_policy.h"

#include <gtest/gtest.h>

namespace shunt::replicate {
namespace {

using Kind = ReplicationPolicy::Kind;

TEST(DefaultPolicy, PrefixesTheSource) {
  const ReplicationPolicy policy(Kind::default_policy, "A");
  EXPECT_EQ(policy.format_remote_topic("A", "orders"), "A.orders");
  EXPECT_EQ(policy.topic_source("A.orders"), "A");
  EXPECT_EQ(policy.upstream_topic("A.orders"), "orders");
  EXPECT_EQ(policy.upstream_topic("B.A.orders"), "A.orders");
  EXPECT_EQ(policy.original_topic("B.A.orders"), "orders");
  EXPECT_EQ(policy.topic_source("orders"), std::nullopt);
  EXPECT_EQ(policy.upstream_topic("orders"), std::nullopt);
}

// What Java's String.split() makes of names on the edge.
TEST(DefaultPolicy, SplitsAsJava) {
  const ReplicationPolicy dot(Kind::default_policy, "A");
  EXPECT_EQ(dot.topic_source("a."), std::nullopt);
  EXPECT_EQ(dot.topic_source("a.."), std::nullopt);
  EXPECT_EQ(dot.topic_source("."), std::nullopt);
  EXPECT_EQ(dot.topic_source(".a"), "");
  EXPECT_EQ(dot.upstream_topic(".a"), "a");
  const ReplicationPolicy dashes(Kind::default_policy, "A", "--");
  EXPECT_EQ(dashes.topic_source("a---"), "a");
  EXPECT_EQ(dashes.upstream_topic("a--b"), "b");
  const ReplicationPolicy empty(Kind::default_policy, "A", "");
  EXPECT_EQ(empty.format_remote_topic("A", "orders"), "Aorders");
  EXPECT_EQ(empty.topic_source("ab"), "a");
  EXPECT_EQ(empty.upstream_topic("ab"), "b");
  EXPECT_EQ(empty.topic_source("a"), std::nullopt);
}

TEST(DefaultPolicy, SeesCycles) {
  const ReplicationPolicy policy(Kind::default_policy, "A");
  EXPECT_FALSE(policy.is_cycle("orders", "B"));
  EXPECT_TRUE(policy.is_cycle("B.orders", "B"));
  EXPECT_TRUE(policy.is_cycle("C.B.orders", "B"));
  EXPECT_FALSE(policy.is_cycle("C.orders", "B"));
}

TEST(IdentityPolicy, KeepsNamesSaveHeartbeats) {
  const ReplicationPolicy policy(Kind::identity, "A");
  EXPECT_EQ(policy.format_remote_topic("A", "orders"), "orders");
  EXPECT_EQ(policy.topic_source("orders"), "A");
  EXPECT_EQ(policy.upstream_topic("B.orders"), "B.orders");
  EXPECT_FALSE(policy.is_cycle("B.orders", "B")) << "names say nothing";
  EXPECT_EQ(policy.format_remote_topic("A", "heartbeats"), "A.heartbeats");
  EXPECT_TRUE(policy.is_cycle("B.heartbeats", "B"));
}

TEST(Policy, KnowsHeartbeats) {
  for (const Kind kind : {Kind::default_policy, Kind::identity}) {
    const ReplicationPolicy policy(kind, "A");
    EXPECT_TRUE(policy.is_heartbeats_topic("heartbeats"));
    EXPECT_TRUE(policy.is_heartbeats_topic("B.A.heartbeats"));
    EXPECT_FALSE(policy.is_heartbeats_topic("my-heartbeats"));
    EXPECT_FALSE(policy.is_heartbeats_topic("orders"));
  }
}

TEST(Policy, KnowsInternalTopics) {
  const ReplicationPolicy policy(Kind::default_policy, "A");
  for (const char* topic : {"__consumer_offsets", "__x", ".x", "mm2-offset-syncs.B.internal", "mm2-configs.A.internal",
                            "B.checkpoints.internal", "mm2.internal"}) {
    EXPECT_TRUE(policy.is_internal_topic(topic)) << topic;
  }
  for (const char* topic : {"orders", "_schemas", "orders.internal", "orders-internal", "connect-offsets", "A.__x"}) {
    EXPECT_FALSE(policy.is_internal_topic(topic)) << topic;
  }
}

TEST(Policy, UsesTheSeparatorInInternalTopicsIfTold) {
  const ReplicationPolicy with(Kind::default_policy, "A", "_", true);
  EXPECT_TRUE(with.is_internal_topic("A_checkpoints_internal"));
  EXPECT_EQ(with.checkpoints_topic("A"), "A_checkpoints_internal");
  EXPECT_FALSE(with.is_internal_topic("A.checkpoints.internal"));
  EXPECT_TRUE(with.is_internal_topic("mm2-offsets.A.internal"));
  const ReplicationPolicy without(Kind::default_policy, "A", "_", false);
  EXPECT_EQ(with.offset_syncs_topic("B"), "mm2-offset-syncs_B_internal");
  EXPECT_TRUE(with.is_internal_topic(with.offset_syncs_topic("B")));
  EXPECT_EQ(without.offset_syncs_topic("B"), "mm2-offset-syncs.B.internal");
  EXPECT_EQ(with.failovers_topic("A"), "mm2-failovers_A_internal");
  EXPECT_EQ(without.failovers_topic("A"), "mm2-failovers.A.internal");
  EXPECT_TRUE(with.is_internal_topic(with.failovers_topic("A")));
  EXPECT_TRUE(without.is_internal_topic("A.checkpoints.internal"));
  EXPECT_FALSE(without.is_internal_topic("A_checkpoints_internal"));
}

}  // namespace
}  // namespace shunt::replicate
