#include "replicate/data/flow.h"

#include <array>
#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replicate/control/recovery.h"
#include "replicate/identity.h"

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
  Header& records(std::int32_t count) { return set(57, count); }
  Header& producer(protocol::ProducerId id) { return set(43, id.value()); }
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
  /// A mapped flow that goes on at `confirmed`; the target has records of it up to `last_sequence`.
  void located_mapped(std::int64_t confirmed, std::int32_t sequence, std::int32_t last_sequence,
                      std::int16_t own_epoch = 0, std::int32_t epoch = 0) {
    FlowSpec spec;
    spec.source_topic = "orders";
    spec.target_topic = "merged";
    spec.identity = protocol::ProducerId(99);
    spec.written = written_ = std::make_shared<WrittenRuns>();
    spec.loop_guard = loop_guard_;
    spec.stops_at_gaps = stops_at_gaps_;
    const Standing standing{.confirmed = Offset(confirmed),
                            .sequence = protocol::Sequence(sequence),
                            .epoch = protocol::ProducerEpoch(own_epoch)};
    flow_ = std::make_unique<Flow>(spec, Route{}, standing);
    flow_->handle_located({.log_end = Offset(7000), .last_sequence = last_sequence, .producer_epoch = epoch}, now_);
    flow_->handle_fetch_sent();
  }
  Flow::Verdict gate(const RecordBatchHeader& header) { return flow_->gate(header, now_, stamp_); }
  void answer(std::int64_t base, std::int16_t error = 0, std::int64_t append_time_ms = -1) {
    ProduceAnswer answer;
    answer.error_code = error;
    answer.base_offset = base;
    answer.log_append_time_ms = append_time_ms;
    ASSERT_TRUE(flow_->handle_answer(answer, now_));
  }
  Parked settled() {
    EXPECT_TRUE(flow_->ready_to_park());
    return flow_->park();
  }

  net::Time now_{1h};
  std::unique_ptr<Flow> flow_;
  std::shared_ptr<WrittenRuns> written_;
  LoopGuard loop_guard_;
  bool stops_at_gaps_ = false;
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

TEST_F(FlowTest, a_place_that_no_batch_has_tried_ages_and_is_asked_for_once_more) {
  EXPECT_FALSE(flow_->is_place_older_than(now_));
  EXPECT_TRUE(flow_->is_place_older_than(now_ + 1s));
  flow_->locate_again();
  EXPECT_EQ(flow_->state(), FlowState::locating);
  flow_->handle_located({.log_end = Offset(100), .last_sequence = 41, .producer_epoch = 0}, now_ + 1s);
  EXPECT_EQ(flow_->state(), FlowState::flowing);
  EXPECT_FALSE(flow_->is_place_older_than(now_ + 1h)) << "asked for twice";

  located(100, 41);
  EXPECT_EQ(gate(Header(100, 10)), Flow::Verdict::forward);
  EXPECT_FALSE(flow_->is_place_older_than(now_ + 1h)) << "a batch is on its way";
  answer(100);
  EXPECT_FALSE(flow_->is_place_older_than(now_ + 1h)) << "its sequence is known";
}

TEST_F(FlowTest, a_log_that_lost_markers_since_is_noticed_before_data_follows) {
  flow_->locate_again();
  flow_->handle_located({.log_end = Offset(98), .last_sequence = 41, .producer_epoch = 0}, now_ + 1s);
  EXPECT_EQ(settled().cause, ParkCause::target_truncated);
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

TEST_F(FlowTest, leaves_old_message_formats_to_a_detour) {
  for (const std::int8_t magic : {std::int8_t{0}, std::int8_t{1}}) {
    located(100, 41);
    EXPECT_EQ(flow_->handle_other_format(magic, Offset(105)), Flow::Verdict::settle);
    EXPECT_EQ(settled().cause, ParkCause::detour);
  }
  located(100, 41);
  flow_->interrupt_fetch();
  EXPECT_EQ(flow_->handle_other_format(1, Offset(105)), Flow::Verdict::skip) << "it is fetched again";
  flow_->handle_fetch_sent();
  EXPECT_EQ(flow_->handle_other_format(3, Offset(105)), Flow::Verdict::settle);
  const Parked parked = settled();
  EXPECT_EQ(parked.cause, ParkCause::refused);
  EXPECT_THAT(parked.reason, HasSubstr("offset 105 are in message format 3"));
}

TEST_F(FlowTest, leaves_for_a_hole_at_the_end_of_the_log) {
  EXPECT_EQ(flow_->handle_no_data(Offset(100)), Flow::Verdict::skip) << "it has everything";
  flow_->interrupt_fetch();
  EXPECT_EQ(flow_->handle_no_data(Offset(101)), Flow::Verdict::skip) << "what it has asked for is no longer wanted";
  flow_->handle_fetch_sent();
  EXPECT_EQ(flow_->handle_no_data(Offset(101)), Flow::Verdict::settle);
  EXPECT_EQ(settled().cause, ParkCause::detour);
}

TEST_F(FlowTest, leaves_what_is_too_large_and_all_that_is_as_large) {
  EXPECT_EQ(gate(Header(100, 10).set(8, std::int32_t{5000 - 12})), Flow::Verdict::forward);
  EXPECT_EQ(gate(Header(110, 10).set(8, std::int32_t{4000 - 12})), Flow::Verdict::forward);
  answer(-1, 10);
  answer(-1, 45);  // behind the first
  const Parked parked = settled();
  EXPECT_EQ(parked.cause, ParkCause::detour);
  EXPECT_EQ(parked.standing->confirmed, Offset(100));
  const auto progress = flow_->spec().progress;
  EXPECT_EQ(progress->too_large_bytes.load(), 5000);
  located(100, 41);
  flow_->spec().progress->too_large_bytes = progress->too_large_bytes.load();
  EXPECT_EQ(gate(Header(100, 10).set(8, std::int32_t{4999 - 12})), Flow::Verdict::forward);
  EXPECT_EQ(gate(Header(110, 10).set(8, std::int32_t{5000 - 12})), Flow::Verdict::settle);
}

TEST_F(FlowTest, counts_duplicates_where_they_can_be_told) {
  const auto duplicates = [&] { return flow_->progress().duplicates.load(); };
  const auto send = [&](std::int64_t base, std::int64_t append_time_ms) {
    EXPECT_EQ(gate(Header(base, 1)), Flow::Verdict::forward);
    answer(base, 0, append_time_ms);
  };
  send(100, -1);
  send(101, 1000);  // the target had it
  EXPECT_EQ(duplicates(), 0U) << "it might be a topic that has append times";
  send(102, -1);
  EXPECT_EQ(duplicates(), 1U);
  for (std::int64_t base = 103; base < 110; ++base) send(base, 1000);
  EXPECT_EQ(duplicates(), 1U);
}

TEST_F(FlowTest, says_which_record_was_refused_and_what_helps) {
  const struct {
    std::int16_t error;
    const char* says;
  } cases[] = {
      {32, "--entity-name a.orders --add-config message.timestamp.after.max.ms=9223372036854775807"},
      {87, "--entity-name a.orders --add-config cleanup.policy=delete"},
      {-1, "shunt verify"},
  };
  for (const auto& one : cases) {
    located(100, 41);
    EXPECT_EQ(gate(Header(100, 10)), Flow::Verdict::forward);
    ProduceAnswer answer;
    answer.error_code = one.error;
    answer.error_message = "no";
    answer.record_index = 7;
    answer.record_message = "because";
    ASSERT_TRUE(flow_->handle_answer(answer, now_));
    const Parked parked = settled();
    EXPECT_EQ(parked.cause, ParkCause::refused);
    EXPECT_THAT(parked.reason, HasSubstr("batch of orders-3 at 100..109: no: the record at offset 107: because"));
    EXPECT_THAT(parked.reason, HasSubstr(one.says));
  }
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
  const Parked parked = settled();
  EXPECT_EQ(parked.cause, ParkCause::target_connection);
  EXPECT_TRUE(parked.is_in_doubt);
}

TEST_F(FlowTest, what_was_lost_unanswered_is_in_doubt_whatever_else_happens) {
  gate(Header(100, 10));
  flow_->settle(ParkCause::detour, "a hole");
  flow_->handle_target_lost("gone");
  const Parked parked = settled();
  EXPECT_EQ(parked.cause, ParkCause::detour);
  EXPECT_TRUE(parked.is_in_doubt);
}

TEST_F(FlowTest, nothing_is_in_doubt_when_all_was_answered) {
  flow_->handle_target_lost("gone");
  EXPECT_FALSE(settled().is_in_doubt);
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
    ASSERT_TRUE(parked.standing);
    EXPECT_EQ(parked.standing->confirmed, Offset(110)) << "what is beyond may be another's";
  }
  located(110, -1, standing);
  EXPECT_EQ(flow_->state(), FlowState::flowing) << "the identity expired: nothing else happened";
  located(110, 51, standing, 3);
  const Parked parked = settled();
  EXPECT_EQ(parked.cause, ParkCause::superseded);
  EXPECT_THAT(parked.reason, HasSubstr("with epoch 3 on the target, and 0 is its own"));
}

// Found by the simulation: what was meant for the offsets that another writer had taken was left out.
TEST_F(FlowTest, begins_only_where_the_log_was_compared) {
  const struct {
    std::int64_t end;
    std::int32_t last_sequence;
    FlowState state;
  } cases[] = {
      {110, 51, FlowState::flowing},  {120, 61, FlowState::flowing},  // a second instance
      {120, 51, FlowState::settling}, {105, 46, FlowState::settling}, {120, -1, FlowState::settling},
  };
  for (const auto& one : cases) {
    FlowSpec spec;
    spec.identity = protocol::ProducerId(99);
    flow_ = std::make_unique<Flow>(spec, Route{}, std::nullopt,
                                   Standing{.confirmed = Offset(110), .sequence = protocol::Sequence(52)});
    flow_->handle_located({.log_end = Offset(one.end), .last_sequence = one.last_sequence, .producer_epoch = 0}, now_);
    EXPECT_EQ(flow_->state(), one.state) << one.end;
    if (one.state == FlowState::settling) {
      EXPECT_EQ(settled().cause, ParkCause::target_moved);
    }
  }
}

constexpr std::int16_t marker = protocol::batch_attributes::control | protocol::batch_attributes::transactional;

TEST_F(FlowTest, a_mapped_flow_lets_holes_go_by_and_takes_the_offsets_it_is_given) {
  located_mapped(100, 42, 41);
  EXPECT_EQ(gate(Header(100, 10)), Flow::Verdict::forward);
  EXPECT_EQ(gate(Header(110, 1).attributes(marker)), Flow::Verdict::skip);
  EXPECT_EQ(gate(Header(115, 5)), Flow::Verdict::forward) << "four offsets before it are gone";
  EXPECT_EQ(stamp_.base_sequence, protocol::Sequence(52)) << "sequences count records";
  EXPECT_EQ(gate(Header(120, 2)), Flow::Verdict::forward);
  EXPECT_EQ(gate(Header(122, 1).attributes(marker)), Flow::Verdict::skip);
  answer(7000);
  EXPECT_EQ(flow_->progress().position.load(), 110);
  answer(7010);
  answer(7016);  // somebody else has written one
  EXPECT_EQ(flow_->progress().position.load(), 123) << "the marker behind the last batch, too";
  EXPECT_THAT(written_->take(),
              testing::ElementsAre(OffsetRun{.source = Offset(100), .target = Offset(7000), .records = 10},
                                   OffsetRun{.source = Offset(115), .target = Offset(7010), .records = 5},
                                   OffsetRun{.source = Offset(120), .target = Offset(7016), .records = 2}));
  flow_->settle(ParkCause::stopped, {});
  const Parked parked = settled();
  EXPECT_EQ(parked.standing->confirmed, Offset(123));
  EXPECT_EQ(parked.standing->sequence, protocol::Sequence(59));
}

TEST_F(FlowTest, a_mapped_flow_in_trouble_has_confirmed_what_was_answered_without_a_gap) {
  located_mapped(100, 42, 41);
  gate(Header(100, 10));
  gate(Header(110, 1).attributes(marker));
  gate(Header(111, 5));
  gate(Header(116, 1).attributes(marker));
  gate(Header(117, 5));
  answer(7000);
  answer(-1, 6);
  answer(7010);
  const Parked parked = settled();
  EXPECT_EQ(parked.cause, ParkCause::target_leader);
  EXPECT_EQ(parked.standing->confirmed, Offset(110));
  EXPECT_EQ(parked.standing->sequence, protocol::Sequence(52));
  EXPECT_EQ(written_->take().size(), 1U) << "what the target made of the third is read back from its log";
}

TEST_F(FlowTest, a_mapped_flow_leaves_what_must_be_rewritten_to_a_detour) {
  located_mapped(100, 42, 41);
  EXPECT_EQ(gate(Header(95, 10)), Flow::Verdict::settle) << "it stands inside the batch";
  EXPECT_EQ(settled().cause, ParkCause::detour);
  located_mapped(100, 42, 41);
  EXPECT_EQ(gate(Header(100, 10).set(57, std::int32_t{4})), Flow::Verdict::settle) << "thinned";
  EXPECT_EQ(settled().cause, ParkCause::detour);
}

TEST_F(FlowTest, a_mapped_flow_leaves_out_what_has_come_from_the_target) {
  const std::uint16_t tag = flow_tag("B", "A");
  const protocol::ProducerId returned = flow_identity(tag, {}, "orders", protocol::PartitionIndex(3), "orders");
  const protocol::ProducerId other =
      flow_identity(flow_tag("C", "A"), {}, "orders", protocol::PartitionIndex(3), "orders");
  loop_guard_ = {.prevention = LoopPrevention::leave_out, .tag = tag};
  located_mapped(100, 42, 41);
  EXPECT_EQ(gate(Header(100, 10)), Flow::Verdict::forward);
  EXPECT_EQ(gate(Header(110, 5).producer(returned)), Flow::Verdict::skip);
  EXPECT_EQ(gate(Header(115, 5).producer(other)), Flow::Verdict::forward) << "another flow's";
  EXPECT_EQ(stamp_.base_sequence, protocol::Sequence(52));
  answer(7000);
  answer(7010);
  EXPECT_EQ(flow_->progress().position.load(), 120);
  EXPECT_EQ(gate(Header(120, 5).producer(returned)), Flow::Verdict::skip);
  EXPECT_EQ(flow_->progress().position.load(), 125) << "nothing for a reader: it counts as copied";
}

TEST_F(FlowTest, a_mapped_flow_stops_at_what_has_come_from_the_target_when_nobody_has_said_what_to_do) {
  const std::uint16_t tag = flow_tag("B", "A");
  const Header returned =
      Header(100, 10).producer(flow_identity(tag, {}, "orders", protocol::PartitionIndex(3), "orders"));
  loop_guard_ = {.prevention = LoopPrevention::stop, .tag = tag};
  located_mapped(100, 42, 41);
  EXPECT_EQ(gate(returned), Flow::Verdict::settle);
  const Parked parked = settled();
  EXPECT_EQ(parked.cause, ParkCause::loop);
  EXPECT_THAT(parked.reason, HasSubstr("100..109"));
  loop_guard_ = {};
  located_mapped(100, 42, 41);
  EXPECT_EQ(gate(returned), Flow::Verdict::forward);
}

TEST_F(FlowTest, a_mapped_flow_goes_on_where_it_stood_if_nothing_was_added) {
  located_mapped(100, 42, -1, 0, -1);
  EXPECT_EQ(flow_->state(), FlowState::flowing) << "forgotten";
  EXPECT_EQ(gate(Header(100, 10)), Flow::Verdict::forward);
  EXPECT_EQ(stamp_.base_sequence, protocol::Sequence(42));
  EXPECT_FALSE(flow_->wants_data(now_)) << "it travels alone";
  for (const int last_sequence : {51, 40}) {
    located_mapped(100, 42, last_sequence);
    EXPECT_EQ(settled().cause, ParkCause::target_moved);
  }
}

TEST_F(FlowTest, a_mapped_flow_writes_in_the_epoch_that_is_its_own) {
  located_mapped(100, 0, -1, 5, 5);
  EXPECT_EQ(gate(Header(100, 10)), Flow::Verdict::forward);
  EXPECT_EQ(stamp_.producer_epoch, protocol::ProducerEpoch(5));
  EXPECT_EQ(stamp_.base_sequence, protocol::Sequence(0));
  EXPECT_FALSE(flow_->wants_data(now_)) << "it travels alone";
  answer(7000, 47);  // INVALID_PRODUCER_EPOCH
  const Parked parked = settled();
  EXPECT_EQ(parked.cause, ParkCause::superseded);
  EXPECT_EQ(parked.standing->epoch, protocol::ProducerEpoch(5));

  const struct {
    std::int32_t epoch;
    std::int32_t last_sequence;
    ParkCause cause;
    const char* why;
  } others[] = {{6, -1, ParkCause::superseded, "another instance has fenced it out"},
                {4, 41, ParkCause::target_moved, "the marker that raised it was lost"},
                {5, -1, ParkCause::target_moved, "what was written in it was lost"}};
  for (const auto& other : others) {
    located_mapped(100, 42, other.last_sequence, 5, other.epoch);
    EXPECT_EQ(settled().cause, other.cause) << other.why;
  }
}

// Found by the simulation: what another instance had read before compaction was twice on the target.
TEST_F(FlowTest, a_mapped_flow_passes_no_gap_before_others_are_fenced_out) {
  stops_at_gaps_ = true;
  const struct {
    Header header;
    const char* what;
  } gaps[] = {{Header(101, 10), "a batch is gone"},
              {Header(101, 1).attributes(0x30), "one before a marker"},
              {Header(100, 10).records(9), "a record in a batch is"},
              {Header(100, 10).records(0), "all of them are"}};
  for (const auto& gap : gaps) {
    located_mapped(100, 42, 41);
    EXPECT_EQ(gate(gap.header), Flow::Verdict::settle) << gap.what;
    const Parked parked = settled();
    EXPECT_EQ(parked.cause, ParkCause::gap) << gap.what;
    EXPECT_EQ(parked.standing->confirmed, Offset(100)) << gap.what;
  }
  located_mapped(100, 42, 41);
  EXPECT_EQ(gate(Header(100, 1).attributes(0x30)), Flow::Verdict::skip) << "a marker that is there is no gap";
  EXPECT_EQ(gate(Header(101, 10)), Flow::Verdict::forward);
  stops_at_gaps_ = false;
  located_mapped(100, 42, 41);
  EXPECT_EQ(gate(Header(101, 10)), Flow::Verdict::forward);
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
  for (const int permanent : {-1, 17, 32, 44, 53, 76, 87}) {
    EXPECT_EQ(classify_produce_error(static_cast<std::int16_t>(permanent)), ParkCause::refused) << permanent;
  }
  EXPECT_EQ(classify_produce_error(10), ParkCause::detour);  // MESSAGE_TOO_LARGE: to be split
  EXPECT_EQ(classify_produce_error(18), ParkCause::detour);
  EXPECT_EQ(classify_produce_error(6), ParkCause::target_leader);
  for (const int damaged_or_out_of_order : {2, 45, 59}) {
    EXPECT_EQ(classify_produce_error(static_cast<std::int16_t>(damaged_or_out_of_order)), ParkCause::target_rejected);
  }
  for (const int fenced : {47, 90}) {
    EXPECT_EQ(classify_produce_error(static_cast<std::int16_t>(fenced)), ParkCause::superseded);
  }
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

TEST(Recovery, waits_for_rights_unless_it_is_to_come_to_an_end) {
  for (const auto& [cause, condition] : {std::pair(classify_fetch_error(29), Condition::source_unauthorized),
                                         std::pair(classify_produce_error(29), Condition::target_unauthorized)}) {
    EXPECT_EQ(condition_of(cause), condition);
    for (const bool waits : {true, false}) {
      Recovery recovery({.waits_for_rights = waits}, 1);
      const RecoveryAction action =
          recovery.handle_parked({.flow_id = {}, .cause = cause, .reason = "r", .standing = {}}, 5);
      EXPECT_EQ(action.kind, waits ? RecoveryAction::Kind::retry : RecoveryAction::Kind::fail);
      EXPECT_EQ(action.delay, RecoverySettings().unauthorized_delay);
    }
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
