#include "replicate/data/answer_clock.h"

#include <chrono>

#include <gtest/gtest.h>

namespace shunt::replicate {
namespace {

using namespace std::chrono_literals;

const net::Time begin{1h};

TEST(AnswerClock, a_silent_broker_is_given_up) {
  AnswerClock clock(40s);
  clock.handle_oldest_request(begin);
  EXPECT_FALSE(clock.is_over(begin + 40s));
  EXPECT_TRUE(clock.is_over(begin + 40s + 1ms));
}

TEST(AnswerClock, requests_that_wait_their_turn_are_not_late_while_others_are_answered) {
  AnswerClock clock(40s);
  clock.handle_oldest_request(begin);  // and a thousand more at once, each taking half a second
  for (auto now = begin; now < begin + 500s; now += 500ms) {
    EXPECT_FALSE(clock.is_over(now));
    clock.handle_answer(now);
  }
  EXPECT_TRUE(clock.is_over(begin + 600s));
}

TEST(AnswerClock, an_idle_connection_has_not_waited) {
  AnswerClock clock(40s);
  clock.handle_oldest_request(begin);
  clock.handle_answer(begin + 1s);
  clock.handle_oldest_request(begin + 1h);
  EXPECT_FALSE(clock.is_over(begin + 1h + 40s));
  EXPECT_TRUE(clock.is_over(begin + 1h + 41s));
}

TEST(AnswerClock, a_throttled_connection_is_waited_for) {
  AnswerClock clock(40s);
  clock.handle_oldest_request(begin);
  clock.handle_throttle(begin + 60s);
  clock.handle_answer(begin + 1s);
  clock.handle_oldest_request(begin + 2s);
  EXPECT_FALSE(clock.is_over(begin + 100s));
  EXPECT_TRUE(clock.is_over(begin + 101s));
}

TEST(AnswerClock, a_new_connection_is_not_throttled) {
  AnswerClock clock(40s);
  clock.handle_throttle(begin + 1h);
  clock.handle_lost_connection();
  clock.handle_oldest_request(begin);
  EXPECT_TRUE(clock.is_over(begin + 41s));
}

}  // namespace
}  // namespace shunt::replicate
