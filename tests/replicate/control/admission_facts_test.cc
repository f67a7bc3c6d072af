// What admission (control/admission.h) gathers from both logs, and decides by it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replicate/control/admission.h"
#include "replicate/control/padding.h"
#include "tests/replicate/control/fake_kafka.h"
#include "tests/support/message_sets.h"

namespace shunt::replicate {
namespace {

using net::Awaitable;
using protocol::Offset;
using protocol::PartitionIndex;
using protocol::ProducerId;
using ::testing::HasSubstr;
using tests::FakeKafka;
using Verdict = Admission::Verdict;

constexpr std::int16_t fetch_key = 1;
constexpr std::int16_t list_offsets_key = 2;
constexpr std::int16_t offset_for_leader_epoch_key = 23;
constexpr std::int16_t describe_producers_key = 61;
constexpr ProducerId identity{std::int64_t{1} << 62};

class AdmitTest : public ::testing::Test {
 protected:
  std::vector<Admission> admit_all(int partitions, std::optional<Offset> begin = {}) {
    std::vector<AdmissionQuestion> questions;
    for (int index = 0; index < partitions; ++index) {
      AdmissionQuestion question;
      question.source = TopicPartition{"s", PartitionIndex(index)};
      question.target = TopicPartition{"t", PartitionIndex(index)};
      question.identity = identity;
      question.begin = begin;
      questions.push_back(question);
    }
    Cluster source(context.get_executor(), source_kafka.settings("A"));
    Cluster target(context.get_executor(), target_kafka.settings("B"));
    std::vector<Admission> admissions;
    tests::run(context, [&]() -> Awaitable<> {
      co_await source.refresh_topics();
      co_await target.refresh_topics();
      LeaderSettings settings;
      settings.patience = std::chrono::milliseconds(60);
      admissions = co_await admit(source, target, questions, Isolation::read_committed, settings);
    });
    EXPECT_EQ(admissions.size(), questions.size());
    return admissions;
  }

  net::asio::io_context context;
  FakeKafka source_kafka{context, 1};
  FakeKafka target_kafka{context, 2};
};

TEST_F(AdmitTest, EmptyTargetsCostTwoQuestions) {
  source_kafka.create("s", 1000);
  target_kafka.create("t", 1000);
  for (const Admission& admission : admit_all(1000)) {
    EXPECT_EQ(admission.verdict, Verdict::start) << admission.reason;
    EXPECT_EQ(admission.start, Offset(0));
  }
  EXPECT_EQ(target_kafka.requests(offset_for_leader_epoch_key), 2);  // one for each leader
  EXPECT_EQ(source_kafka.requests(list_offsets_key), 1);
  EXPECT_EQ(target_kafka.requests(list_offsets_key), 0);
  EXPECT_EQ(target_kafka.requests(describe_producers_key), 0);
  EXPECT_EQ(target_kafka.requests(fetch_key), 0);
}

TEST_F(AdmitTest, EachPartitionIsJudgedOnItsOwn) {
  source_kafka.create("s", 6);
  target_kafka.create("t", 6);
  for (int index = 0; index < 6; ++index) {
    for (const char* value : {"one", "two", "three"}) source_kafka.partition("s", index).append_records(value, 10);
  }
  target_kafka.partition("t", 1).append_records("one", 10);  // resumes
  target_kafka.partition("t", 1).append_records("two", 10);
  target_kafka.partition("t", 2).append_records("one", 10);  // others wrote the second batch
  target_kafka.partition("t", 2).append_records("foreign", 10);
  target_kafka.partition("t", 3).append_records("one", 31);  // beyond the source
  target_kafka.partition("t", 4).error = 29;
  target_kafka.partition("t", 5).append_records("one", 10);  // a follower is behind
  target_kafka.partition("t", 5).high_watermark = 0;
  const std::vector<Admission> admissions = admit_all(6);
  EXPECT_EQ(admissions[0].verdict, Verdict::start);
  EXPECT_EQ(admissions[0].start, Offset(0));
  EXPECT_EQ(admissions[1].verdict, Verdict::start) << admissions[1].reason;
  EXPECT_EQ(admissions[1].start, Offset(20));
  EXPECT_EQ(admissions[2].verdict, Verdict::refuse);
  EXPECT_THAT(admissions[2].reason, HasSubstr("already written by others"));
  EXPECT_THAT(admissions[2].reason, HasSubstr("the value is 4 bytes"));
  EXPECT_EQ(admissions[3].verdict, Verdict::refuse);
  EXPECT_THAT(admissions[3].reason, HasSubstr("1 records that the source does not have"));
  EXPECT_EQ(admissions[4].verdict, Verdict::retry);
  EXPECT_EQ(admissions[4].condition, Condition::target_unauthorized);
  EXPECT_THAT(admissions[4].reason, HasSubstr("grant Read and Describe"));
  EXPECT_EQ(admissions[5].verdict, Verdict::retry);
  EXPECT_THAT(admissions[5].reason, HasSubstr("high watermark is behind"));
}

TEST_F(AdmitTest, RecordsAreComparedWhereBatchesAreNoCopies) {
  source_kafka.create("s", 5);
  target_kafka.create("t", 5);
  for (int index = 0; index < 3; ++index) {
    source_kafka.partition("s", index).append_records("one", 10);
    source_kafka.partition("s", index).append_records("two", 10, protocol::Codec::zstd);
    target_kafka.partition("t", index).append_records("one", 10);
  }
  target_kafka.partition("t", 0).append_records("two", 10, protocol::Codec::lz4);  // recompressed
  target_kafka.partition("t", 1).append_records("two", 4);                         // split, and cut off in between
  target_kafka.partition("t", 2).append_records("TWO", 4);
  for (int index = 3; index < 5; ++index) {
    const tests::OldMessage inside[] = {{.offset = 0, .value = "old0"}, {.offset = 1, .value = "old1"}};
    source_kafka.partition("s", index)
        .append_raw(tests::wrapped({.offset = 1, .magic = 1}, protocol::Codec::gzip, inside), 2);
  }
  target_kafka.partition("t", 3).append_records("old", 2, protocol::Codec::gzip);
  target_kafka.partition("t", 4).append_records("OLD", 2, protocol::Codec::gzip);
  const std::vector<Admission> admissions = admit_all(5);
  for (const std::size_t index : {0U, 1U, 3U})
    EXPECT_EQ(admissions[index].verdict, Verdict::start) << admissions[index].reason;
  for (const std::size_t index : {2U, 4U}) {
    EXPECT_EQ(admissions[index].verdict, Verdict::refuse) << admissions[index].reason;
    EXPECT_THAT(admissions[index].reason, HasSubstr("already written by others"));
  }
}

// A replicator that re-encodes packs records as it likes: its last batch may begin in one of the source's and end in another.
TEST_F(AdmitTest, BatchesAreNotMeantToBeginAndEndWhereTheSourcesDo) {
  source_kafka.create("s", 2);
  target_kafka.create("t", 2);
  for (int index = 0; index < 2; ++index) {
    source_kafka.partition("s", index).append_records("value", 4);
    source_kafka.partition("s", index).append_records("value", 6, protocol::Codec::none, -1, 4);
    target_kafka.partition("t", index).append_records("value", 2);
    // The other one has a record that belongs further on, where the source's batch begins.
    target_kafka.partition("t", index).append_records("value", 5, protocol::Codec::none, -1, index == 0 ? 2 : 3);
  }
  const std::vector<Admission> admissions = admit_all(2);
  EXPECT_EQ(admissions[0].verdict, Verdict::start) << admissions[0].reason;
  EXPECT_EQ(admissions[0].start, Offset(7));
  EXPECT_EQ(admissions[1].verdict, Verdict::refuse) << admissions[1].reason;
  EXPECT_THAT(admissions[1].reason, HasSubstr("the value is"));
}

TEST_F(AdmitTest, LargeBatchesAreComparedOneByOne) {
  source_kafka.create("s", 8);
  target_kafka.create("t", 8);
  for (int index = 0; index < 8; ++index) {
    const std::string large(100000, static_cast<char>('a' + index));
    source_kafka.partition("s", index).append(large, 10);
    target_kafka.partition("t", index).append(index == 7 ? std::string(100000, 'x') : large, 10);
  }
  const std::vector<Admission> admissions = admit_all(8);
  for (std::size_t index = 0; index < 7; ++index) {
    EXPECT_EQ(admissions[index].verdict, Verdict::start) << admissions[index].reason;
  }
  EXPECT_EQ(admissions[7].verdict, Verdict::refuse);
}

TEST_F(AdmitTest, TheLastBatchSaysWhoHasWrittenIt) {
  for (FakeKafka* kafka : {&source_kafka, &target_kafka}) {
    const char* topic = kafka == &source_kafka ? "s" : "t";
    kafka->create(topic, 2);
    for (int index = 0; index < 2; ++index) {
      const bool is_ours = kafka == &target_kafka && index == 0;
      kafka->partition(topic, index).append_records("one", 10, protocol::Codec::none, is_ours ? identity.value() : 9);
    }
  }
  for (int index = 0; index < 2; ++index) {  // compacted: the source's first batch is gone
    source_kafka.partition("s", index).append_records("two", 10);
    source_kafka.partition("s", index).batches.erase(source_kafka.partition("s", index).batches.begin());
  }
  target_kafka.partition("t", 0).producers = {3};
  target_kafka.partition("t", 1).producers = {3, identity.value()};
  const std::vector<Admission> admissions = admit_all(2);
  EXPECT_EQ(admissions[0].verdict, Verdict::start) << admissions[0].reason;
  EXPECT_EQ(admissions[1].verdict, Verdict::refuse);
}

TEST_F(AdmitTest, WhereTheLastBatchIsCompactedAwayTheOnesBeforeItAreCompared) {
  source_kafka.create("s", 2);
  target_kafka.create("t", 2);
  for (int index = 0; index < 2; ++index) {
    source_kafka.partition("s", index).append_records(index == 0 ? "one" : "other", 10);
    for (FakeKafka* kafka : {&source_kafka, &target_kafka}) {
      tests::FakePartition& partition = kafka->partition(kafka == &source_kafka ? "s" : "t", index);
      if (kafka == &target_kafka) partition.append_records("one", 10);
      partition.append_records("two", 10);
    }
    tests::FakePartition& compacted = source_kafka.partition("s", index);
    compacted.append_records("three", 10);
    compacted.batches.erase(compacted.batches.begin() + 1);
    target_kafka.partition("t", index).producers = {identity.value()};
  }
  const std::vector<Admission> admissions = admit_all(2);
  EXPECT_EQ(admissions[0].verdict, Verdict::start) << admissions[0].reason;
  EXPECT_EQ(admissions[0].start, Offset(20));
  EXPECT_EQ(admissions[1].verdict, Verdict::refuse) << admissions[1].reason;
}

TEST_F(AdmitTest, TheLastDataCountsWhereMarkersFollow) {
  source_kafka.create("s", 4);
  target_kafka.create("t", 4);
  for (int index = 0; index < 4; ++index) {
    source_kafka.partition("s", index).append_records("one", 10);
    source_kafka.partition("s", index).append_markers(2001);
    source_kafka.partition("s", index).append_records("two", 10);
  }
  target_kafka.partition("t", 0).append_records("one", 10);
  target_kafka.partition("t", 0).append_markers(1);
  target_kafka.partition("t", 1).append_records("one", 10);
  target_kafka.partition("t", 1).append_markers(2001);
  target_kafka.partition("t", 2).append_records("other", 10);
  target_kafka.partition("t", 2).append_markers(300);
  target_kafka.partition("t", 3).append_records("one", 10);
  target_kafka.partition("t", 3).append_markers(2011);  // too many
  const std::vector<Admission> admissions = admit_all(4);
  EXPECT_EQ(admissions[0].verdict, Verdict::start) << admissions[0].reason;
  EXPECT_EQ(admissions[0].start, Offset(11));
  EXPECT_TRUE(admissions[0].ends_in_markers);
  EXPECT_EQ(admissions[1].verdict, Verdict::start) << admissions[1].reason;
  EXPECT_EQ(admissions[1].start, Offset(2011));
  EXPECT_EQ(admissions[2].verdict, Verdict::refuse);
  EXPECT_THAT(admissions[2].reason, HasSubstr("already written by others"));
  EXPECT_EQ(admissions[3].verdict, Verdict::refuse);
  EXPECT_THAT(admissions[3].reason, HasSubstr("but the source has a record at 2011"));
}

// Found by the simulation: other producers' empty transactions stopped a partition as a marker of a broker in trouble.
TEST_F(AdmitTest, MarkersAloneMayBeOthers) {
  source_kafka.create("s", 1);
  target_kafka.create("t", 1);
  source_kafka.partition("s", 0).append_records("one", 10);
  target_kafka.partition("t", 0).append_markers(2);
  const std::vector<Admission> admissions = admit_all(1);
  EXPECT_EQ(admissions[0].verdict, Verdict::refuse);
  EXPECT_EQ(admissions[0].condition, Condition::foreign_writer);
  EXPECT_THAT(admissions[0].reason, HasSubstr("others have ended transactions there, or a broker"));
}

TEST_F(AdmitTest, AHeadThatWasBeingFilledIsRecognised) {
  source_kafka.create("s", 5);
  target_kafka.create("t", 5);
  const std::vector<std::byte> padding = padding_batch(10, 1000, {});
  const auto* text = reinterpret_cast<const char*>(padding.data()) + protocol::record_batch_header_size;
  const std::string payload(text, padding.size() - protocol::record_batch_header_size);
  for (int index = 0; index < 5; ++index) {
    source_kafka.partition("s", index).log_start = 50;
    source_kafka.partition("s", index).log_end = 50;
    source_kafka.partition("s", index).append_records("one", 10);
  }
  tests::FakePartition& cut_off = target_kafka.partition("t", 0);
  cut_off.append(payload, 10);
  cut_off.batches.back().attributes = 4;  // zstd
  cut_off.batches.back().is_sealed = true;
  target_kafka.partition("t", 1).append_markers(20);
  for (int index = 2; index < 5; ++index) {
    target_kafka.partition("t", index).append("data", 20);
    if (index < 4) target_kafka.partition("t", index).batches.back().producer_id = identity.value();
  }
  target_kafka.partition("t", 3).append_markers(3);
  const std::vector<Admission> admissions = admit_all(5);
  EXPECT_EQ(admissions[0].verdict, Verdict::fill_head) << admissions[0].reason;
  EXPECT_TRUE(admissions[0].ends_in_padding);
  EXPECT_EQ(admissions[0].start, Offset(50));
  EXPECT_EQ(admissions[1].verdict, Verdict::fill_head) << admissions[1].reason;
  EXPECT_FALSE(admissions[1].ends_in_padding);
  EXPECT_EQ(admissions[2].verdict, Verdict::overtaken);
  EXPECT_THAT(admissions[2].reason, HasSubstr("never mirrored"));
  EXPECT_EQ(admissions[3].verdict, Verdict::overtaken);
  EXPECT_EQ(admissions[4].verdict, Verdict::refuse);
  EXPECT_EQ(admissions[4].condition, Condition::foreign_writer) << admissions[4].reason;
}

TEST_F(AdmitTest, AHeadThatTheSourceStillHasIsRecognisedWhereAMirrorBeginsLater) {
  source_kafka.create("s", 4);
  target_kafka.create("t", 4);
  const std::vector<std::byte> padding = padding_batch(10, 1000, {});
  const auto* text = reinterpret_cast<const char*>(padding.data()) + protocol::record_batch_header_size;
  const std::string payload(text, padding.size() - protocol::record_batch_header_size);
  for (int index = 0; index < 4; ++index) source_kafka.partition("s", index).append_records("one", 60);
  tests::FakePartition& cut_off = target_kafka.partition("t", 0);
  cut_off.append(payload, 10);
  cut_off.batches.back().attributes = 4;  // zstd
  cut_off.batches.back().is_sealed = true;
  target_kafka.partition("t", 1).append_markers(20);
  target_kafka.partition("t", 2).append("data", 20);
  const std::vector<Admission> admissions = admit_all(4, Offset(40));
  EXPECT_EQ(admissions[0].verdict, Verdict::fill_head) << admissions[0].reason;
  EXPECT_EQ(admissions[0].start, Offset(40));
  // Markers are no reason to take the source's records there for holes, and a mirror goes on behind them.
  EXPECT_EQ(admissions[1].verdict, Verdict::start) << admissions[1].reason;
  EXPECT_EQ(admissions[1].start, Offset(20));
  EXPECT_TRUE(admissions[1].ends_in_markers);
  EXPECT_EQ(admissions[2].verdict, Verdict::refuse);
  EXPECT_EQ(admissions[3].verdict, Verdict::start);
  EXPECT_EQ(admissions[3].start, Offset(0)) << "the head is the caller's to plan";
}

TEST_F(AdmitTest, ASourceThatHasLessThanItsMirrorWasRecreatedOrCutOff) {
  source_kafka.create("s", 3);
  target_kafka.create("t", 3);
  for (int index = 0; index < 3; ++index) {
    source_kafka.partition("s", index).append("one", 5);
    target_kafka.partition("t", index).append("one", 5);
    target_kafka.partition("t", index).append("two", 5);
  }
  source_kafka.partition("s", 0).leader_epoch = 0;
  for (int index : {0, 1}) {
    for (auto& batch : target_kafka.partition("t", index).batches) batch.producer_id = identity.value();
  }
  const std::vector<Admission> admissions = admit_all(3);
  EXPECT_EQ(admissions[0].condition, Condition::source_recreated) << admissions[0].reason;
  EXPECT_EQ(admissions[1].condition, Condition::source_truncated) << admissions[1].reason;
  EXPECT_EQ(admissions[2].condition, Condition::foreign_writer) << admissions[2].reason;
  for (const Admission& admission : admissions) EXPECT_EQ(admission.verdict, Verdict::refuse);
}

// Found by the simulation: the target's topic was deleted for it (shunt.on.source.recreated=recreate).
TEST_F(AdmitTest, ASourceThatHasItElsewhereWasNotRecreated) {
  for (FakeKafka* kafka : {&source_kafka, &target_kafka}) {
    kafka->create(kafka == &source_kafka ? "s" : "t", 1);
    auto& partition = kafka->partition(kafka == &source_kafka ? "s" : "t", 0);
    partition.append_records("one", 10, protocol::Codec::none, identity.value());
    if (kafka == &target_kafka) partition.append_markers(1);
    partition.append_records("two", 10, protocol::Codec::none, identity.value());
    partition.leader_epoch = 0;
  }
  source_kafka.partition("s", 0).append_records("three", 10);
  const std::vector<Admission> admissions = admit_all(1);
  EXPECT_EQ(admissions[0].verdict, Verdict::refuse);
  EXPECT_EQ(admissions[0].condition, Condition::foreign_writer) << admissions[0].reason;
  EXPECT_THAT(admissions[0].reason,
              HasSubstr("the source has at offset 10 what t-0 has at 11: that has more before it"));
}

TEST_F(AdmitTest, RightsThatAreTakenInTheMiddleAreWaitedFor) {
  // Equal ends; markers behind the last data; batches that are no copies, but hold the same; a head that was being filled.
  source_kafka.create("s", 4);
  target_kafka.create("t", 4);
  for (const int index : {0, 1}) {
    source_kafka.partition("s", index).append("one", 5);
    target_kafka.partition("t", index).append("one", 5);
  }
  source_kafka.partition("s", 1).log_end = 8;
  target_kafka.partition("t", 1).append_markers(3);
  source_kafka.partition("s", 2).append_records("value", 5);
  target_kafka.partition("t", 2).append_records("value", 5, protocol::Codec::zstd);
  source_kafka.partition("s", 3).append("one", 5);
  source_kafka.partition("s", 3).log_start = 5;
  target_kafka.partition("t", 3).append_markers(3);
  const std::vector<Admission> allowed = admit_all(4);

  for (const bool is_source : {true, false}) {
    for (int index = 0; index < 4; ++index) {
      tests::FakePartition& log = is_source ? source_kafka.partition("s", index) : target_kafka.partition("t", index);
      const auto expected = allowed.at(static_cast<std::size_t>(index)).verdict;
      ASSERT_NE(expected, Verdict::retry) << index << ": " << allowed.at(static_cast<std::size_t>(index)).reason;
      int questions = 0;
      for (;; ++questions) {
        ASSERT_LT(questions, 50);
        log.questions_allowed = questions;
        const Admission admission = admit_all(4).at(static_cast<std::size_t>(index));
        log.questions_allowed = std::numeric_limits<int>::max();
        if (admission.verdict == expected) break;
        EXPECT_EQ(admission.verdict, Verdict::retry) << index << ", after " << questions << ": " << admission.reason;
        EXPECT_EQ(admission.condition, is_source ? Condition::source_unauthorized : Condition::target_unauthorized)
            << index << ", after " << questions << ": " << admission.reason;
        EXPECT_THAT(admission.reason, HasSubstr("TOPIC_AUTHORIZATION_FAILED"));
        EXPECT_THAT(admission.reason, HasSubstr("grant Read"));
      }
      EXPECT_GE(questions, 1) << index;
    }
  }
}

TEST_F(AdmitTest, AClusterThatIsAwayIsAReasonToTryAgain) {
  source_kafka.create("s", 1);
  target_kafka.create("t", 1);
  Cluster source(context.get_executor(), source_kafka.settings("A"));
  Cluster target(context.get_executor(), target_kafka.settings("B"));
  tests::run(context, [&]() -> Awaitable<> {
    co_await source.refresh_topics();
    co_await target.refresh_topics();
    target_kafka.stop(0);
    target_kafka.stop(1);
    AdmissionQuestion question;
    question.source = TopicPartition{"s", PartitionIndex(0)};
    question.target = TopicPartition{"t", PartitionIndex(0)};
    const std::vector<AdmissionQuestion> questions = {question};
    LeaderSettings settings;
    settings.patience = std::chrono::milliseconds(60);
    const std::vector<Admission> admissions =
        co_await admit(source, target, questions, Isolation::read_committed, settings);
    EXPECT_EQ(admissions.at(0).verdict, Verdict::retry);
    EXPECT_THAT(admissions.at(0).reason, HasSubstr("Connection refused"));
  });
}

}  // namespace
}  // namespace shunt::replicate
