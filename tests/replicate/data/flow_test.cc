#include "replicate/data/flow.h"

#include <array>
#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replicate/control/recovery.h"

namespace shunt::replicate {
namespace {

using namespace std::chrono_literals;
using protocol::Offset;
using protocol::RecordBatchHeader;
using testing::HasSubstr;

/// A batch header, as wide as the tests need it.
struct Header {
  std::array<std::byte, protocol::record_batch_header_size> bytes{};

  template <class Integer>
  Header& set(std::size_t at, Integer value) {
    for (std::size_t i = 0; i < sizeof value; ++i) {
      bytes[at + i] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * (sizeof value - 1 - i)));
    }
    return *this;
  }
  Header(std::int64_t base, std::int32_t records) {
    set(0, base).set(8, std::int32_t{1000}).set(23, records - 1).set(57, records);
    bytes[16] = std::byte{2};
  }
  Header& attributes(std::int16_t bits) { return set(21, bits); }
  operator RecordBatchHeader() const { return RecordBatchHeader(bytes); }  // NOLINT(google-explicit-constructor)
};

class FlowTest : public testing::Test {
 protected:
  FlowTest() { located(100, 41); }

  void located(std::int64_t end, std::int32_t last_sequence, std::optional<Standing> standing = {},
               std::int32_t epoch = 0) {
    FlowSpec spec;
    spec.source_topic = "orders";
    spec.target_topic = "a.orders";
    spec.partition = protocol::PartitionIndex(3);
    spec.identity = protocol::ProducerId(99);
    flow_ = std::make_unique<Flow>(spec, Route{}, standing);
    flow_->handle_located(
        {.log_end = Offset(end), .last_sequence = last_sequence, .producer_epoch = last_sequence < 0 ? -1 : epoch},
        now_);
    flow_->handle_fetch_sent();
  }
  Flow::Verdict gate(const RecordBatchHeader& header) { return flow_->gate(header, now_, stamp_); }
  void answer(std::int64_t base, std::int16_t error = 0) {
    ASSERT_TRUE(flow_->handle_answer(
        {.error_code = error, .base_offset = base, .log_append_time_ms = -1, .error_message = {}}, now_));
  }
  Parked settled() {
    EXPECT_TRUE(flow_->ready_to_park());
    return flow_->park();
  }

  net::Time now_{1h};
  std::unique_ptr<Flow> flow_;
  protocol::Stamp stamp_{};
};

TEST_F(FlowTest, forwards_dense_batches_in_order_under_consecutive_sequences) {
  EXPECT_EQ(gate(Header(100, 10)), Flow::Verdict::forward);
  EXPECT_EQ(stamp_.producer_id, protocol::ProducerId(99));
  EXPECT_EQ(stamp_.producer_epoch, protocol::ProducerEpoch(0));
  EXPECT_EQ(stamp_.base_sequence, protocol::Sequence(42));
  EXPECT_EQ(gate(Header(110, 5)), Flow::Verdict::forward);
  EXPECT_EQ(stamp_.base_sequence, protocol::Sequence(52));
  EXPECT_EQ(flow_->fetch_position(), Offset(115));
  answer(100);
  EXPECT_EQ(flow_->progress().position.load(), 110);
  answer(110);
  EXPECT_EQ(flow_->progress().position.load(), 115);
  EXPECT_EQ(flow_->progress().records.load(), 15U);
  EXPECT_TRUE(flow_->idle());
}

TEST_F(FlowTest, sequence_wraps_as_brokers_count) {
  located(100, 2147483640);
  EXPECT_EQ(gate(Header(100, 10)), Flow::Verdict::forward);
  EXPECT_EQ(stamp_.base_sequence, protocol::Sequence(2147483641));
  EXPECT_EQ(gate(Header(110, 1)), Flow::Verdict::forward);
  EXPECT_EQ(stamp_.base_sequence, protocol::Sequence(3));
}

TEST_F(FlowTest, first_batch_of_an_unknown_identity_travels_alone) {
  located(100, -1);
  EXPECT_EQ(gate(Header(100, 10)), Flow::Verdict::forward);
  EXPECT_EQ(stamp_.base_sequence, protocol::Sequence(0));
  EXPECT_FALSE(flow_->wants_data(now_));
  EXPECT_EQ(gate(Header(110, 10)), Flow::Verdict::skip);
  EXPECT_EQ(flow_->fetch_position(), Offset(110));
  answer(100);
  EXPECT_TRUE(flow_->wants_data(now_));
  EXPECT_EQ(gate(Header(110, 10)), Flow::Verdict::skip) << "the fetch under way was interrupted";
  flow_->handle_fetch_sent();
  EXPECT_EQ(gate(Header(110, 10)), Flow::Verdict::forward);
  EXPECT_EQ(gate(Header(120, 10)), Flow::Verdict::forward);
}

TEST_F(FlowTest, after_a_long_pause_a_batch_travels_alone_again) {
  EXPECT_EQ(gate(Header(100, 10)), Flow::Verdict::forward);
  answer(100);
  now_ += 1h;
  EXPECT_EQ(gate(Header(110, 10)), Flow::Verdict::forward);
  EXPECT_EQ(gate(Header(120, 10)), Flow::Verdict::skip);
}

TEST_F(FlowTest, skips_what_lies_before_its_position) {
  EXPECT_EQ(gate(Header(90, 10)), Flow::Verdict::skip);
}

struct Leaving {
  const char* name;
  Header header;
  ParkCause cause;
  const char* says;
};
class FlowLeavesTest : public FlowTest, public testing::WithParamInterface<Leaving> {};

TEST_P(FlowLeavesTest, and_says_why) {
  EXPECT_EQ(gate(GetParam().header), Flow::Verdict::settle);
  const Parked parked = settled();
  EXPECT_EQ(parked.cause, GetParam().cause);
  EXPECT_THAT(parked.reason, HasSubstr(GetParam().says));
  EXPECT_THAT(parked.reason, HasSubstr("orders-3"));
}
INSTANTIATE_TEST_SUITE_P(
    Flow, FlowLeavesTest,
    testing::Values(Leaving{"gap", Header(105, 10), ParkCause::detour, "from offset 100 on"},
                    Leaving{"marker", Header(100, 1).attributes(0x30), ParkCause::detour, ""},
                    Leaving{"emptied", Header(100, 10).set(57, std::int32_t{0}), ParkCause::detour, ""},
                    Leaving{"compacted", Header(100, 10).set(57, std::int32_t{4}), ParkCause::detour, ""},
                    Leaving{"compacted_inside", Header(95, 10).set(57, std::int32_t{4}), ParkCause::detour, ""},
                    Leaving{"append_time", Header(100, 10).attributes(0x08), ParkCause::detour, ""},
                    Leaving{"inside", Header(95, 10), ParkCause::detour, ""},
                    Leaving{"negative_delta", Header(100, -3), ParkCause::refused, "last offset delta"}),
    [](const auto& each) { return std::string(each.param.name); });

TEST_F(FlowTest, forwards_what_was_committed_as_plain_data) {
  EXPECT_EQ(gate(Header(100, 4).attributes(0x10)), Flow::Verdict::forward);
}

TEST_F(FlowTest, forwards_no_aborted_data) {
  const std::vector<AbortedTransactions::Entry> aborted{
      {.producer_id = protocol::ProducerId(4), .first_offset = Offset(104)}};
  flow_->handle_partition(aborted);
  const auto of_producer = [](Header header) { return header.attributes(0x10).set(43, std::int64_t{4}); };
  EXPECT_EQ(gate(of_producer(Header(100, 4))), Flow::Verdict::forward) << "an earlier transaction of the same producer";
  EXPECT_EQ(gate(of_producer(Header(104, 4))), Flow::Verdict::settle);
  EXPECT_EQ(flow_->fetch_position(), Offset(104));
}

TEST_F(FlowTest, an_unexpected_offset_is_a_foreign_writer) {
  gate(Header(100, 10));
  answer(104);
  const Parked parked = settled();
  EXPECT_EQ(parked.cause, ParkCause::foreign_writer);
  EXPECT_THAT(parked.reason, HasSubstr("another producer writes to a.orders-3"));
}

TEST_F(FlowTest, after_an_error_it_waits_for_what_is_in_flight_and_keeps_the_first_cause) {
  gate(Header(100, 10));
  gate(Header(110, 10));
  gate(Header(120, 10));
  answer(100);
  answer(-1, 6);
  EXPECT_FALSE(flow_->ready_to_park());
  EXPECT_EQ(gate(Header(130, 10)), Flow::Verdict::skip);
  answer(-1, 45);
  const Parked parked = settled();
  EXPECT_EQ(parked.cause, ParkCause::target_leader);
  ASSERT_TRUE(parked.standing);
  EXPECT_EQ(parked.standing->confirmed, Offset(110));
  EXPECT_EQ(parked.standing->sequence, protocol::Sequence(52));
}

TEST_F(FlowTest, a_lost_connection_leaves_nothing_in_flight) {
  gate(Header(100, 10));
  EXPECT_EQ(flow_->progress().in_flight_bytes.load(), 1012);
  flow_->handle_target_lost("gone");
  EXPECT_EQ(flow_->progress().in_flight_bytes.load(), 0);
  EXPECT_EQ(settled().cause, ParkCause::target_connection);
}

TEST_F(FlowTest, an_answer_to_nothing_is_noticed) {
  EXPECT_FALSE(flow_->handle_answer({}, now_));
}

TEST_F(FlowTest, accepts_what_its_own_late_requests_have_made_of_the_log) {
  const Standing standing{.confirmed = Offset(110), .sequence = protocol::Sequence(52)};
  located(120, 61, standing);
  EXPECT_EQ(flow_->state(), FlowState::flowing);
  EXPECT_EQ(flow_->fetch_position(), Offset(120));
  located(200, 141, standing);
  EXPECT_EQ(flow_->state(), FlowState::flowing) << "a second instance of the same flow";
}

TEST_F(FlowTest, does_not_go_on_in_a_log_that_it_has_not_written) {
  const Standing standing{.confirmed = Offset(110), .sequence = protocol::Sequence(52)};
  located(109, 50, standing);
  const Parked truncated = settled();
  EXPECT_EQ(truncated.cause, ParkCause::target_truncated);
  EXPECT_THAT(truncated.reason, HasSubstr("it lost 1 records"));
  ASSERT_TRUE(truncated.standing);
  EXPECT_EQ(truncated.standing->confirmed, Offset(110)) << "what it knew before";
  for (const auto& [end, last_sequence] : {std::pair{131, 71}, {120, 55}, {120, -1}}) {
    located(end, last_sequence, standing);
    const Parked parked = settled();
    EXPECT_EQ(parked.cause, ParkCause::target_moved);
    EXPECT_THAT(parked.reason, HasSubstr("not what this flow wrote"));
  }
  located(110, -1, standing);
  EXPECT_EQ(flow_->state(), FlowState::flowing) << "the identity expired: nothing else happened";
  located(110, 51, standing, 3);
  EXPECT_THAT(settled().reason, HasSubstr("under this flow's identity"));
}

TEST_F(FlowTest, a_log_that_goes_back_is_another_one) {
  EXPECT_TRUE(flow_->handle_log_bounds(Offset(500), Offset(10)));
  EXPECT_TRUE(flow_->handle_log_bounds(Offset(500), Offset(20)));
  EXPECT_EQ(gate(Header(100, 10)), Flow::Verdict::forward);
  EXPECT_FALSE(flow_->handle_log_bounds(Offset(499), Offset(20)));
  EXPECT_EQ(gate(Header(110, 10)), Flow::Verdict::skip) << "nothing of it is forwarded";
  answer(100);
  const Parked parked = settled();
  EXPECT_EQ(parked.cause, ParkCause::out_of_range);
  EXPECT_THAT(parked.reason, HasSubstr("offsets 20..499 and has 20..498"));

  located(100, 41);
  EXPECT_TRUE(flow_->handle_log_bounds(Offset(500), Offset(20)));
  EXPECT_FALSE(flow_->handle_log_bounds(Offset(600), Offset(0)));
}

TEST(ClassifyProduceError, permanent_answers_are_refused) {
  for (const int permanent : {-1, 10, 17, 29, 32, 44, 47, 53, 76, 87}) {
    EXPECT_EQ(classify_produce_error(static_cast<std::int16_t>(permanent)), ParkCause::refused) << permanent;
  }
  EXPECT_EQ(classify_produce_error(6), ParkCause::target_leader);
  for (const int replicas_missing : {7, 19, 20}) {
    EXPECT_EQ(classify_produce_error(static_cast<std::int16_t>(replicas_missing)), ParkCause::target_under_replicated);
  }
  EXPECT_EQ(classify_produce_error(56), ParkCause::target_error);
  EXPECT_EQ(classify_produce_error(45), ParkCause::target_rejected);
}

TEST(Recovery, is_patient_with_brokers_and_impatient_with_batches) {
  Recovery recovery({}, 1);
  for (int i = 0; i < 1000; ++i) {
    const auto action =
        recovery.handle_parked({.flow_id = {}, .cause = ParkCause::target_error, .reason = "r", .standing = {}}, 5);
    ASSERT_EQ(action.kind, RecoveryAction::Kind::retry);
    ASSERT_LE(action.delay, 1000ms);
  }
  int tries = 0;
  const Parked rejected{.flow_id = {}, .cause = ParkCause::target_rejected, .reason = "r", .standing = {}};
  while (recovery.handle_parked(rejected, 5).kind == RecoveryAction::Kind::retry) ++tries;
  EXPECT_EQ(tries, 8);
  EXPECT_EQ(recovery.handle_parked(rejected, 6).kind, RecoveryAction::Kind::retry) << "progress was made";
}

TEST(Recovery, names_what_it_meets) {
  EXPECT_EQ(condition_of(ParkCause::target_truncated), Condition::target_truncated);
  EXPECT_EQ(condition_of(ParkCause::target_under_replicated), Condition::target_under_replicated);
  EXPECT_EQ(condition_of(ParkCause::superseded), Condition::another_instance);
  EXPECT_EQ(condition_of(ParkCause::detour), std::nullopt) << "no misfortune";
  EXPECT_EQ(condition_of(ParkCause::out_of_range), std::nullopt) << "admission finds out";
}

TEST(Recovery, leaves_what_no_repetition_mends) {
  for (const ParkCause cause : {ParkCause::refused, ParkCause::foreign_writer, ParkCause::target_truncated}) {
    Recovery recovery({}, 1);
    EXPECT_TRUE(is_final(cause));
    EXPECT_EQ(recovery.handle_parked({.flow_id = {}, .cause = cause, .reason = "r", .standing = {}}, 5).kind,
              RecoveryAction::Kind::fail);
  }
}

TEST(Recovery, begins_quickly_and_asks_for_the_metadata_it_needs) {
  Recovery recovery({}, 1);
  const auto action =
      recovery.handle_parked({.flow_id = {}, .cause = ParkCause::source_leader, .reason = "moved", .standing = {}}, -1);
  EXPECT_LE(action.delay, 50ms);
  EXPECT_TRUE(action.refresh_source);
  EXPECT_FALSE(action.refresh_target);
  EXPECT_EQ(
      recovery.handle_parked({.flow_id = {}, .cause = ParkCause::out_of_range, .reason = {}, .standing = {}}, -1).kind,
      RecoveryAction::Kind::readmit);
}

}  // namespace
}  // namespace shunt::replicate
