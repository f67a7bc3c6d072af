#include "tests/sim/mapped_checker.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "replicate/identity.h"
#include "replicate/offset_sync.h"
#include "tests/sim/records.h"
#include "tests/sim/settings.h"

namespace shunt::sim {

using protocol::Offset;
using replicate::MapTip;
using replicate::OffsetBlock;
using replicate::OffsetMap;
using replicate::OffsetRun;
using replicate::OffsetSync;
using State = LogWriter::Entry::State;

MappedChecker::MappedChecker(Writers& writers, const RetiredWriters& retired, Writers& others, FakeCluster& source,
                             FakeCluster& target, Rules rules)
    : Checker(writers, retired, rules), others_(others), target_(target) {
  source.on_append = [this](const PartitionKey& key, const StoredBatch& batch) {
    if (failure().empty() && key.first == syncs_topic_name) check_syncs(key, batch);
  };
  target.on_delete = [this](const std::string& topic) { handle_target_deleted(topic); };
  target.on_append = [this](const PartitionKey& key, const StoredBatch& batch) {
    if (failure().empty()) key.first == syncs_topic_name ? check_syncs(key, batch) : check(key, batch);
  };
}

// ---- Records --------------------------------------------------------------------------------------------------------

bool MappedChecker::is_others(const PartitionKey& key, const StoredBatch& batch) const {
  const auto others = others_.find(key);
  if (others == others_.end()) return false;
  if (batch.header().is_control()) return others->second.has_producer(batch.header().producer_id().value());
  return std::ranges::all_of(prints_of(batch.bytes),
                             [&](const RecordPrint& print) { return others->second.find(print.digest).has_value(); });
}

/// Under which a mirror writes to the topic that is there now.
protocol::ProducerId MappedChecker::identity_of(const PartitionKey& key) const {
  return replicate::flow_identity(replicate::flow_tag(source_alias, target_alias), target_.topic_id(key.first),
                                  key.first, protocol::PartitionIndex(key.second), key.first);
}

std::vector<const LogWriter*> MappedChecker::all_of(const PartitionKey& key) const {
  std::vector<const LogWriter*> all;
  const auto present = writers_.find(key);
  if (present != writers_.end()) all.push_back(&present->second);
  for (const auto& retired : retired_) {
    if (retired.key() == key) all.push_back(&retired.mapped());
  }
  return all;
}

const LogWriter& MappedChecker::writer_of(const PartitionKey& key) const {
  const auto copy = copies_.find(key);
  if (copy != copies_.end() && copy->second.of != nullptr) return *copy->second.of;
  return *all_of(key).front();
}

bool MappedChecker::is_of_another(const PartitionKey& key) const {
  const auto copy = copies_.find(key);
  const auto present = writers_.find(key);
  const bool has_any = copy != copies_.end() && copy->second.of != nullptr;
  return has_any && (present == writers_.end() || copy->second.of != &present->second);
}

void MappedChecker::handle_target_deleted(const std::string& topic) {
  for (const auto& [key, log] : target_.logs()) {
    if (key.first == topic) former_identities_.insert(identity_of(key));
  }
  std::erase_if(copies_, [&topic](const auto& copy) { return copy.first.first == topic; });
}

void MappedChecker::handle_source_loss(const PartitionKey& key) {
  const auto copy = copies_.find(key);
  if (copy == copies_.end() || is_of_another(key)) return;
  const std::int64_t end = writers_.at(key).end();
  if (copy->second.position > end) copy->second.lost_from = std::min(copy->second.lost_from.value_or(end), end);
  // The flow may have passed what was no record.
  copy->second.may_have_passed = copy->second.may_have_passed || !missing_in(key, copy->second.position, end);
}

bool MappedChecker::has_lost_records(const PartitionKey& key) const {
  const auto copy = copies_.find(key);
  return copy != copies_.end() && (copy->second.lost_from || copy->second.may_have_passed);
}

void MappedChecker::check(const PartitionKey& key, const StoredBatch& batch) {
  if (is_others(key, batch)) {
    ++counters.others;
    return;
  }
  if (former_identities_.contains(batch.header().producer_id())) {
    ++counters.misplaced;
    return;
  }
  if (all_of(key).empty()) return fail(key, batch, "no such partition on the source");
  if (is_fence(key, batch)) {
    ++counters.fences;
    return;
  }
  if (batch.header().is_control()) return fail(key, batch, "a marker that none of the other producers has written");
  check_data(key, batch);
}

bool MappedChecker::is_fence(const PartitionKey& key, const StoredBatch& batch) const {
  return batch.header().is_control() && batch.header().producer_id() == identity_of(key) &&
         batch.header().producer_epoch() > replicate::first_epoch;
}

void MappedChecker::check_data(const PartitionKey& key, const StoredBatch& batch) {
  Copy& copy = copies_[key];
  copy.producer = batch.header().producer_id();
  const auto prints = prints_of(batch.bytes);
  const std::uint64_t first_digest = prints.front().digest;
  const auto all = all_of(key);
  const auto owner = std::ranges::find_if(
      all, [&](const LogWriter* one) { return one->find(first_digest).has_value() || one->has_lost(first_digest); });
  if (owner == all.end()) return fail(key, batch, "a record that nobody has written");
  if (copy.of == nullptr) copy.of = *owner;
  if (copy.of != *owner) return fail(key, batch, "a record of another topic than those before it");
  const LogWriter& writer = *copy.of;
  // It was on its way when the source lost it.
  if (std::ranges::all_of(prints, [&](const auto& print) { return writer.has_lost(print.digest); })) {
    if (!copy.lost_from) copy.lost_from = copy.position;
    return;
  }
  if (copy.lost_from) {
    // Nobody can see that, where the source has nothing else from there on.
    const auto first = writer.find(prints.front().digest);
    if (!first || missing_in(key, *copy.lost_from, *first))
      return fail(key, batch, "data behind what the source has lost");
    copy.position = *copy.lost_from;
    copy.places.resize(static_cast<std::size_t>(copy.position));
    copy.lost_from.reset();
  }
  for (const RecordPrint& print : prints) {
    const std::optional<std::int64_t> offset = writer.find(print.digest);
    if (!offset) return fail(key, batch, "a record that nobody has written");
    if (*offset < copy.position) {
      return fail(key, batch, fmt::format("the source's record at {}, again or out of order", *offset));
    }
    const State state = writer.at(*offset).state;
    if (!may_be_mirrored(state)) {
      const char* what = state == State::returned ? "returned" : state == State::aborted ? "aborted" : "undecided";
      return fail(key, batch, fmt::format("{} data at {}", what, *offset));
    }
    if (const auto missing = missing_in(key, copy.position, *offset)) {
      return fail(key, batch, fmt::format("the source's record at {} is left out", *missing));
    }
    copy.places.resize(static_cast<std::size_t>(*offset));
    copy.places.push_back({.target = print.offset,
                           .epoch = batch.header().producer_epoch().value(),
                           .sequence = batch.header().base_sequence().advanced(print.offset - batch.base).value()});
    copy.position = *offset + 1;
  }
  const std::int64_t base = writer.find(prints.front().digest).value();
  const auto is_same = is_forwarded(writer, base, copy.position, batch);
  if (is_same && !*is_same) fail(key, batch, "other bytes than the source's batch");
  ++(is_same ? counters.forwarded : counters.rewritten);
}

std::optional<std::int64_t> MappedChecker::missing_in(const PartitionKey& key, std::int64_t from,
                                                      std::int64_t to) const {
  const LogWriter& writer = writer_of(key);
  const bool has_begun = position_of(key) > 0;
  // Records that have expired are lost either way; whether to go on behind them was the user's choice.
  if (!has_begun || rules_.may_lose_expired) from = std::max(from, writer.start());
  // Where it began its map says, which is stored before the first record comes.
  if (!has_begun && rules_.start.is_later()) from = std::max(from, beginning_of(key).value_or(to));
  for (std::int64_t offset = from; offset < to; ++offset) {
    if (has_record(writer, offset)) return offset;
  }
  return std::nullopt;
}

// ---- Maps -----------------------------------------------------------------------------------------------------------

MappedChecker::Place MappedChecker::place_of(const PartitionKey& key, std::int64_t offset) const {
  const auto copy = copies_.find(key);
  if (copy == copies_.end() || offset < 0 || offset >= copy->second.position) return {};
  return copy->second.places[static_cast<std::size_t>(offset)];
}

/// Of a record that lies there, or of none where the offsets were the source's.
bool MappedChecker::may_be_said(const PartitionKey& key, std::int64_t offset, std::int64_t said) const {
  const std::int64_t place = place_of(key, offset).target;
  if (place >= 0) return said == place;
  const auto copy = copies_.find(key);
  const bool was_identical = copy != copies_.end() && offset < copy->second.identical;
  return was_identical && said == offset && !has_record(writer_of(key), offset);
}

/// A record that was mirrored, lies in [from, to), and is still there on both sides: a map may not leave it out.
std::optional<std::int64_t> MappedChecker::unplaced_in(const PartitionKey& key, std::int64_t from,
                                                       std::int64_t to) const {
  const LogWriter& writer = writer_of(key);
  for (std::int64_t offset = std::max(from, writer.start()); offset < to; ++offset) {
    const std::int64_t place = place_of(key, offset).target;
    if (place >= 0 && place >= target_.log(key).start() && !writer.at(offset).is_removed) return offset;
  }
  return std::nullopt;
}

/// Empty, or what is not true in it.
std::string MappedChecker::check_block(const PartitionKey& key, const OffsetBlock& block) const {
  std::int64_t position = block.begin().source.value();
  for (const OffsetRun& run : block.runs()) {
    if (const auto unplaced = unplaced_in(key, position, run.source.value())) {
      return fmt::format("the record at {} is left out", *unplaced);
    }
    for (std::int64_t i = 0; i < run.records; ++i) {
      const std::int64_t offset = run.source.value() + i;
      const std::int64_t said = run.target.value() + i;
      if (may_be_said(key, offset, said)) continue;
      return fmt::format("of {} records from {} on the one at {} should be at {}, and is at {}", run.records,
                         run.source.value(), offset, said, place_of(key, offset).target);
    }
    position = run.source_end().value();
  }
  return {};
}

/// Empty, or why nobody could go on there.
std::string MappedChecker::check_tip(const PartitionKey& key, const MapTip& tip) const {
  for (std::int64_t offset = 0; offset < position_of(key); ++offset) {
    const Place place = place_of(key, offset);
    if (place.target < 0) continue;
    const bool is_behind = place.is_behind(tip);
    const bool may_be = offset < tip.source.value() ? !is_behind : is_behind || !unplaced_in(key, offset, offset + 1);
    if (may_be) continue;
    return fmt::format(
        "the map ends before {} with sequence {} of epoch {}, and the record at {} has sequence {} of {}",
        tip.source.value(), tip.sequence.value(), tip.epoch.value(), offset, place.sequence, place.epoch);
  }
  return {};
}

/// A map, where there was none.
bool MappedChecker::may_begin_at(const PartitionKey& key, std::int64_t offset) const {
  const auto all = all_of(key);
  return std::ranges::any_of(all, [&](const LogWriter* writer) {
    if (offset < first_beginning(key) || offset > writer->end()) return false;
    for (std::int64_t before = writer->start(); before < offset; ++before) {
      if (has_record(*writer, before) && !may_begin_behind(key, *writer, before)) return false;
    }
    return true;
  });
}

void MappedChecker::check_syncs(const PartitionKey& key, const StoredBatch& batch) {
  ++counters.stored_maps;
  std::map<PartitionKey, std::optional<MapTip>> tips_before;
  bool is_of_former = false;  // the last block, and what is said behind it: of a topic that is gone
  BatchShape shape;
  for (const SimRecord& record : decode_batch(batch.bytes, shape)) {
    const auto bytes = [](const std::string& text) { return std::as_bytes(std::span(text)); };
    std::string why;
    std::optional<OffsetSync> sync = OffsetSync::parse(bytes(record.key.value()), bytes(record.value.value()), why);
    if (!sync) return fail(key, batch, why);
    const PartitionKey source{sync->topic, sync->partition.value()};
    if (sync->extension) is_of_former = former_identities_.contains(sync->extension->identity);
    if (is_of_former) continue;
    if (all_of(source).empty()) return fail(key, batch, "a sync of no partition of the source");
    // The first block of a map may have none to tell of.
    const bool tells_of_record =
        !sync->extension || sync->extension->block.size() > 0 || sync->upstream < sync->extension->block.begin().source;
    const bool is_lost = copies_[source].lost_from.has_value();
    if (tells_of_record && !is_lost && !may_be_said(source, sync->upstream.value(), sync->downstream.value())) {
      return fail(key, batch,
                  fmt::format("MirrorMaker 2 is told that the record at {} of {}-{} is at {}", sync->upstream.value(),
                              source.first, source.second, sync->downstream.value()));
    }
    if (!sync->extension) continue;
    OffsetBlock& block = sync->extension->block;
    const std::string untrue = is_lost ? "" : check_block(source, block);
    if (!untrue.empty()) return fail(key, batch, fmt::format("{}-{}: {}", source.first, source.second, untrue));
    copies_[source].producer = sync->extension->identity;
    const MapTip begin = block.begin();
    const std::int32_t unplaced = block.unplaced();
    std::optional<OffsetMap>& map = copies_[source].map;
    tips_before.try_emplace(source, map ? std::optional(map->tip()) : std::nullopt);
    if (!map) {
      const std::int64_t start = begin.source.value();
      if (!may_begin_at(source, start))
        return fail(key, batch, fmt::format("the map of {} begins at {}", source.first, start));
      map.emplace(std::move(block));
    } else if (!map->restore(std::move(block))) {
      const MapTip& tip = map->tip();
      return fail(
          key, batch,
          fmt::format("a block of {}-{} that begins at {}, {} with sequence {}, {} of them unplaced, does not go "
                      "on where the map ends: at {}, {} with sequence {}",
                      source.first, source.second, begin.source.value(), begin.target.value(), begin.sequence.value(),
                      unplaced, tip.source.value(), tip.target.value(), tip.sequence.value()));
    }
  }
  for (const auto& [source, before] : tips_before) {
    const MapTip& tip = copies_[source].map->tip();
    std::string untrue = copies_[source].lost_from ? "" : check_tip(source, tip);
    if (before && (tip.source < before->source || tip.target < before->target)) {
      untrue = fmt::format("the map ended before {}, at {}, and ends before {}, at {}", before->source.value(),
                           before->target.value(), tip.source.value(), tip.target.value());
    }
    if (!untrue.empty()) return fail(key, batch, fmt::format("{}-{}: {}", source.first, source.second, untrue));
  }
}

std::string MappedChecker::judge(const PartitionKey& key, const OffsetMap& map) const {
  replicate::OffsetMapCursor cursor(map);
  for (std::int64_t offset = 0; offset < writer_of(key).end(); ++offset) {
    const auto run = cursor.run_at(Offset(offset));
    const bool is_there = run && run->source.value() <= offset;
    const std::int64_t place = place_of(key, offset).target;
    const std::int64_t said = is_there ? (run->target + (Offset(offset) - run->source)).value() : -1;
    if (is_there ? may_be_said(key, offset, said) : !unplaced_in(key, offset, offset + 1)) continue;
    return fmt::format("the map of {}-{} has the record at {} at {}, and it is at {}", key.first, key.second, offset,
                       said, place);
  }
  return {};
}

std::string MappedChecker::judge(const replicate::OffsetSyncs& syncs) const {
  for (const auto& [key, copy] : copies_) {
    if (copy.position == 0 || !copy.map || copy.lost_from) continue;  // without one it was not to be mapped
    if (is_of_another(key)) continue;  // what was not stored before the source was gone can be found no more
    const OffsetMap* map = syncs.find({key.first, protocol::PartitionIndex(key.second)}, copy.producer);
    if (map == nullptr) return fmt::format("there is no map of {}-{}", key.first, key.second);
    std::string untrue = judge(key, *map);
    if (!untrue.empty()) return untrue;
  }
  return {};
}

// ---- Progress -------------------------------------------------------------------------------------------------------

/// Of its map.
std::optional<std::int64_t> MappedChecker::beginning_of(const PartitionKey& key) const {
  const auto copy = copies_.find(key);
  if (copy == copies_.end() || !copy->second.map) return std::nullopt;
  return copy->second.map->blocks().front().begin().source.value();
}

std::int64_t MappedChecker::position_of(const PartitionKey& key) const {
  const auto copy = copies_.find(key);
  return copy == copies_.end() ? 0 : copy->second.position;
}

bool MappedChecker::is_mirrored(const PartitionKey& key) const {
  const auto copy = copies_.find(key);
  const std::int64_t position = position_of(key);
  if (is_of_another(key) || (copy != copies_.end() && copy->second.lost_from) ||
      (rules_.start.is_later() && !beginning_of(key)))
    return false;
  if (missing_in(key, position, writers_.at(key).end())) return false;
  if (position == 0) return true;
  return copy->second.map && !unplaced_in(key, copy->second.map->tip().source.value(), position);
}

bool MappedChecker::has_all_before(const PartitionKey& key, std::int64_t end) const {
  return !missing_in(key, position_of(key), end);
}

std::string MappedChecker::progress_of(const PartitionKey& key) const {
  const auto copy = copies_.find(key);
  if (copy == copies_.end()) return "nothing";
  const auto& map = copy->second.map;
  return fmt::format("{} of {}, its map at {}{}", copy->second.position, writer_of(key).end(),
                     map ? map->tip().source.value() : -1, is_of_another(key) ? ", of the topic before" : "");
}

}  // namespace shunt::sim
