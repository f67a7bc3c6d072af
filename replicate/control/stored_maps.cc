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
  auto known = maps.find(key);
  if (known == maps.end()) {
    known = maps.emplace(key, OffsetMap(std::move(block))).first;
  } else if (!known->second.restore(std::move(block))) {
    return true;  // it does not connect, and is of no use: map_recovery.h finds anew what it says
  }
  known->second.confirm(source_log);
  return true;
}

}  // namespace shunt::replicate
