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
  auto& [identity, block, source_epoch] = *sync->extension;
  auto entry = entries.find(source);
  if (entry == entries.end() || entry->second.identity != identity) {
    entry = entries.insert_or_assign(source, Entry{.identity = identity, .map = OffsetMap(std::move(block))}).first;
  } else if (!entry->second.map.restore(std::move(block))) {
    return true;  // it does not connect, and is of no use: map_recovery.h finds anew what it says
  }
  entry->second.map.confirm(source_epoch);
  return true;
}

const OffsetMap* StoredMaps::find(const TopicPartition& source, protocol::ProducerId identity) const {
  const auto entry = entries.find(source);
  return entry == entries.end() || entry->second.identity != identity ? nullptr : &entry->second.map;
}

}  // namespace shunt::replicate
