// How a running Replication notices the mark of its flow.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/messages/fetch.h"
#include "protocol/messages/metadata.h"
#include "replicate/control/replication.h"
#include "replicate/failover_mark.h"
#include "tests/replicate/control/fake_kafka.h"

namespace shunt::replicate {
namespace {

using net::Awaitable;
using tests::FakeKafka;

constexpr char marks_topic[] = "mm2-failovers.A.internal";
constexpr std::int16_t fetch_key = protocol::FetchRequest::api.key;
constexpr std::int16_t metadata_key = protocol::MetadataRequest::api.key;

/// Nothing is mirrored here.
class NoShards final : public Shards {
 public:
  void assign(Assignment /*assignment*/) override {}
  void settle(FlowId /*flow_id*/, ParkCause /*cause*/, std::string /*reason*/) override {}
  void leave_broker(FlowId /*flow_id*/, MirrorSide /*side*/, protocol::BrokerId /*broker*/,
                    std::string /*reason*/) override {}
};

class ReplicationFailoverTest : public ::testing::Test {
 protected:
  ReplicationFailoverTest() {
    target_.broker(0).hold = [this](std::int16_t key) { return hold(key); };
    settings_.name = "A->B";
    settings_.source = source_.settings("A");
    settings_.target = target_.settings("B");
    settings_.includes = [](std::string_view) { return true; };
    settings_.target_topic = [](std::string_view topic) { return std::string(topic); };
    settings_.refresh_interval = std::chrono::milliseconds(1);
    settings_.copies_records = false;
    settings_.failover_marks = {.topic = marks_topic, .flow = "A->B"};
    settings_.failover_look_interval = std::chrono::milliseconds(1);
    settings_.handle_cleared = [this] { ++cleared_; };
    settings_.handle_failed_over = [this] { ++failed_over_; };
  }

  /// As a leader that has nothing to answer a Fetch with.
  Awaitable<> hold(std::int16_t key) {
    while (key == fetch_key && is_held_) co_await net::sleep_for(std::chrono::milliseconds(1));
  }

  void mark() {
    FailoverMark made;
    made.flow = "A->B";
    made.time_ms = 1000;
    for (const FailoverRecord& record : records_of(made)) {
      target_.partition(marks_topic, 0).append_record(record.key, std::span<const std::byte>(*record.value));
    }
  }

  template <class IsThere>
  static Awaitable<> until(IsThere is_there) {
    while (!is_there()) co_await net::sleep_for(std::chrono::milliseconds(1));
  }

  /// `body`, beside a running replication, which has ended afterwards.
  void run(std::function<Awaitable<>(Replication&)> body) {
    Replication replication(context_.get_executor(), settings_, shards_);
    bool has_ended = false;
    tests::run(context_, [&]() -> Awaitable<> {
      net::asio::co_spawn(context_, replication.run(), [&has_ended](const std::exception_ptr& failure) {
        EXPECT_FALSE(failure);
        has_ended = true;
      });
      co_await body(replication);
      replication.stop(true);
      co_await until([&has_ended] { return has_ended; });
    });
  }

  net::asio::io_context context_;
  FakeKafka source_{context_, 1};
  FakeKafka target_{context_, 1};
  NoShards shards_;
  ReplicationSettings settings_;
  bool is_held_ = false;
  int cleared_ = 0;
  int failed_over_ = 0;
};

TEST_F(ReplicationFailoverTest, IsNoticedWhereThereIsATopicByALongPollThatHoldsUpNothing) {
  source_.create("orders", 1);
  target_.create(marks_topic, 1);
  is_held_ = true;
  run([&](Replication& replication) -> Awaitable<> {
    co_await until([&] { return cleared_ > 0 && target_.requests(fetch_key) > 0; });
    // The target is asked for other things all the while.
    co_await until([&] { return target_.topics.contains("orders"); });
    const int before = target_.requests(metadata_key);
    source_.create("late", 1);
    co_await until([&] { return target_.topics.contains("late"); });
    EXPECT_GT(target_.requests(metadata_key), before);
    EXPECT_EQ(target_.requests(fetch_key), 1);
    EXPECT_EQ(failed_over_, 0);
    mark();
    is_held_ = false;
    co_await until([&] { return failed_over_ > 0; });
    MirrorStatus status;
    replication.append_status(status);
    EXPECT_THAT(status.topic_errors, ::testing::ElementsAre(::testing::HasSubstr("failed over to B at")));
  });
  EXPECT_EQ(cleared_, 1);
}

TEST_F(ReplicationFailoverTest, IsNoticedWhereTheTopicIsCreatedForIt) {
  run([&](Replication&) -> Awaitable<> {
    co_await until([&] { return cleared_ > 0; });
    target_.create(marks_topic, 1);
    mark();
    co_await until([&] { return failed_over_ > 0; });
  });
}

TEST_F(ReplicationFailoverTest, NothingIsBegunWhereTheMarkIsThere) {
  source_.create("orders", 1);
  target_.create(marks_topic, 1);
  mark();
  run([&](Replication&) -> Awaitable<> { co_await until([&] { return failed_over_ > 0; }); });
  EXPECT_EQ(cleared_, 0);
  EXPECT_FALSE(target_.topics.contains("orders"));
}

TEST_F(ReplicationFailoverTest, AStopDoesNotWaitForTheLeadersAnswer) {
  target_.create(marks_topic, 1);
  is_held_ = true;
  run([&](Replication&) -> Awaitable<> { co_await until([&] { return target_.requests(fetch_key) > 0; }); });
  EXPECT_EQ(cleared_, 1);
  EXPECT_TRUE(is_held_);
}

}  // namespace
}  // namespace shunt::replicate
