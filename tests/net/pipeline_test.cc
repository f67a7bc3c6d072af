#include "net/pipeline.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::net {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Time start = Time(std::chrono::hours(1));

std::array<std::byte, 5> answer(std::int32_t correlation_id) {
  return {std::byte(correlation_id >> 24), std::byte(correlation_id >> 16), std::byte(correlation_id >> 8),
          std::byte(correlation_id), std::byte{0}};
}

TEST(Pipeline, AnswersComeInTheOrderOfTheRequests) {
  Pipeline<int> pipeline;
  const std::int32_t first = pipeline.next_correlation_id();
  pipeline.begin(10, start);
  const std::int32_t second = pipeline.next_correlation_id();
  pipeline.begin(20, start);
  EXPECT_NE(first, second);
  EXPECT_EQ(pipeline.handle_frame(answer(first)), 10);
  EXPECT_EQ(pipeline.handle_frame(answer(second)), 20);
  EXPECT_EQ(pipeline.size(), 0u);
}

TEST(Pipeline, AnswersOutOfOrderUnaskedOrCutOffEndTheConnection) {
  {
    Pipeline<int> pipeline;
    pipeline.begin(10, start);
    const std::int32_t second = pipeline.next_correlation_id();
    pipeline.begin(20, start);
    EXPECT_FALSE(pipeline.handle_frame(answer(second)));
    EXPECT_THAT(pipeline.reason(), HasSubstr("where that of request"));
  }
  {
    Pipeline<int> pipeline;
    EXPECT_FALSE(pipeline.handle_frame(answer(1)));
    EXPECT_THAT(pipeline.reason(), HasSubstr("to no request"));
  }
  for (std::size_t size = 0; size < 4; ++size) {
    Pipeline<int> pipeline;
    const auto frame = answer(pipeline.next_correlation_id());
    pipeline.begin(10, start);
    EXPECT_FALSE(pipeline.handle_frame(std::span(frame).first(size)));
    EXPECT_THAT(pipeline.reason(), HasSubstr("malformed"));
  }
}

TEST(Pipeline, TheEarliestDeadlineCounts) {
  Pipeline<int> pipeline;
  EXPECT_FALSE(pipeline.deadline());
  pipeline.begin(10, start + milliseconds(500));
  pipeline.begin(20, start + milliseconds(100));
  EXPECT_EQ(pipeline.deadline(), start + milliseconds(100));
  EXPECT_EQ(pipeline.overdue(start + milliseconds(99)), nullptr);
  ASSERT_NE(pipeline.overdue(start + milliseconds(100)), nullptr);
  EXPECT_EQ(*pipeline.overdue(start + milliseconds(100)), 20);
}

TEST(Pipeline, ThrottlingDelaysWhatIsUnderWayAndForbidsMore) {
  Pipeline<int> pipeline;
  pipeline.begin(10, start + milliseconds(100));
  pipeline.handle_throttle(0, start);
  EXPECT_LE(pipeline.not_before(), start);
  pipeline.handle_throttle(2000, start);
  EXPECT_EQ(pipeline.not_before(), start + milliseconds(2000));
  EXPECT_EQ(pipeline.deadline(), start + milliseconds(2100));
  pipeline.handle_throttle(500, start);  // of an earlier request: does not shorten the pause
  EXPECT_EQ(pipeline.not_before(), start + milliseconds(2000));
  EXPECT_EQ(pipeline.deadline(), start + milliseconds(2100));
  pipeline.handle_throttle(-1, start);
  EXPECT_EQ(pipeline.not_before(), start + milliseconds(2000));
}

TEST(Pipeline, AbandonedRequestsAreReturnedInOrder) {
  Pipeline<int> pipeline;
  pipeline.begin(10, start);
  pipeline.begin(20, start);
  EXPECT_THAT(pipeline.abandon(), ElementsAre(10, 20));
  EXPECT_EQ(pipeline.size(), 0u);
}

}  // namespace
}  // namespace shunt::net
