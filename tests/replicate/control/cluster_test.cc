#include "replicate/control/cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/messages/metadata.h"
#include "protocol/messages/write_txn_markers.h"
#include "replicate/control/leaders.h"
#include "replicate/control/read_log.h"
#include "replicate/control/write_log.h"
#include "tests/replicate/control/fake_kafka.h"

namespace shunt::replicate {
namespace {

using net::Awaitable;
using protocol::BrokerId;
using protocol::LeaderEpoch;
using protocol::Offset;
using protocol::PartitionIndex;
using ::testing::HasSubstr;
using tests::FakeKafka;

class ClusterTest : public ::testing::Test {
 protected:
  void run(std::function<Awaitable<>()> body) { tests::run(context, std::move(body)); }

  std::string failure_of(std::function<Awaitable<>()> body) {
    try {
      run(std::move(body));
    } catch (const std::exception& error) {
      return error.what();
    }
    return {};
  }

  net::asio::io_context context;
  FakeKafka kafka{context, 3};
};

const TopicPartition a0{"a", PartitionIndex(0)};
const TopicPartition a1{"a", PartitionIndex(1)};
const TopicPartition a2{"a", PartitionIndex(2)};

TEST_F(ClusterTest, FindsBrokersAndTopicsFromOneAddress) {
  kafka.create("a", 3);
  Cluster cluster(context.get_executor(), kafka.settings("source"));
  run([&]() -> Awaitable<> { co_await cluster.refresh_topics(); });
  EXPECT_EQ(cluster.id(), "fake");
  EXPECT_EQ(cluster.brokers().size(), 3u);
  ASSERT_NE(cluster.find_topic("a"), nullptr);
  EXPECT_EQ(cluster.find_topic("a")->partitions.size(), 3u);
  ASSERT_NE(cluster.find_partition(a1), nullptr);
  EXPECT_EQ(cluster.find_partition(a1)->leader, BrokerId(1));
  EXPECT_EQ(cluster.find_led(a1), cluster.find_partition(a1));
  EXPECT_EQ(cluster.find_partition({"a", PartitionIndex(3)}), nullptr);
  EXPECT_EQ(cluster.find_led({"a", PartitionIndex(3)}), nullptr);
  EXPECT_EQ(cluster.find_partition({"a", PartitionIndex(-1)}), nullptr);
  EXPECT_EQ(cluster.find_topic("b"), nullptr);
  EXPECT_EQ(kafka.broker(0).connections(), 1);  // the bootstrap address is broker 0's: one connection
}

TEST_F(ClusterTest, NamedTopicsThatDoNotExistAreKnownWithTheirError) {
  Cluster cluster(context.get_executor(), kafka.settings("source"));
  run([&]() -> Awaitable<> {
    std::vector<std::string> names = {"nope"};
    co_await cluster.refresh_topics(names);
  });
  ASSERT_NE(cluster.find_topic("nope"), nullptr);
  EXPECT_EQ(cluster.find_topic("nope")->error_code, 3);
}

TEST_F(ClusterTest, WhereNobodyLeadsItIsKnownWhy) {
  kafka.create("a", 3);
  kafka.partition("a", 0).leader = -1;
  kafka.create("b", 1);
  kafka.topics.at("b").error = protocol::errors::topic_authorization_failed;
  const TopicPartition b0{"b", PartitionIndex(0)};
  Cluster cluster(context.get_executor(), kafka.settings("source"));
  run([&]() -> Awaitable<> {
    std::vector<std::string> names = {"a", "b"};
    co_await cluster.refresh_topics(names);
    const LogStretch moving = co_await read_log(cluster, a0, Offset(0), 1000, Isolation::read_committed, 0);
    EXPECT_EQ(moving.error_code, protocol::errors::leader_not_available);
    const LogStretch refused = co_await read_log(cluster, b0, Offset(0), 1000, Isolation::read_committed, 0);
    EXPECT_EQ(refused.error_code, protocol::errors::topic_authorization_failed);
  });
  EXPECT_EQ(cluster.why_not_led(a0).reason, "source has no leader for a-0 at the moment");
  EXPECT_EQ(cluster.why_not_led(b0).reason, "source answers TOPIC_AUTHORIZATION_FAILED (29) for topic b");
}

TEST_F(ClusterTest, DeadBootstrapAddressesDoNotMatter) {
  ClusterSettings settings = kafka.settings("source");
  tests::ScriptedBroker dead(context);
  dead.stop();
  tests::ScriptedBroker web(context);
  web.conversation = [](tests::ScriptedBroker::Socket& socket) -> Awaitable<> {
    const std::string text = "HTTP/1.1 400 Bad Request\r\n\r\n";
    co_await socket.async_write_some(net::asio::buffer(text), net::with_error);
  };
  settings.bootstrap.insert(settings.bootstrap.begin(), {dead.address(), web.address()});
  Cluster cluster(context.get_executor(), settings);
  run([&]() -> Awaitable<> { co_await cluster.refresh(); });
  EXPECT_EQ(cluster.brokers().size(), 3u);
}

TEST_F(ClusterTest, BrokersThatHangDoNotHoldUpWhatAnotherKnows) {
  Cluster cluster(context.get_executor(), kafka.settings("source"));
  run([&]() -> Awaitable<> { co_await cluster.refresh(); });
  for (const int broker : {0, 1}) kafka.broker(broker).ignore(protocol::MetadataRequest::api.key);
  const net::CallOptions options{.at_most_version = {}, .timeout = std::chrono::hours(1)};
  for (int i = 0; i < 5; ++i) {  // whichever is asked first
    run([&]() -> Awaitable<> {
      protocol::MetadataRequest request;
      const auto response = co_await cluster.call_any(std::move(request), options);
      EXPECT_EQ(response.brokers.size(), 3u);
    });
  }
}

TEST_F(ClusterTest, WhatWaitsForReplicasHoldsUpNoQuestion) {
  kafka.create("a", 1);
  Cluster cluster(context.get_executor(), kafka.settings("target"));
  bool is_replicated = false;
  bool is_written = false;
  net::Signal changed(context.get_executor());
  const std::int16_t markers_key = protocol::WriteTxnMarkersRequest::api.key;
  for (const int broker : {0, 1, 2}) {
    kafka.broker(broker).on<protocol::WriteTxnMarkersRequest>([](const protocol::WriteTxnMarkersRequest& request) {
      protocol::WriteTxnMarkersResponse response;
      auto& marker = response.markers.emplace_back();
      marker.producer_id = request.markers.front().producer_id;
      marker.topics.push_back({.name = "a", .partitions = {{.partition_index = PartitionIndex(0), .error_code = 0}}});
      return response;
    });
    kafka.broker(broker).hold = [&](std::int16_t key) -> Awaitable<> {
      while (key == markers_key && !is_replicated) co_await changed.wait(net::Time::max());
    };
  }
  const auto write = [&]() -> Awaitable<> {
    const Marker marker{.producer_id = protocol::ProducerId(1), .producer_epoch = protocol::ProducerEpoch(0)};
    const std::int16_t error = co_await write_markers(cluster, a0, marker, 1);
    EXPECT_EQ(error, 0);
    is_written = true;
    changed.announce();
  };
  run([&]() -> Awaitable<> {
    co_await cluster.refresh_topics();
    net::asio::co_spawn(context, write, net::asio::detached);
    while (kafka.requests(markers_key) == 0) {
      const net::Time soon = net::now() + std::chrono::milliseconds(1);
      co_await changed.wait(soon);
    }
    const std::vector<TopicPartition> asked{a0};
    const auto ends = co_await log_ends(cluster, asked);
    EXPECT_TRUE(ends.at(a0).value);
    EXPECT_FALSE(is_written);
    is_replicated = true;
    changed.announce();
    while (!is_written) co_await changed.wait(net::Time::max());
  });
}

TEST_F(ClusterTest, SaysForEveryAddressWhyItCouldNotBeAsked) {
  ClusterSettings settings = kafka.settings("source");
  settings.bootstrap.push_back(kafka.broker(1).address());
  kafka.stop(0);
  kafka.stop(1);
  Cluster cluster(context.get_executor(), settings);
  const std::string reason = failure_of([&]() -> Awaitable<> { co_await cluster.refresh(); });
  EXPECT_THAT(reason, HasSubstr("cluster source: no broker could be asked"));
  EXPECT_THAT(reason, HasSubstr(kafka.broker(0).address().to_string()));
  EXPECT_THAT(reason, HasSubstr(kafka.broker(1).address().to_string()));
}

TEST_F(ClusterTest, AFailureIsFinalWhenNoAddressLeadsToABroker) {
  tests::ScriptedBroker web(context);
  web.conversation = [](tests::ScriptedBroker::Socket& socket) -> Awaitable<> {
    const std::string text = "HTTP/1.1 400 Bad Request\r\n\r\n";
    co_await socket.async_write_some(net::asio::buffer(text), net::with_error);
  };
  tests::ScriptedBroker dead(context);
  dead.stop();
  ClusterSettings settings = kafka.settings("source");
  const auto is_final = [&](std::vector<net::HostPort> bootstrap) {
    settings.bootstrap = std::move(bootstrap);
    Cluster cluster(context.get_executor(), settings);
    std::optional<bool> answer;
    run([&]() -> Awaitable<> {
      try {
        co_await cluster.refresh();
      } catch (const ClusterError& error) {
        answer = error.is_final();
      }
    });
    return answer;
  };
  EXPECT_EQ(is_final({web.address()}), true);
  EXPECT_EQ(is_final({web.address(), dead.address()}), false);
}

TEST_F(ClusterTest, GoesBackToTheBootstrapAddressesWhenAllKnownBrokersAreGone) {
  FakeKafka moved(context, 1);
  ClusterSettings settings = kafka.settings("source");
  settings.bootstrap.push_back(moved.broker(0).address());
  Cluster cluster(context.get_executor(), settings);
  run([&]() -> Awaitable<> { co_await cluster.refresh(); });
  for (int id = 0; id < 3; ++id) kafka.stop(id);
  run([&]() -> Awaitable<> { co_await cluster.refresh(); });
  EXPECT_EQ(cluster.brokers().size(), 1u);
  EXPECT_EQ(cluster.brokers().begin()->second, moved.broker(0).address());
}

TEST_F(ClusterTest, AnotherClusterBehindTheSameAddressIsAnError) {
  Cluster cluster(context.get_executor(), kafka.settings("source"));
  run([&]() -> Awaitable<> { co_await cluster.refresh(); });
  kafka.cluster_id = "other";
  EXPECT_THAT(failure_of([&]() -> Awaitable<> { co_await cluster.refresh(); }),
              HasSubstr("cluster id other answers where fake did before"));
}

TEST_F(ClusterTest, EndpointsAreWhatWasConnectedTo) {
  Cluster cluster(context.get_executor(), kafka.settings("source"));
  run([&]() -> Awaitable<> {
    co_await cluster.refresh();
    const net::Endpoint endpoint = (co_await cluster.find_place(BrokerId(2))).endpoint;
    EXPECT_EQ(endpoint.length, sizeof(sockaddr_in));
    sockaddr_in address{};
    std::memcpy(&address, &endpoint.address, sizeof address);
    EXPECT_EQ(ntohs(address.sin_port), kafka.broker(2).address().port);
  });
  EXPECT_THAT(failure_of([&]() -> Awaitable<> { co_await cluster.find_place(BrokerId(7)); }),
              HasSubstr("broker 7 is not (or no longer) in the cluster"));
}

// ---- Questions to leaders -------------------------------------------------------------------------------------------

TEST_F(ClusterTest, LeadersAreAskedOnceEachForManyPartitions) {
  kafka.create("a", 300);
  std::vector<TopicPartition> partitions;
  for (int index = 0; index < 300; ++index) {
    kafka.partition("a", index).log_end = index;
    partitions.push_back({"a", PartitionIndex(index)});
  }
  Cluster cluster(context.get_executor(), kafka.settings("source"));
  run([&]() -> Awaitable<> {
    co_await cluster.refresh_topics();
    const Answers<Offset> ends = co_await log_ends(cluster, partitions);
    EXPECT_EQ(ends.size(), 300u);
    for (const auto& [partition, answered] : ends) {
      EXPECT_EQ(answered.value, Offset(partition.partition.value())) << partition.to_string() << answered.reason;
    }
  });
  EXPECT_EQ(kafka.requests(23), 3);
}

TEST_F(ClusterTest, TheLastStableOffsetIsNotTheEnd) {
  kafka.create("a", 1).partitions[0].log_end = 17;
  kafka.partition("a", 0).high_watermark = 15;
  kafka.partition("a", 0).last_stable_offset = 10;
  kafka.partition("a", 0).log_start = 4;
  Cluster cluster(context.get_executor(), kafka.settings("source"));
  run([&]() -> Awaitable<> {
    co_await cluster.refresh_topics();
    const std::vector<TopicPartition> partitions = {a0};
    EXPECT_EQ((co_await log_ends(cluster, partitions)).at(a0).value, Offset(17));
    EXPECT_EQ((co_await readable_ends(cluster, partitions, Isolation::read_committed)).at(a0).value, Offset(10));
    EXPECT_EQ((co_await log_starts(cluster, partitions)).at(a0).value, Offset(4));
  });
}

TEST_F(ClusterTest, MovedLeadersAreFoundAgain) {
  kafka.create("a", 3);
  Cluster cluster(context.get_executor(), kafka.settings("source"));
  run([&]() -> Awaitable<> {
    co_await cluster.refresh_topics();
    kafka.partition("a", 0).leader = 2;
    kafka.partition("a", 0).leader_epoch = 6;
    kafka.partition("a", 1).leader_epoch = 7;  // the same leader again, after a restart
    const std::vector<TopicPartition> partitions = {a0, a1, a2};
    const Answers<Offset> ends = co_await log_ends(cluster, partitions);
    for (const auto& [partition, answered] : ends)
      EXPECT_TRUE(answered.value) << partition.to_string() << answered.reason;
    EXPECT_EQ(cluster.find_partition(a0)->leader, BrokerId(2));
  });
}

TEST_F(ClusterTest, ABrokerThatLagsBehindDoesNotBringDeposedLeadersBack) {
  kafka.create("a", 1).partitions[0].leader_epoch = 7;
  Cluster cluster(context.get_executor(), kafka.settings("source"));
  run([&]() -> Awaitable<> {
    const std::vector<std::string> names = {"a"};
    co_await cluster.refresh_topics(names);
    kafka.partition("a", 0).leader_epoch = 6;
    kafka.partition("a", 0).leader = 2;
    co_await cluster.refresh_topics(names);
    EXPECT_EQ(cluster.find_partition(a0)->leader, BrokerId(0));
    co_await cluster.refresh_topics();
    EXPECT_EQ(cluster.find_partition(a0)->leader, BrokerId(0));
    kafka.partition("a", 0).leader_epoch = 8;
    co_await cluster.refresh_topics();
    EXPECT_EQ(cluster.find_partition(a0)->leader, BrokerId(2));
  });
}

TEST_F(ClusterTest, ADeadLeaderConcernsItsOwnPartitionsOnly) {
  kafka.create("a", 3);
  Cluster cluster(context.get_executor(), kafka.settings("source"));
  run([&]() -> Awaitable<> {
    co_await cluster.refresh_topics();
    kafka.broker(1).stop();
    const std::vector<TopicPartition> partitions = {a0, a1, a2};
    LeaderSettings settings;
    settings.patience = std::chrono::milliseconds(50);
    const Answers<Offset> ends = co_await log_ends(cluster, partitions, settings);
    EXPECT_TRUE(ends.at(a0).value);
    EXPECT_TRUE(ends.at(a2).value);
    EXPECT_FALSE(ends.at(a1).value);
    EXPECT_TRUE(ends.at(a1).may_retry);
    EXPECT_THAT(ends.at(a1).reason, HasSubstr("Connection refused"));
  });
}

TEST_F(ClusterTest, ALeaderTellsWhereAnOldEpochEndsInItsLog) {
  kafka.create("a", 3);
  for (int index = 0; index < 3; ++index) kafka.partition("a", index).log_end = 100;
  kafka.partition("a", 0).epoch_ends = {{3, 40}, {4, 70}};
  kafka.partition("a", 1).epoch_ends = {{3, 40}};
  Cluster cluster(context.get_executor(), kafka.settings("source"));
  run([&]() -> Awaitable<> {
    co_await cluster.refresh_topics();
    const std::map<TopicPartition, LeaderEpoch> asked = {
        {a0, LeaderEpoch(4)}, {a1, LeaderEpoch(4)}, {a2, LeaderEpoch(4)}};
    const auto ends = co_await epoch_ends(cluster, asked);
    EXPECT_EQ(ends.at(a0).value->epoch, LeaderEpoch(4));
    EXPECT_EQ(ends.at(a0).value->end, Offset(70));
    EXPECT_EQ(ends.at(a1).value->epoch, LeaderEpoch(3)) << "it has nothing of epoch 4";
    EXPECT_EQ(ends.at(a1).value->end, Offset(40));
    EXPECT_EQ(ends.at(a2).value->epoch, LeaderEpoch(-1));
  });
}

TEST_F(ClusterTest, PermanentErrorsAreAnswersAndUnknownPartitionsMayComeLater) {
  kafka.create("a", 3);
  kafka.partition("a", 1).error = 29;
  kafka.topics["secret"].error = 29;
  Cluster cluster(context.get_executor(), kafka.settings("source"));
  run([&]() -> Awaitable<> {
    co_await cluster.refresh_topics();
    const TopicPartition unknown{"a", PartitionIndex(99)};
    const std::vector<TopicPartition> partitions = {a0, a1, unknown};
    LeaderSettings settings;
    settings.patience = std::chrono::milliseconds(50);
    const auto producers = co_await active_producers(cluster, partitions, settings);
    EXPECT_TRUE(producers.at(a0).value);
    EXPECT_FALSE(producers.at(a1).may_retry);
    EXPECT_EQ(producers.at(a1).error_code, 29);
    EXPECT_THAT(producers.at(a1).reason, HasSubstr("source broker 1 answered TOPIC_AUTHORIZATION_FAILED (29)"));
    EXPECT_TRUE(producers.at(unknown).may_retry);
    EXPECT_THAT(producers.at(unknown).reason, HasSubstr("no leader for a-99"));
  });
}

}  // namespace
}  // namespace shunt::replicate
