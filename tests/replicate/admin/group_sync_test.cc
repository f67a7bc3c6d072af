#include "replicate/admin/group_sync.h"

#include <span>

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/messages/offset_commit.h"
#include "protocol/messages/offset_fetch.h"
#include "protocol/messages/produce.h"
#include "protocol/wire.h"
#include "replicate/identity.h"
#include "replicate/offset_sync.h"
#include "tests/replicate/admin/fake_groups.h"

namespace shunt::replicate {
namespace {

using protocol::Offset;
using protocol::PartitionIndex;
using protocol::Sequence;
using ::testing::Each;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
using tests::FakeGroup;
using tests::FakeGroups;
using tests::FakeKafka;

constexpr int brokers = 2;
constexpr char checkpoints[] = "A.checkpoints.internal";
constexpr char syncs[] = "mm2-offset-syncs.A.internal";

/// The duty between two fake clusters with a topic of two partitions, 1000 records each.
class GroupSyncTest : public ::testing::Test {
 protected:
  GroupSyncTest() {
    for (FakeKafka* kafka : {&source_, &target_}) {
      kafka->create("t", 2);
      for (int index = 0; index < 2; ++index) kafka->partition("t", index).log_end = 1000;
    }
    for (int id = 0; id < brokers; ++id) {
      target_.broker(id).on<protocol::ProduceRequest>([this](const protocol::ProduceRequest& request) {
        protocol::ProduceResponse response;
        const auto& asked = request.topic_data.at(0);
        const auto bytes = asked.partition_data.at(0).records->bytes();
        const auto header = protocol::RecordBatchHeader::of(bytes);
        auto& log = target_.partition(asked.name, 0);
        std::vector<std::byte> stored(bytes.begin(), bytes.end());
        protocol::wire::store(stored.data(), log.log_end);
        log.append_raw(std::move(stored), header.record_count());
        auto& answered = response.responses.emplace_back();
        answered.name = asked.name;
        answered.partition_responses.emplace_back().index = PartitionIndex(0);
        return std::optional(response);
      });
    }
  }

  GroupSyncSettings settings() const {
    GroupSyncSettings settings;
    settings.flow = "A->B";
    settings.source = "A";
    settings.user = "User:mirror";
    settings.writes_groups = true;
    settings.checkpoints.topic = checkpoints;
    settings.survey.selects = [](std::string_view group) { return group != "excluded"; };
    settings.survey.mirrors = [](std::string_view topic) { return topic == "t"; };
    settings.survey.target_topic = [](std::string_view topic) { return std::string(topic); };
    settings.survey.offset_syncs_topic = syncs;
    settings.survey.offset_syncs_on_target = true;
    return settings;
  }

  void put(const std::string& group, std::int64_t offset, int partition = 0, const std::string& topic = "t") {
    at_source_.groups[group].offsets[{topic, partition}] = {offset, "said by " + group};
  }
  /// -1: it is not there.
  std::int64_t there(const std::string& group, int partition = 0) const {
    const auto known = at_target_.groups.find(group);
    if (known == at_target_.groups.end()) return -1;
    const auto offset = known->second.offsets.find({"t", partition});
    return offset == known->second.offsets.end() ? -1 : offset->second.first;
  }

  /// Of topic t, as the flow stores it.
  void store_map(int partition, const MapTip& begin, const OffsetRun& run) {
    protocol::Uuid id;
    id.bytes[15] = std::byte{target_.topics.at("t").id};
    const auto identity = flow_identity(flow_tag("A", "B"), id, "t", PartitionIndex(partition), "t");
    OffsetBlock block(begin);
    block.append(run);
    const OffsetSync sync = OffsetSync::of("t", PartitionIndex(partition), {.identity = identity, .block = block});
    const auto key = sync.key();
    const auto value = sync.value();
    target_.partition(syncs, 0).append_record(key, value);
  }
  GroupSyncSettings mapping() const {
    GroupSyncSettings mapping = settings();
    mapping.survey.offsets = OffsetsMode::automatic;
    mapping.survey.may_map = true;
    mapping.survey.tag = flow_tag("A", "B");
    return mapping;
  }

  /// One life of so many rounds; the last one's status.
  GroupsStatus run(const GroupSyncSettings& settings, int rounds = 1) {
    MirrorStatus status;
    failure_.clear();
    tests::run(context_, [&]() -> net::Awaitable<> {
      Cluster source(context_.get_executor(), source_.settings("A"));
      Cluster target(context_.get_executor(), target_.settings("B"));
      GroupSync sync(source, target, settings, {});
      for (int i = 0; i < rounds; ++i) {
        try {
          co_await sync.perform();
        } catch (const ClusterError& error) {
          failure_ = error.what();
        }
      }
      sync.append_status(status);
      source.close();
      target.close();
    });
    return status.groups.at(0);
  }
  static std::size_t count(const GroupsStatus& status, GroupState state) {
    return status.groups.at(static_cast<std::size_t>(state));
  }

  net::asio::io_context context_;
  FakeKafka source_{context_, brokers};
  FakeKafka target_{context_, brokers};
  FakeGroups at_source_{source_, brokers};
  FakeGroups at_target_{target_, brokers};
  std::string failure_;
};

TEST_F(GroupSyncTest, WritesGroupsAsTheyAre) {
  put("g", 400);
  put("g", 500, 1);
  put("g", 7, 0, "another");
  put("excluded", 300);
  put("elsewhere", 1, 0, "another");
  const GroupsStatus status = run(settings());
  EXPECT_EQ(failure_, "");
  EXPECT_EQ(there("g"), 400);
  EXPECT_EQ(there("g", 1), 500);
  EXPECT_EQ(at_target_.groups.at("g").offsets.at({"t", 0}).second, "said by g");
  EXPECT_THAT(at_target_.groups, SizeIs(1));
  EXPECT_THAT(at_target_.groups.at("g").offsets, SizeIs(2));
  EXPECT_EQ(status.committed, 2U);
  EXPECT_EQ(status.checkpoints, 2U);
  EXPECT_EQ(count(status, GroupState::current), 1U);
}

TEST_F(GroupSyncTest, PutsOffsetsWhereTheTargetHasAPlace) {
  target_.partition("t", 0).log_start = 300;
  target_.partition("t", 0).log_end = 900;
  put("before", 100);
  put("behind the mirror", 950);
  put("behind the source", 2000);
  put("exact", 900);
  const GroupsStatus status = run(settings());
  EXPECT_EQ(there("before"), 300);
  EXPECT_EQ(there("behind the mirror"), 900);
  EXPECT_EQ(there("behind the source"), 900);
  EXPECT_EQ(there("exact"), 900);
  EXPECT_EQ(status.before_start, 1U);
  EXPECT_EQ(status.not_copied, 1U);
  EXPECT_EQ(status.past_end, 1U);
}

TEST_F(GroupSyncTest, FollowsTheMirror) {
  target_.partition("t", 0).log_end = 900;
  put("g", 950);
  run(settings());
  EXPECT_EQ(there("g"), 900);
  target_.partition("t", 0).log_end = 1000;
  run(settings());
  EXPECT_EQ(there("g"), 950);
}

TEST_F(GroupSyncTest, WritesOnlyWhatIsNews) {
  put("g", 400);
  run(settings(), 3);
  run(settings(), 2);
  EXPECT_EQ(at_target_.commits, 1);
  EXPECT_EQ(target_.partition(checkpoints, 0).log_end, 1);
  put("g", 401);
  run(settings(), 2);
  EXPECT_EQ(at_target_.commits, 2);
  EXPECT_EQ(target_.partition(checkpoints, 0).log_end, 2);
}

TEST_F(GroupSyncTest, GoesForwardsUnlessAsked) {
  put("g", 400);
  at_target_.groups["g"].offsets[{"t", 0}] = {600, ""};
  run(settings());
  EXPECT_EQ(there("g"), 600);
  GroupSyncSettings rewinding = settings();
  rewinding.may_rewind = true;
  put("g", 399);
  run(rewinding);
  EXPECT_EQ(there("g"), 399);
}

TEST_F(GroupSyncTest, DoesNotBringBackWhatWasDeleted) {
  put("g", 400);
  put("other", 10);
  run(settings());
  at_target_.groups.erase("g");
  EXPECT_EQ(count(run(settings(), 2), GroupState::deleted), 1U) << "in another life, too";
  put("other", 20);
  run(settings());
  EXPECT_EQ(there("g"), -1);
  EXPECT_EQ(there("other"), 20);
  put("g", 401);
  run(settings());
  EXPECT_EQ(there("g"), 401);
}

TEST_F(GroupSyncTest, LeavesActiveGroupsAlone) {
  put("stable", 400);
  put("joining", 400);
  put("quick", 400);
  at_target_.groups["stable"].state = "Stable";
  at_target_.groups["joining"].state = "PreparingRebalance";
  // Joined after it was looked up.
  at_target_.groups["quick"] = {.state = "Stable", .offsets = {}, .is_unlisted = true};
  const GroupsStatus status = run(settings());
  EXPECT_EQ(count(status, GroupState::active), 3U);
  EXPECT_EQ(at_target_.commits, 0);
  EXPECT_EQ(target_.requests(protocol::OffsetCommitRequest::api.key), 1) << "of quick alone";
  EXPECT_EQ(failure_, "");
}

TEST_F(GroupSyncTest, OneRefusedGroupHoldsUpNoOther) {
  for (const char* group : {"a", "b", "c", "d"}) put(group, 400);
  at_target_.groups["a"].commit_error = 30;  // GROUP_AUTHORIZATION_FAILED
  at_target_.groups["b"].fetch_error = 30;
  at_target_.groups["d"].commit_error = 29;  // TOPIC_AUTHORIZATION_FAILED
  const GroupsStatus status = run(settings(), 2);
  EXPECT_EQ(there("c"), 400);
  EXPECT_EQ(count(status, GroupState::refused), 3U);
  ASSERT_THAT(status.refused, SizeIs(3));
  EXPECT_EQ(status.refused[0].group, "a");
  EXPECT_EQ(
      status.refused[0].reason,
      "B answers GROUP_AUTHORIZATION_FAILED (30) to its offset for t-0; grant Read on the group there to User:mirror");
  EXPECT_THAT(status.refused[1].reason, EndsWith("; grant Read on the group there to User:mirror"));
  EXPECT_EQ(
      status.refused[2].reason,
      "B answers TOPIC_AUTHORIZATION_FAILED (29) to its offset for t-0; grant Read on the topic there to User:mirror");
  EXPECT_EQ(failure_, "") << "it is not what fails, but what is refused";
}

TEST_F(GroupSyncTest, AsksForManyGroupsAtOnce) {
  for (int i = 0; i < 120; ++i) {
    const std::string name = "g" + std::to_string(i);
    put(name, i);
    at_source_.groups[name].coordinator = i % brokers;
  }
  at_target_.creates_elsewhere = true;
  run(settings());
  EXPECT_EQ(at_target_.commits, 120);
  EXPECT_THAT(at_source_.groups_asked, UnorderedElementsAre(50, 50, 10, 10));
  EXPECT_EQ(at_target_.groups.at("g7").coordinator, brokers - 1);
}

TEST_F(GroupSyncTest, AsksOldBrokersForOneAtATime) {
  for (int id = 0; id < brokers; ++id) {
    for (FakeKafka* kafka : {&source_, &target_}) {
      kafka->broker(id).lists(protocol::OffsetFetchRequest::api.key, 0, 7);
      kafka->broker(id).lists(10, 0, 3);  // FindCoordinator
    }
  }
  for (int i = 0; i < 6; ++i) {
    put("g" + std::to_string(i), i);
    at_source_.groups["g" + std::to_string(i)].coordinator = i % brokers;
  }
  at_target_.creates_elsewhere = true;
  run(settings());
  EXPECT_EQ(at_target_.commits, 6);
  EXPECT_THAT(at_source_.groups_asked, SizeIs(6));
  EXPECT_THAT(at_source_.groups_asked, Each(Le(1)));
}

TEST_F(GroupSyncTest, FollowsCoordinators) {
  put("g", 400);
  at_target_.groups["g"].coordinator = 0;
  tests::run(context_, [&]() -> net::Awaitable<> {
    Cluster target(context_.get_executor(), target_.settings("B"));
    Coordinators coordinators(target);
    co_await target.refresh();
    const GroupList list = co_await list_groups(target);
    coordinators.learn(list);
    at_target_.groups["g"].coordinator = 1;
    const std::map<std::string, CommittedOffsets> offsets{
        {"g", {{{"t", PartitionIndex(0)}, {.offset = Offset(5), .metadata = ""}}}}};
    const auto answers = co_await commit_offsets(coordinators, offsets);
    EXPECT_TRUE(answers.at("g").value);
    target.close();
  });
  EXPECT_EQ(there("g"), 5);
}

TEST_F(GroupSyncTest, WaitsForATransactionThatIsAboutToCommit) {
  put("soon", 400);
  at_source_.groups["soon"].unstable_answers = 2;
  put("never", 300);
  at_source_.groups["never"].unstable_answers = 1'000'000;
  run(settings());
  EXPECT_EQ(there("soon"), 400);
  EXPECT_EQ(there("never"), 300) << "what is committed counts after a while";
}

TEST_F(GroupSyncTest, ABrokerThatIsAwayIsNamedAndTheRestIsDone) {
  put("here", 400);
  put("away", 400);
  at_source_.groups["away"].coordinator = 1;
  at_source_.groups["away"].is_unlisted = true;
  source_.broker(1).ignore(16);  // ListGroups
  source_.broker(1).stop();
  run(settings());
  EXPECT_EQ(there("here"), 400);
  EXPECT_THAT(failure_, HasSubstr("A broker 1"));
}

TEST_F(GroupSyncTest, MapsOffsets) {
  target_.create(syncs, 1);
  // Partition 0 from the beginning: source 100 to 199 lies at 7 to 106. Partition 1 was identical up to 500.
  store_map(0, {.source = Offset(0), .target = Offset(0), .sequence = Sequence(0)},
            {.source = Offset(100), .target = Offset(7), .records = 100});
  store_map(1, {.source = Offset(500), .target = Offset(500), .sequence = Sequence(500)},
            {.source = Offset(500), .target = Offset(510), .records = 100});
  put("hole", 50);
  put("inside", 150);
  put("end", 200);
  put("past", 700);
  put("identical", 450, 1);
  put("mapped", 550, 1);
  run(mapping());
  EXPECT_EQ(failure_, "");
  EXPECT_EQ(there("hole"), 7);
  EXPECT_EQ(there("inside"), 57);
  EXPECT_EQ(there("end"), 107);
  EXPECT_EQ(there("past"), 107);
  EXPECT_EQ(there("identical", 1), 450);
  EXPECT_EQ(there("mapped", 1), 560);
}

TEST_F(GroupSyncTest, WaitsForAMap) {
  put("g", 400);
  GroupSyncSettings mapping = settings();
  mapping.survey.offsets = OffsetsMode::mapped;
  mapping.survey.may_map = true;
  EXPECT_EQ(count(run(mapping), GroupState::waiting), 1U);
  EXPECT_THAT(at_target_.groups, SizeIs(0));
  EXPECT_EQ(target_.partition(checkpoints, 0).log_end, 0) << "created, and nothing in it";
}

TEST_F(GroupSyncTest, WritesCheckpointsAlone) {
  put("g", 400);
  GroupSyncSettings alone = settings();
  alone.writes_groups = false;
  run(alone, 2);
  EXPECT_THAT(at_target_.groups, SizeIs(0));
  EXPECT_EQ(target_.partition(checkpoints, 0).log_end, 1);
  // Groups later: none of them was ever written, so none can have been deleted.
  run(settings());
  EXPECT_EQ(there("g"), 400);
}

TEST_F(GroupSyncTest, WritesGroupsAlone) {
  put("g", 400);
  GroupSyncSettings alone = settings();
  alone.checkpoints.topic.clear();
  run(alone, 2);
  EXPECT_EQ(there("g"), 400);
  EXPECT_EQ(at_target_.commits, 1);
  EXPECT_FALSE(target_.topics.contains(checkpoints));
}

/// Beside it another flow, C->B, that writes topic "u" of its source to the same partitions. It was the first there: its
/// offsets are identical, and those of A->B have a map (that moves none of them).
class GroupSyncBesideAnotherTest : public GroupSyncTest {
 protected:
  GroupSyncBesideAnotherTest() {
    target_.create("own", 1).partitions[0].log_end = 1000;
    target_.create(syncs, 1);
    for (int index = 0; index < 2; ++index) {
      store_map(index, {.source = Offset(0), .target = Offset(0), .sequence = Sequence(0)},
                {.source = Offset(0), .target = Offset(0), .records = 1000});
    }
  }

  GroupSyncSettings beside(OffsetsMode their_offsets = OffsetsMode::identical) const {
    GroupSyncSettings beside = mapping();
    beside.survey.mirrors = [](std::string_view topic) { return topic != "another"; };
    auto theirs = std::make_shared<GroupSurveySettings>();
    theirs->selects = [](std::string_view) { return true; };
    theirs->mirrors = [](std::string_view topic) { return topic == "u"; };
    theirs->target_topic = [](std::string_view) { return std::string("t"); };
    theirs->offsets = their_offsets;
    theirs->may_map = their_offsets != OffsetsMode::identical;
    theirs->offset_syncs_topic = syncs;
    theirs->offset_syncs_on_target = true;
    NeighbourSettings neighbour;
    neighbour.flow = "C->B";
    neighbour.source = other_.settings("C");
    neighbour.source.client.connect_timeout = std::chrono::milliseconds(100);
    neighbour.survey = theirs;
    neighbour.may_write = [](std::string_view topic) { return topic == "t"; };
    beside.survey.neighbours.push_back(neighbour);
    return beside;
  }
  void put_beside(const std::string& group, std::int64_t offset, int partition = 0) {
    at_other_.groups[group].offsets[{"u", partition}] = {offset, ""};
  }

  FakeKafka other_{context_, 1};
  FakeGroups at_other_{other_, 1};
};

TEST_F(GroupSyncBesideAnotherTest, TheSmallerPlaceCounts) {
  put("both", 700);
  put_beside("both", 300);
  put("both", 200, 1);
  put_beside("both", 600, 1);
  put("here", 800);
  put_beside("there", 100);
  run(beside());
  EXPECT_EQ(failure_, "");
  EXPECT_EQ(there("both"), 300);
  EXPECT_EQ(there("both", 1), 200);
  EXPECT_EQ(there("here"), 800);
  EXPECT_EQ(there("there"), -1) << "its own flow's";
  put_beside("both", 900);
  run(beside());
  EXPECT_EQ(there("both"), 700);
}

TEST_F(GroupSyncBesideAnotherTest, AFlowThatHasWrittenNothingThereDoesNotCount) {
  put("g", 700);
  put_beside("g", 300);
  run(beside(OffsetsMode::mapped));
  EXPECT_EQ(there("g"), 700) << "it would have a map";
  target_.partition(syncs, 0).batches.clear();
  target_.partition(syncs, 0).log_end = 0;
  put("h", 700);
  put_beside("h", 300);
  run(beside());
  EXPECT_EQ(there("h"), 700) << "one of two writers has a map";
}

TEST_F(GroupSyncBesideAnotherTest, AGroupThatComesLaterTakesItBack) {
  put("g", 700);
  put("moved", 700);
  run(beside());
  EXPECT_EQ(there("g"), 700);
  at_target_.groups["moved"].offsets[{"t", 0}] = {750, ""};  // by its consumers
  put_beside("g", 300);
  put_beside("moved", 300);
  run(beside());
  EXPECT_EQ(there("g"), 300);
  EXPECT_EQ(there("moved"), 750);
}

TEST_F(GroupSyncBesideAnotherTest, WaitsForTheOthersAnswer) {
  put("g", 700);
  put("own", 500, 0, "own");
  other_.stop(0);
  const GroupsStatus status = run(beside());
  EXPECT_THAT(failure_, HasSubstr("groups of C->B on the same topics: "));
  EXPECT_EQ(there("g"), -1);
  EXPECT_EQ(count(status, GroupState::waiting), 1U);
  EXPECT_EQ(at_target_.groups.at("own").offsets.at({"own", 0}).first, 500) << "which the other does not write";
}

TEST_F(GroupSyncBesideAnotherTest, AGroupWhoseOffsetsAreNotToldThereWaits) {
  put("g", 700);
  put("free", 600);
  put_beside("g", 300);
  at_other_.groups["g"].fetch_error = 30;  // GROUP_AUTHORIZATION_FAILED
  run(beside());
  EXPECT_EQ(there("g"), -1);
  at_other_.groups["g"].fetch_error = 0;
  run(beside());
  EXPECT_EQ(there("g"), 300);
  EXPECT_EQ(there("free"), 600);
}

}  // namespace
}  // namespace shunt::replicate
