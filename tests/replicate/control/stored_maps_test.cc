#include "replicate/control/stored_maps.h"

#include <optional>

#include <gtest/gtest.h>

#include "replicate/offset_sync.h"

namespace shunt::replicate {
namespace {

using protocol::LeaderEpoch;
using protocol::Offset;
using protocol::PartitionIndex;
using protocol::ProducerId;
using protocol::Sequence;

const TopicPartition source{"t", PartitionIndex(3)};

class StoredMapsTest : public ::testing::Test {
 protected:
  /// A block of `records` that begins at `from` on both sides.
  void store(ProducerId identity, int from, int records, int source_epoch) {
    OffsetBlock block({.source = Offset(from), .target = Offset(from), .sequence = Sequence(from)});
    if (records > 0) block.append({.source = Offset(from), .target = Offset(from), .records = records});
    const OffsetSync sync = OffsetSync::of(source.topic, source.partition,
                                           {.identity = identity,
                                            .block = block,
                                            .source_log = {.topic_id = {}, .leader_epoch = LeaderEpoch(source_epoch)}});
    const auto key = sync.key();
    const auto value = sync.value();
    protocol::Record record;
    record.key = key;
    record.value = value;
    std::string why;
    ASSERT_TRUE(maps_.restore(record, why)) << why;
  }

  const OffsetMap& map_of(ProducerId identity) { return maps_.maps.at({.source = source, .identity = identity}); }

  StoredMaps maps_;
};

TEST_F(StoredMapsTest, WhoHasNotHeardOfATopicsSuccessorLeavesItsMapAlone) {
  store(ProducerId(1), 0, 100, 0);
  store(ProducerId(2), 0, 5, 2);
  store(ProducerId(1), 100, 20, 1);
  store(ProducerId(2), 5, 7, 2);
  EXPECT_EQ(map_of(ProducerId(2)).tip().source, Offset(12));
  EXPECT_EQ(map_of(ProducerId(2)).source_log().leader_epoch, LeaderEpoch(2));
  EXPECT_EQ(map_of(ProducerId(1)).tip().source, Offset(120));
  for (auto& [key, map] : maps_.maps) EXPECT_EQ(map.take_first_changed(), map.blocks().size()) << "nothing to store";
}

TEST_F(StoredMapsTest, ABlockThatDoesNotConnectSaysNothing) {
  store(ProducerId(1), 0, 100, 0);
  store(ProducerId(1), 150, 20, 1);
  EXPECT_EQ(map_of(ProducerId(1)).tip().source, Offset(100));
  EXPECT_EQ(map_of(ProducerId(1)).source_log().leader_epoch, LeaderEpoch(0));
}

}  // namespace
}  // namespace shunt::replicate
