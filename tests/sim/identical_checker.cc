#include "tests/sim/identical_checker.h"

#include <algorithm>

#include <fmt/format.h>

#include "tests/sim/records.h"

namespace shunt::sim {

using namespace std::chrono_literals;
using replicate::StartPosition;
using State = LogWriter::Entry::State;

namespace {

// As shunt has it, so that nothing is forgiven that it could have known.
constexpr auto place_trust = 1s;

constexpr auto longest_request = 2s;  // a marker's, with its coordinator's search for a leader

constexpr auto longest_freeze = 3s;

// Until a process that has nothing to send, or is frozen, hears that the target's topic is another one.
constexpr auto longest_ignorance = 10s;

bool is_padding(const StoredBatch& batch) {
  return std::ranges::all_of(prints_of(batch.bytes), &RecordPrint::is_padding);
}

}  // namespace

IdenticalChecker::IdenticalChecker(Writers& writers, const RetiredWriters& retired, FakeCluster& target, Rules rules)
    : Checker(writers, retired, rules), target_(target) {
  target_.on_append = [this](const PartitionKey& key, const StoredBatch& batch) {
    if (failure().empty()) check(key, batch);
  };
  target_.on_late_marker = [this](const PartitionKey& key) { copy_at(key).is_late = true; };
  target_.on_abandoned = [this](const PartitionKey& key) {
    // In a hole that the source's topic there is now has not, or that is not where the target's log ends any more: the next
    // life had no reason to end it there.
    const bool has_moved = copy_at(key).last_moved != net::Time{};
    if (source_deleted_ || has_moved) copy_at(key).is_late = true;
  };
  target_.on_delete = [this](const std::string& topic) { handle_target_deleted(topic); };
}

// ---- Progress -------------------------------------------------------------------------------------------------------

const IdenticalChecker::Copy* IdenticalChecker::find(const PartitionKey& key) const {
  const auto found = copies_.find(key);
  return found == copies_.end() ? nullptr : &found->second;
}

IdenticalChecker::Copy& IdenticalChecker::copy_at(const PartitionKey& key) {
  const auto [copy, is_new] = copies_.try_emplace(key);
  const auto deleted = deleted_.find(key.first);
  if (is_new && deleted != deleted_.end()) copy->second.cut_off = deleted->second + longest_request;
  return copy->second;
}

bool IdenticalChecker::is_mirrored(const PartitionKey& key) const {
  if (!target_.has_log(key) || position_of(key) != writers_.at(key).end() || is_of_another(key)) return false;
  const Copy* copy = find(key);
  return copy == nullptr || (!is_displaced(*copy) && !copy->lost && copy->misplaced.empty());
}

std::int64_t IdenticalChecker::position_of(const PartitionKey& key) const {
  return target_.has_log(key) ? target_.log(key).end() : 0;
}

bool IdenticalChecker::has_all_before(const PartitionKey& key, std::int64_t end) const {
  return position_of(key) >= end;
}

std::string IdenticalChecker::progress_of(const PartitionKey& key) const {
  const Copy* copy = find(key);
  return fmt::format("{} of {}{}{}", position_of(key), writers_.at(key).end(),
                     copy != nullptr && is_displaced(*copy) ? ", behind a displaced marker" : "",
                     is_of_another(key) ? ", of the topic before" : "");
}

bool IdenticalChecker::may_have_stopped(const PartitionKey& key) const {
  const Copy* copy = find(key);
  return copy != nullptr && (copy->is_late || !copy->misplaced.empty());
}

bool IdenticalChecker::has_lost_records(const PartitionKey& key) const {
  const Copy* copy = find(key);
  return copy != nullptr && copy->lost;
}

bool IdenticalChecker::is_of_another(const PartitionKey& key) const {
  const Copy* copy = find(key);
  const auto writer = writers_.find(key);
  return copy != nullptr && copy->of != nullptr && (writer == writers_.end() || copy->of != &writer->second);
}

bool IdenticalChecker::has_begun_early(const PartitionKey& key) const {
  const Copy* copy = find(key);
  return copy != nullptr && copy->has_begun_early;
}

// ---- Losses ---------------------------------------------------------------------------------------------------------

void IdenticalChecker::handle_target_loss(const PartitionKey& key) {
  const PartitionLog& log = target_.log(key);
  Copy& copy = copy_at(key);
  copy.last_moved = net::now();
  copy.cut_off = net::now() + longest_request;
  if (copy.lost && *copy.lost >= log.end()) {
    copy.is_late = true;  // it may have stopped before both had lost the same
    copy.lost.reset();
  }
  if (!copy.misplaced.empty() && copy.misplaced_at >= log.end()) {
    copy.is_late = true;  // the same
    copy.misplaced.clear();
  }
  std::erase_if(copy.displaced, [&log](std::int64_t offset) { return offset >= log.end(); });
  if (copy.first_data && *copy.first_data >= log.end()) copy.first_data.reset();
  if (!copy.first_data && log.end() > 0) copy.is_half_filled = true;
}

void IdenticalChecker::handle_begun(const PartitionKey& key, std::int64_t offset) {
  // More markers of the life before may come.
  const Copy* copy = find(key);
  if (copy == nullptr || copy->first_data || !copy->is_half_filled) Checker::handle_begun(key, offset);
}

void IdenticalChecker::handle_restart() {
  Checker::handle_restart();
  if (has_started_) restarted_ = net::now();
  has_started_ = true;
  for (auto& [key, copy] : copies_) {
    if (rules_.start.kind != StartPosition::Kind::latest || copy.first_data) continue;
    copy.is_half_filled = copy.is_half_filled || position_of(key) > 0;
  }
}

void IdenticalChecker::handle_source_deleted() {
  Checker::handle_source_deleted();
  source_deleted_ = net::now();
}

void IdenticalChecker::handle_source_loss(const PartitionKey& key) {
  if (is_of_another(key)) return;
  Copy& copy = copy_at(key);
  const std::int64_t end = writers_.at(key).end();
  copy.source_cut = std::min(copy.lost.value_or(end), end);
  copy.source_cut_at = net::now();
  if (position_of(key) > copy.source_cut) copy.lost = copy.source_cut;
}

void IdenticalChecker::handle_target_deleted(const std::string& topic) {
  deleted_[topic] = net::now();
  for (auto& [key, copy] : copies_) {
    if (key.first == topic) former_producers_[key].merge(copy.producers);
  }
  std::erase_if(copies_, [&topic](const auto& copy) { return copy.first.first == topic; });
}

// ---- What is appended -----------------------------------------------------------------------------------------------

void IdenticalChecker::check(const PartitionKey& key, const StoredBatch& batch) {
  Copy& copy = copy_at(key);
  const auto deleted = deleted_.find(key.first);
  const bool is_young = deleted != deleted_.end() && net::now() - deleted->second < longest_ignorance;
  if (copy.of == nullptr) {
    copy.of = owner_of(key, batch);
    if (copy.of == nullptr) return fail(key, batch, "no such partition on the source");
    if (is_young && is_of_another(key)) copy.is_late = true;
  }
  const bool is_marker = batch.header().is_control();
  const bool may_be_of_present = !is_marker || !is_hole(key, *copy.of, copy, batch.base);
  if (may_be_of_present && is_of_another(key) && cannot_be_told(key, batch)) copy.of = &writers_.at(key);
  // As long as there are markers only, they may be of any topic of that name that has holes there.
  const bool has_only_markers = is_marker && !copy.first_data && !copy.padded;
  if (has_only_markers && !is_hole(key, *copy.of, copy, batch.base)) copy.of = owner_of(key, batch);
  // The first data tell.
  if (!is_marker && !copy.first_data && !copy.padded) {
    const LogWriter* owner = owner_of(key, batch);
    if (are_holes(key, *owner, target_.log(key).start(), batch.base)) copy.of = owner;
  }
  if (is_marker) {
    const std::string wrong = copy.misplaced.empty() ? check_marker(copy, key, batch) : std::string();
    if (!wrong.empty()) fail(key, batch, wrong);
    return;
  }
  const std::int64_t producer = batch.header().producer_id().value();
  if (!copy.misplaced.empty()) {
    const auto [since, is_first] = copy.misplaced.try_emplace(producer, net::now());
    if (net::now() - since->second > longest_request + longest_freeze) {
      fail(key, batch, "behind what was meant for another log");
    }
    return;
  }
  if (copy.producers.empty()) copy.has_begun_early = is_young;
  const std::string wrong = is_padding(batch) ? check_padding(copy, key, batch) : check_data(copy, key, batch);
  copy.producers.insert(producer);
  const bool are_two_at_work = copy.producers.size() > 1 || former_producers_[key].contains(producer);
  if (wrong.empty()) {
    if (is_young && are_two_at_work) copy.is_late = true;
    return;
  }
  const bool is_displaced = is_shifted(copy, batch);
  // Sent when the end, which no sequence tells, was where it had just been seen.
  const bool is_overtaken = net::now() - copy.last_moved < longest_request + place_trust && is_displaced;
  if (is_overtaken || (is_young && (are_two_at_work || is_displaced))) {
    copy.misplaced[producer] = net::now();
    copy.misplaced_at = batch.base;
    ++counters.misplaced;
  } else {
    fail(key, batch, wrong);
  }
}

/// The topic on the source is another one than that whose records the target has, and a process that has begun since has
/// nothing to know that by: it looks as if compaction had taken them.
bool IdenticalChecker::cannot_be_told(const PartitionKey& key, const StoredBatch& batch) const {
  const auto writer = writers_.find(key);
  const bool is_unknown = source_deleted_ && restarted_ && *restarted_ > *source_deleted_;
  if (!is_unknown || writer == writers_.end()) return false;
  const LogWriter& present = writer->second;
  return std::ranges::all_of(target_.log(key).batches(), [&](const StoredBatch& stored) {
    if (stored.base >= batch.base || stored.header().is_control()) return true;
    return std::ranges::all_of(prints_of(stored.bytes), [&](const RecordPrint& print) {
      return print.offset < present.end() && !has_record(present, print.offset);
    });
  });
}

/// To whom the first batch of a log belongs: of a topic that was just replaced something may still be on its way.
const LogWriter* IdenticalChecker::owner_of(const PartitionKey& key, const StoredBatch& batch) const {
  std::vector<const LogWriter*> writers;  // the present one first
  if (const auto present = writers_.find(key); present != writers_.end()) writers.push_back(&present->second);
  for (auto node = retired_.rbegin(); node != retired_.rend(); ++node) {
    if (node->key() == key) writers.push_back(&node->mapped());
  }
  if (writers.empty()) return nullptr;
  const auto owner = std::ranges::find_if(writers, [&](const LogWriter* writer) {
    if (batch.header().is_control()) return are_holes(key, *writer, target_.log(key).start(), batch.next);
    if (is_padding(batch)) return is_head(key, *writer, batch.base, batch.next);
    return writer->find(prints_of(batch.bytes).front().digest).has_value();
  });
  return owner == writers.end() ? writers.front() : *owner;
}

/// Where the target's last data before `end` ends.
std::int64_t IdenticalChecker::data_end_before(const PartitionKey& key, std::int64_t end) const {
  std::int64_t data_end = 0;
  for (const StoredBatch& stored : target_.log(key).batches()) {
    if (stored.base < end && !stored.header().is_control()) data_end = stored.next;
  }
  return data_end;
}

/// The source's records, all as far from their places.
bool IdenticalChecker::is_shifted(const Copy& copy, const StoredBatch& batch) const {
  std::int64_t shift = 0;
  return std::ranges::all_of(prints_of(batch.bytes), [&](const RecordPrint& print) {
    const auto place = copy.of->find(print.digest);
    if (!place) return false;
    if (shift == 0) shift = print.offset - *place;
    return shift != 0 && print.offset - *place == shift;
  });
}

/// What a mirror leaves out that begins now.
bool IdenticalChecker::is_head(const PartitionKey& key, const LogWriter& writer, std::int64_t begin,
                               std::int64_t end) const {
  if (end > writer.end()) return false;
  begin = std::max(begin, writer.start());
  if (rules_.start.is_later()) {
    while (begin < end && (!has_record(writer, begin) || may_begin_behind(key, writer, begin))) ++begin;
  }
  return begin >= end;
}

std::string IdenticalChecker::check_padding(Copy& copy, const PartitionKey& key, const StoredBatch& batch) {
  ++counters.padding;
  if (!is_head(key, *copy.of, batch.base, batch.next)) return "padding where the source has records";
  if (copy.first_data) return "padding behind data";
  copy.padded = batch.next;
  return {};
}

/// Nothing for a reader.
bool IdenticalChecker::is_hole(const PartitionKey& key, const LogWriter& writer, const Copy& copy,
                               std::int64_t offset) const {
  if (offset >= writer.end()) return false;
  // Records that have expired are lost either way; whether to go on behind them was the user's choice.
  const bool is_expired = offset < writer.start() && (rules_.may_lose_expired || !copy.first_data);
  const bool is_before = !copy.first_data && may_begin_behind(key, writer, offset);
  return !has_record(writer, offset) || is_expired || is_before;
}

std::string IdenticalChecker::check_marker(Copy& copy, const PartitionKey& key, const StoredBatch& batch) {
  ++counters.markers;
  // Of the life before, perhaps.
  const bool is_young = restarted_ && net::now() - *restarted_ < longest_request;
  if (is_young && rules_.start.kind == StartPosition::Kind::latest) copy.is_half_filled = true;
  if (copy.lost || is_hole(key, *copy.of, copy, batch.base)) return {};
  // A hole that was read before the source lost it.
  if (batch.base >= copy.source_cut && net::now() - copy.source_cut_at < longest_request) {
    copy.lost = batch.base;
    return {};
  }
  if (net::now() < copy.cut_off) copy.is_late = true;
  if (!copy.is_late) {
    return batch.base >= copy.of->end() ? "a marker beyond the source's end" : "a marker where the source has a record";
  }
  copy.displaced.insert(batch.base);
  copy.last_moved = net::now();
  return {};
}

bool IdenticalChecker::are_holes(const PartitionKey& key, const LogWriter& writer, std::int64_t begin,
                                 std::int64_t end) const {
  while (begin < end && is_hole(key, writer, {}, begin)) ++begin;
  return begin >= end;
}

bool IdenticalChecker::is_displaced(const Copy& copy) const {
  return std::ranges::any_of(copy.displaced, [&](std::int64_t offset) {
    return offset >= copy.of->end() || (has_record(*copy.of, offset) && offset >= copy.of->start());
  });
}

/// The first data.
std::string IdenticalChecker::check_beginning(const Copy& copy, const PartitionKey& key,
                                              const StoredBatch& batch) const {
  // In the place of a topic that went the mirror goes on; and it does where markers end, not knowing what they were for.
  if (copy.is_half_filled || deleted_.contains(key.first) || batch.base >= first_beginning(key)) return {};
  return fmt::format("a mirror that was to begin at {}", first_beginning(key));
}

std::string IdenticalChecker::check_data(Copy& copy, const PartitionKey& key, const StoredBatch& batch) {
  // The life that begins now may leave out what the one before it was to mirror.
  if (!copy.first_data)
    std::erase_if(copy.displaced, [&](std::int64_t offset) { return may_begin_behind(key, *copy.of, offset); });
  if (is_displaced(copy)) return "data behind a marker where the source has a record";
  if (!copy.first_data) {
    std::string wrong = check_beginning(copy, key, batch);
    if (!wrong.empty()) return wrong;
    copy.first_data = batch.base;
  }
  const LogWriter& writer = *copy.of;
  if (copy.padded && target_.log(key).start() < *copy.padded) return "data behind padding that readers can still see";
  const auto prints = prints_of(batch.bytes);
  // It was on its way when the source lost it.
  if (std::ranges::all_of(prints, [&](const auto& print) { return writer.has_lost(print.digest); })) {
    if (!copy.lost) copy.lost = batch.base;
    return {};
  }
  if (copy.lost) {
    // Retention has taken what contradicts it, and the user goes on behind what expired; or compaction has.
    bool is_contradicted = false;
    for (std::int64_t offset = std::max(*copy.lost, writer.start()); offset < std::min(batch.base, writer.end());
         ++offset) {
      is_contradicted = is_contradicted || has_record(writer, offset);
    }
    const bool is_overtaken = writer.start() > data_end_before(key, batch.base);
    const bool is_forgotten = is_overtaken ? rules_.may_lose_expired : !is_contradicted;
    if (!is_forgotten) return "data behind what the source has lost";
    copy.lost.reset();
  }
  if (batch.next > writer.end()) return "data beyond the source's end";
  for (std::int64_t offset = batch.base; offset < batch.next; ++offset) {
    const State state = writer.at(offset).state;
    if (state == State::nothing) return fmt::format("the source has a hole at {}", offset);
    if (!may_be_mirrored(state)) {
      return fmt::format("{} data at {}", state == State::aborted ? "aborted" : "undecided", offset);
    }
  }
  if (const auto is_same = is_forwarded(writer, batch.base, batch.next, batch)) {
    if (!*is_same) return "other bytes than the source's batch";
    ++counters.forwarded;
    return {};
  }
  ++counters.rewritten;
  for (const RecordPrint& print : prints) {
    if (writer.at(print.offset).digest != print.digest) return fmt::format("another record at {}", print.offset);
  }
  return {};
}

}  // namespace shunt::sim
