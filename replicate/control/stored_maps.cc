#include "replicate/control/stored_maps.h"

#include <optional>
#include <utility>

#include "replicate/offset_sync.h"
#include "replicate/own_header.h"

namespace shunt::replicate {

bool StoredMaps::restore(const protocol::Record& record, std::string& why) {
  if (!record.key || !record.value) return true;  // deleted
  std::optional<OffsetSync> sync = OffsetSync::parse(*record.key, *record.value, why);
  if (!sync) return false;
  const TopicPartition source{std::move(sync->topic), sync->partition};
  if (!sync->extension) {
    if (is_own(record)) {
      pairs.erase(source);
    } else {
      pairs[source] = {.source = sync->upstream, .target = sync->downstream};
    }
    return true;
  }
  auto& [identity, block, source_log] = *sync->extension;
  const Key key{.source = source, .identity = identity};
  if (OffsetMap* known = find(key)) {
    // A block that does not connect is of no use: map_recovery.h finds anew what it says.
    static_cast<void>(known->restore(std::move(block), source_log));
  } else {
    maps.emplace(key, OffsetMap(std::move(block), source_log));
  }
  return true;
}

OffsetMap* StoredMaps::find(const Key& key) {
  const auto known = maps.find(key);
  return known == maps.end() ? nullptr : &known->second;
}

const OffsetMap* StoredMaps::find(const Key& key) const {
  const auto known = maps.find(key);
  return known == maps.end() ? nullptr : &known->second;
}

}  // namespace shunt::replicate
