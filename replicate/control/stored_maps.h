// The offset maps that an offset syncs topic holds (offset_sync.h), as its records are read one after the other.
#pragma once

#include <map>
#include <string>

#include "protocol/ids.h"
#include "protocol/record.h"
#include "replicate/control/cluster.h"
#include "replicate/offset_map.h"

namespace shunt::replicate {

class StoredMaps {
 public:
  /// A target topic that was created again goes by another identity, and has another map. Who has not heard of it yet may
  /// go on to store one of the topic before.
  struct Key {
    TopicPartition source;
    protocol::ProducerId identity;

    auto operator<=>(const Key&) const = default;
  };

  /// What MirrorMaker 2 says of a record: its place on both sides.
  struct Pair {
    protocol::Offset source;
    protocol::Offset target;
  };

  /// The topic's next record. False, with the reason in `why`: nobody can make sense of it.
  bool restore(const protocol::Record& record, std::string& why);

  /// Null: there is none. Valid as long as the map is.
  OffsetMap* find(const Key& key);
  [[nodiscard]] const OffsetMap* find(const Key& key) const;

  std::map<Key, OffsetMap> maps;
  std::map<TopicPartition, Pair> pairs;  // the newest, where shunt has not said something since
};

}  // namespace shunt::replicate
