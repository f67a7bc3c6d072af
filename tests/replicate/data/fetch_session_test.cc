#include "replicate/data/fetch_session.h"

#include <chrono>
#include <memory>

#include <gtest/gtest.h>

#include "replicate/data/flow.h"

namespace shunt::replicate {
namespace {

using namespace std::chrono_literals;
using protocol::FetchRequest;
using protocol::Offset;
using protocol::PartitionIndex;

constexpr auto always = [](const Flow&) { return true; };

class FetchSessionTest : public testing::Test {
 protected:
  Flow& flow(const char* topic, std::int32_t partition, std::int64_t position, bool located = true,
             const protocol::Uuid& id = {}) {
    FlowSpec spec;
    spec.id.number = static_cast<std::uint32_t>(flows_.size());
    spec.source_topic = spec.target_topic = topic;
    spec.partition = PartitionIndex(partition);
    Route route;
    route.source.leader_epoch = protocol::LeaderEpoch(5);
    route.source.topic_id = id;
    Flow& added = *flows_.emplace_back(std::make_unique<Flow>(spec, route, std::nullopt));
    if (located) added.handle_located({.log_end = Offset(position), .last_sequence = 0, .producer_epoch = 0}, now_);
    session_.add(added);
    return added;
  }
  std::optional<FetchRequest> next() { return session_.next_request(now_, always); }

  const protocol::Uuid first_id_ = *protocol::Uuid::from_string("tXkWTmyzQ0q8ytPnBvxBpQ");
  const protocol::Uuid second_id_ = *protocol::Uuid::from_string("vXkWTmyzQ0q8ytPnBvxBpQ");
  net::Time now_{1h};
  FetchSession session_{FetchSettings{}};
  std::vector<std::unique_ptr<Flow>> flows_;
};

TEST_F(FetchSessionTest, nothing_to_fetch_is_no_request) {
  EXPECT_FALSE(next());
  flow("orders", 0, 0, false);
  EXPECT_FALSE(next());
}

TEST_F(FetchSessionTest, the_first_request_names_all_partitions_by_topic) {
  flow("orders", 0, 10);
  flow("clicks", 2, 20);
  flow("orders", 1, 30);
  const auto request = next();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->session_epoch, 0);
  ASSERT_EQ(request->topics.size(), 2U);
  EXPECT_EQ(request->topics[0].topic, "clicks");
  EXPECT_EQ(request->topics[1].partitions.size(), 2U);
  EXPECT_EQ(request->topics[1].partitions[1].fetch_offset, Offset(30));
  EXPECT_EQ(request->topics[1].partitions[1].current_leader_epoch, protocol::LeaderEpoch(5));
}

TEST_F(FetchSessionTest, later_requests_name_only_what_changed) {
  Flow& first = flow("orders", 0, 10);
  flow("orders", 1, 30);
  ASSERT_TRUE(next());
  ASSERT_EQ(session_.handle_answer(0, 77), FetchSession::Outcome::accepted);
  auto request = next();
  ASSERT_TRUE(request) << "the session still holds both partitions";
  EXPECT_EQ(request->session_id, 77);
  EXPECT_EQ(request->session_epoch, 1);
  EXPECT_TRUE(request->topics.empty());
  session_.handle_answer(0, 77);
  session_.touch(first);
  request = next();
  EXPECT_EQ(request->session_epoch, 2);
  EXPECT_TRUE(request->topics.empty()) << "touched, but unchanged";
}

TEST_F(FetchSessionTest, a_flow_that_cannot_take_data_is_forgotten_and_named_again) {
  Flow& first = flow("orders", 0, 10);
  flow("orders", 1, 30);
  ASSERT_TRUE(next());
  session_.handle_answer(0, 77);
  session_.touch(first);
  auto request = session_.next_request(now_, [&](const Flow& f) { return &f != &first; });
  ASSERT_TRUE(request);
  ASSERT_EQ(request->forgotten_topics_data.size(), 1U);
  EXPECT_EQ(request->forgotten_topics_data[0].partitions, std::vector{PartitionIndex(0)});
  EXPECT_LE(request->max_wait_ms, 10) << "it must be able to join in soon";
  session_.handle_answer(0, 77);
  request = next();
  ASSERT_EQ(request->topics.size(), 1U);
  EXPECT_EQ(request->topics[0].partitions[0].partition, PartitionIndex(0));
  EXPECT_TRUE(request->forgotten_topics_data.empty());
}

TEST_F(FetchSessionTest, a_flow_that_paused_between_two_requests_is_not_forgotten) {
  Flow& first = flow("orders", 0, 10);
  ASSERT_TRUE(next());
  session_.handle_answer(0, 77);
  session_.touch(first);
  EXPECT_FALSE(session_.next_request(now_, [](const Flow&) { return false; }));
  const auto request = next();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->topics.size(), 1U);
  EXPECT_TRUE(request->forgotten_topics_data.empty());
}

TEST_F(FetchSessionTest, a_lost_session_is_told_everything_again) {
  flow("orders", 0, 10);
  ASSERT_TRUE(next());
  session_.handle_answer(0, 77);
  ASSERT_TRUE(next());
  EXPECT_EQ(session_.handle_answer(70, 0), FetchSession::Outcome::reset);
  const auto request = next();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->session_epoch, 0);
  EXPECT_EQ(request->session_id, 0);
  EXPECT_EQ(request->topics.size(), 1U);
}

TEST_F(FetchSessionTest, a_broker_without_room_for_sessions_gets_full_requests) {
  flow("orders", 0, 10);
  ASSERT_TRUE(next());
  session_.handle_answer(0, 0);
  const auto request = next();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->session_epoch, 0);
  EXPECT_EQ(request->topics.size(), 1U);
}

// Found by the simulation: the session kept a partition of nobody's, whose error came with every answer.
TEST_F(FetchSessionTest, a_flow_removed_while_the_session_is_being_opened_is_forgotten) {
  flow("orders", 0, 10);
  Flow& removed = flow("orders", 1, 20);
  ASSERT_TRUE(next());
  session_.remove(removed);
  ASSERT_EQ(session_.handle_answer(0, 77), FetchSession::Outcome::accepted);
  const auto request = next();
  ASSERT_TRUE(request);
  ASSERT_EQ(request->forgotten_topics_data.size(), 1U);
  EXPECT_EQ(request->forgotten_topics_data[0].partitions, std::vector{PartitionIndex(1)});
}

TEST_F(FetchSessionTest, a_removed_flow_is_forgotten_unless_its_partition_returns) {
  Flow& first = flow("orders", 0, 10);
  flow("orders", 1, 30);
  ASSERT_TRUE(next());
  session_.handle_answer(0, 77);
  session_.remove(first);
  flow("orders", 0, 50);
  const auto request = next();
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->forgotten_topics_data.empty());
  ASSERT_EQ(request->topics.size(), 1U);
  EXPECT_EQ(request->topics[0].partitions[0].fetch_offset, Offset(50));
}

TEST_F(FetchSessionTest, an_answer_to_the_flow_before_is_not_for_this_one) {
  protocol::FetchStream::Partition orders;
  orders.topic = "orders";
  Flow& first = flow("orders", 0, 10);
  EXPECT_EQ(session_.find(orders), nullptr);
  ASSERT_TRUE(next());
  EXPECT_EQ(session_.find(orders), &first);
  session_.handle_answer(0, 77);
  session_.remove(first);
  Flow& second = flow("orders", 0, 10);
  EXPECT_EQ(session_.find(orders), nullptr);
  ASSERT_TRUE(next());
  EXPECT_EQ(session_.find(orders), &second);
}

TEST_F(FetchSessionTest, topics_go_by_their_ids_where_the_broker_knows_them) {
  Flow& orders = flow("orders", 0, 10, true, first_id_);
  ASSERT_TRUE(next());
  EXPECT_EQ(session_.version(), protocol::FetchStream::by_name);
  session_.reset();
  session_.set_knows_ids(true);
  const auto request = next();
  ASSERT_TRUE(request);
  EXPECT_EQ(session_.version(), protocol::FetchStream::by_id);
  EXPECT_EQ(request->topics.at(0).topic_id, first_id_);
  protocol::FetchStream::Partition answered;
  answered.topic_id = first_id_;
  EXPECT_EQ(session_.find(answered), &orders);
  answered.topic_id = second_id_;
  EXPECT_EQ(session_.find(answered), nullptr);
}

TEST_F(FetchSessionTest, a_topic_without_an_id_has_all_go_by_their_names) {
  session_.set_knows_ids(true);
  flow("orders", 0, 10, true, first_id_);
  ASSERT_TRUE(next());
  session_.handle_answer(0, 77);
  Flow& clicks = flow("clicks", 0, 20);
  auto request = next();
  ASSERT_TRUE(request);
  EXPECT_EQ(session_.version(), protocol::FetchStream::by_name);
  EXPECT_EQ(request->session_epoch, 0) << "another session";
  EXPECT_EQ(request->topics.size(), 2U);
  EXPECT_TRUE(request->forgotten_topics_data.empty());
  session_.handle_answer(0, 78);
  session_.remove(clicks);
  request = next();
  ASSERT_TRUE(request);
  EXPECT_EQ(session_.version(), protocol::FetchStream::by_id);
  EXPECT_EQ(request->session_epoch, 0);
  EXPECT_EQ(request->topics.size(), 1U);
  EXPECT_TRUE(request->forgotten_topics_data.empty()) << "the session that knew it is over";
}

TEST_F(FetchSessionTest, another_topic_of_the_same_name_is_another_partition_of_the_session) {
  session_.set_knows_ids(true);
  Flow& first = flow("orders", 0, 10, true, first_id_);
  ASSERT_TRUE(next());
  session_.handle_answer(0, 77);
  session_.remove(first);
  flow("orders", 0, 10, true, second_id_);
  const auto request = next();
  ASSERT_TRUE(request);
  ASSERT_EQ(request->topics.size(), 1U);
  EXPECT_EQ(request->topics[0].topic_id, second_id_);
  ASSERT_EQ(request->forgotten_topics_data.size(), 1U);
  EXPECT_EQ(request->forgotten_topics_data[0].topic_id, first_id_);
}

TEST_F(FetchSessionTest, where_names_are_used_another_topic_takes_the_place_of_the_one_before) {
  Flow& first = flow("orders", 0, 10, true, first_id_);
  ASSERT_TRUE(next());
  session_.handle_answer(0, 77);
  session_.remove(first);
  flow("orders", 0, 10, true, second_id_);
  const auto request = next();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->topics.size(), 1U);
  EXPECT_TRUE(request->forgotten_topics_data.empty());
}

}  // namespace
}  // namespace shunt::replicate
