#include "replicate/control/failover_marks.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/messages/fetch.h"
#include "tests/replicate/control/fake_kafka.h"

namespace shunt::replicate {
namespace {

using net::Awaitable;
using protocol::Offset;
using tests::FakeKafka;

constexpr char topic[] = "mm2-failovers.A.internal";
constexpr std::int16_t fetch_key = protocol::FetchRequest::api.key;

FailoverMark mark_of(const std::string& flow) {
  FailoverMark mark;
  mark.flow = flow;
  mark.time_ms = 1'700'000'000'000;
  mark.ends["orders"] = {Offset(7)};
  return mark;
}

class FailoverMarksTest : public ::testing::Test {
 protected:
  FailoverMarksTest() {
    for (int id = 0; id < 2; ++id) kafka_.broker(id).hold = [this](std::int16_t key) { return hold(key); };
  }

  /// As a leader that has nothing to answer a Fetch with.
  Awaitable<> hold(std::int16_t key) {
    while (key == fetch_key && is_held_) co_await net::sleep_for(std::chrono::milliseconds(1));
  }

  void append(const std::vector<FailoverRecord>& records) {
    for (const FailoverRecord& record : records) {
      std::optional<std::span<const std::byte>> value;
      if (record.value) value = std::span<const std::byte>(*record.value);
      kafka_.partition(topic, 0).append_record(record.key, value);
    }
  }

  void create() { kafka_.create(topic, 1); }

  /// Waits for as long as it takes until the leader is asked.
  Awaitable<> until_asked(int before) {
    while (kafka_.requests(fetch_key) == before) co_await net::sleep_for(std::chrono::milliseconds(1));
  }

  void run(std::function<Awaitable<>()> body) { tests::run(context_, std::move(body)); }

  net::asio::io_context context_;
  FakeKafka kafka_{context_, 2};
  Cluster cluster_{context_.get_executor(), kafka_.settings("B")};
  FailoverMarks marks_{cluster_, {.topic = topic, .flow = "A->B"}};
  bool is_held_ = false;
};

TEST_F(FailoverMarksTest, WhereThereIsNoTopicNothingIsWaitedFor) {
  run([&]() -> Awaitable<> {
    const auto mark = co_await marks_.read();
    EXPECT_FALSE(mark);
    co_await marks_.wait(std::chrono::hours(1));
    EXPECT_EQ(kafka_.requests(fetch_key), 0);
  });
}

TEST_F(FailoverMarksTest, AWaitEndsWhenTheMarkIsThere) {
  create();
  append(records_of(mark_of("C->B")));
  run([&]() -> Awaitable<> {
    auto mark = co_await marks_.read();
    EXPECT_FALSE(mark) << "another flow's";
    is_held_ = true;
    const int before = kafka_.requests(fetch_key);
    bool has_ended = false;
    net::asio::co_spawn(context_, marks_.wait(std::chrono::hours(1)),
                        [&](const std::exception_ptr&) { has_ended = true; });
    co_await until_asked(before);
    EXPECT_FALSE(has_ended);
    append(records_of(mark_of("A->B")));
    is_held_ = false;
    while (!has_ended) co_await net::sleep_for(std::chrono::milliseconds(1));
    mark = co_await marks_.read();
    EXPECT_EQ(mark, mark_of("A->B"));
    append(tombstones_of(mark_of("A->B")));
    mark = co_await marks_.read();
    EXPECT_FALSE(mark);
  });
}

TEST_F(FailoverMarksTest, WhatHasNotChangedIsNotReadAgain) {
  create();
  append(records_of(mark_of("A->B")));
  run([&]() -> Awaitable<> {
    auto mark = co_await marks_.read();
    EXPECT_TRUE(mark);
    const int before = kafka_.requests(fetch_key);
    mark = co_await marks_.read();
    EXPECT_EQ(mark, mark_of("A->B"));
    EXPECT_EQ(kafka_.requests(fetch_key), before);
    // Another topic of the same length.
    kafka_.topics.erase(topic);
    kafka_.create(topic, 1).id = 2;
    append(records_of(mark_of("C->B")));
    mark = co_await marks_.read();
    EXPECT_FALSE(mark);
    kafka_.topics.erase(topic);
    mark = co_await marks_.read();
    EXPECT_FALSE(mark);
  });
}

TEST_F(FailoverMarksTest, AWaitAtALeaderThatIsNoneAnyMoreEnds) {
  create();
  run([&]() -> Awaitable<> {
    auto mark = co_await marks_.read();
    EXPECT_FALSE(mark);
    for (const bool is_gone : {false, true}) {
      const int leader = kafka_.partition(topic, 0).leader;
      kafka_.partition(topic, 0).leader = 1 - leader;
      if (is_gone) kafka_.stop(leader);
      append(records_of(mark_of("A->B")));
      co_await marks_.wait(std::chrono::hours(1));
      mark = co_await marks_.read();
      EXPECT_TRUE(mark) << "at the new leader";
      append(tombstones_of(mark_of("A->B")));
      mark = co_await marks_.read();
      EXPECT_FALSE(mark);
    }
  });
}

TEST_F(FailoverMarksTest, AWaitEndsWithItsCluster) {
  create();
  run([&]() -> Awaitable<> {
    auto mark = co_await marks_.read();
    EXPECT_FALSE(mark);
    is_held_ = true;
    bool has_ended = false;
    net::asio::co_spawn(context_, marks_.wait(std::chrono::hours(1)), [&](const std::exception_ptr& failure) {
      EXPECT_FALSE(failure);
      has_ended = true;
    });
    co_await until_asked(0);
    cluster_.close();
    while (!has_ended) co_await net::sleep_for(std::chrono::milliseconds(1));
    bool is_refused = false;
    try {
      mark = co_await marks_.read();
    } catch (const ClusterError&) {
      is_refused = true;
    }
    EXPECT_TRUE(is_refused);
  });
}

}  // namespace
}  // namespace shunt::replicate
