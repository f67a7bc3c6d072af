#include "replicate/admin/offset_map_tail.h"

#include <functional>

#include "replicate/control/leaders.h"

namespace shunt::replicate {

using protocol::Offset;
using protocol::PartitionIndex;

net::Awaitable<> OffsetMapTail::read() {
  const bool is_there = co_await topic_.find();
  if (!is_there) {
    begin_anew();
    co_return;
  }
  const protocol::Uuid id = cluster_.find_topic(topic_.name())->id;
  if (id != topic_id_) begin_anew();
  topic_id_ = id;
  const TopicPartition partition{topic_.name(), PartitionIndex(0)};
  const std::vector<TopicPartition> asked{partition};
  const auto ends = co_await readable_ends(cluster_, asked, Isolation::read_committed);
  // Shorter than it was: what was read may be gone.
  if (value_of(cluster_, ends, partition, "the log end") < next_) begin_anew();
  // What nobody can make sense of is named by the data path, which reads the same.
  const std::function<void(const protocol::Record&)> visit = [this](const protocol::Record& record) {
    std::string why;
    static_cast<void>(maps_.restore(record, why));
  };
  next_ = co_await topic_.read(PartitionIndex(0), visit, next_);
}

void OffsetMapTail::begin_anew() {
  maps_ = {};
  next_ = Offset(0);
}

}  // namespace shunt::replicate
