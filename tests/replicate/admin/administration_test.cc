#include "replicate/admin/administration.h"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "protocol/messages/produce.h"
#include "tests/replicate/control/fake_kafka.h"

namespace shunt::replicate {
namespace {

using tests::FakeKafka;

constexpr char topic[] = "heartbeats";

/// One flow's administration beside a fake target that counts what is appended to it.
class AdministrationTest : public ::testing::Test {
 protected:
  AdministrationTest() {
    target_.broker(0).on<protocol::ProduceRequest>([this](const protocol::ProduceRequest& request) {
      protocol::ProduceResponse response;
      auto& answered = response.responses.emplace_back();
      answered.name = request.topic_data.at(0).name;
      auto& partition = answered.partition_responses.emplace_back();
      partition.index = request.topic_data.at(0).partition_data.at(0).index;
      partition.error_code = error_;
      ++appended_;
      return std::optional(response);
    });
  }

  AdministrationSettings settings() const {
    AdministrationSettings settings;
    settings.name = "A->B";
    settings.source = target_.settings("A");
    settings.target = target_.settings("B");
    settings.heartbeats = HeartbeatsSettings{.source = "A", .target = "B", .interval = std::chrono::seconds(0)};
    return settings;
  }

  DutyStatus status(const Administration& administration) const {
    MirrorStatus status;
    administration.append_status(status);
    return status.duties.at(0);
  }

  /// Runs it until `is_enough`, then asks for the end.
  template <class IsEnough>
  void run(Administration& administration, bool graceful, IsEnough is_enough) {
    tests::run(context_, [&]() -> net::Awaitable<> {
      net::asio::co_spawn(context_, administration.run(), [this](const std::exception_ptr& failure) {
        has_ended_ = true;
        EXPECT_FALSE(failure);
      });
      while (!is_enough()) co_await net::sleep_for(std::chrono::milliseconds(1));
      administration.stop(graceful);
      while (!has_ended_) co_await net::sleep_for(std::chrono::milliseconds(1));
    });
  }

  net::asio::io_context context_;
  FakeKafka target_{context_, 1};
  std::int16_t error_ = 0;
  int appended_ = 0;
  bool has_ended_ = false;
};

TEST_F(AdministrationTest, DoesItsDutiesAgainAndAgain) {
  Administration administration(context_.get_executor(), settings());
  run(administration, true, [this] { return appended_ >= 3; });
  EXPECT_TRUE(target_.topics.contains(topic)) << "created";
  EXPECT_EQ(target_.topics.at(topic).configs.at("cleanup.policy"), "compact");
  EXPECT_GE(status(administration).done, 3U);
  EXPECT_EQ(status(administration).failed, 0U);
}

TEST_F(AdministrationTest, GoesOnAfterWhatFails) {
  error_ = 19;  // NOT_ENOUGH_REPLICAS
  Administration administration(context_.get_executor(), settings());
  std::string reason;
  run(administration, true, [&] {
    const DutyStatus now = status(administration);
    if (!now.reason.empty()) reason = now.reason;
    if (now.failed >= 2) error_ = 0;
    return now.done >= 1;
  });
  EXPECT_EQ(reason, "B answered NOT_ENOUGH_REPLICAS (19) to records for heartbeats-0");
  EXPECT_EQ(status(administration).reason, "");
}

TEST_F(AdministrationTest, DoesNothingBeforeItMay) {
  AdministrationSettings waiting = settings();
  waiting.waits_for_leave = true;
  Administration never(context_.get_executor(), waiting);
  int looks = 0;
  run(never, true, [&looks] { return ++looks > 3; });
  EXPECT_EQ(appended_, 0);
  EXPECT_FALSE(target_.topics.contains(topic));
  has_ended_ = false;
  Administration later(context_.get_executor(), waiting);
  later.begin();
  run(later, true, [this] { return appended_ >= 1; });
}

TEST_F(AdministrationTest, EndsAtOnceWhileABrokerHangs) {
  target_.broker(0).ignore(protocol::ProduceRequest::api.key);
  Administration administration(context_.get_executor(), settings());
  run(administration, false, [this] { return target_.requests(protocol::ProduceRequest::api.key) > 0; });
  EXPECT_EQ(status(administration).done, 0U);
}

}  // namespace
}  // namespace shunt::replicate
