#include "tests/sim/identical_checker.h"

#include <algorithm>

#include <fmt/format.h>

#include "tests/sim/records.h"

namespace shunt::sim {

using namespace std::chrono_literals;
using State = LogWriter::Entry::State;

namespace {

constexpr auto longest_request = 2s;  // a marker's, with its coordinator's search for a leader

}  // namespace

IdenticalChecker::IdenticalChecker(Writers& writers, FakeCluster& target, Rules rules)
    : Checker(writers, rules), target_(target) {
  target_.on_append = [this](const PartitionKey& key, const StoredBatch& batch) {
    if (failure().empty()) check(key, batch);
  };
  target_.on_late_marker = [this](const PartitionKey& key) { late_.insert(key); };
}

bool IdenticalChecker::is_mirrored(const PartitionKey& key) const {
  return target_.logs().contains(key) && position_of(key) == writers_.at(key).end() && !is_displaced(key) &&
         !lost_.contains(key);
}

std::int64_t IdenticalChecker::position_of(const PartitionKey& key) const {
  return target_.logs().contains(key) ? target_.log(key).end() : 0;
}

std::string IdenticalChecker::progress_of(const PartitionKey& key) const {
  return fmt::format("{} of {}{}", position_of(key), writers_.at(key).end(),
                     is_displaced(key) ? ", behind a displaced marker" : "");
}

void IdenticalChecker::handle_target_loss(const PartitionKey& key) {
  const PartitionLog& log = target_.log(key);
  cut_off_[key] = net::now() + longest_request;
  if (const auto lost = lost_.find(key); lost != lost_.end() && lost->second >= log.end()) {
    late_.insert(key);  // it may have stopped before both had lost the same
    lost_.erase(lost);
  }
  if (const auto displaced = displaced_.find(key); displaced != displaced_.end()) {
    std::erase_if(displaced->second, [&log](std::int64_t offset) { return offset >= log.end(); });
  }
  if (const auto data = first_data_.find(key); data != first_data_.end() && data->second >= log.end()) {
    first_data_.erase(data);
  }
}

void IdenticalChecker::handle_source_loss(const PartitionKey& key) {
  const std::int64_t end = writers_.at(key).end();
  if (position_of(key) > end) lost_[key] = lost_.contains(key) ? std::min(lost_.at(key), end) : end;
}

void IdenticalChecker::check(const PartitionKey& key, const StoredBatch& batch) {
  const auto writer = writers_.find(key);
  if (writer == writers_.end()) return fail(key, batch, "no such partition on the source");
  if (batch.header().is_control()) return check_marker(key, batch);
  const auto prints = prints_of(batch.bytes);
  if (std::ranges::all_of(prints, &RecordPrint::is_padding)) {
    ++counters.padding;
    if (batch.next > writer->second.log().start()) return fail(key, batch, "padding where the source has records");
    if (first_data_.contains(key)) return fail(key, batch, "padding behind data");
    padded_[key] = batch.next;
    return;
  }
  check_data(key, batch);
}

void IdenticalChecker::check_marker(const PartitionKey& key, const StoredBatch& batch) {
  ++counters.markers;
  const LogWriter& writer = writers_.at(key);
  if (lost_.contains(key)) return;
  const bool is_past = batch.base >= writer.end();
  bool is_wrong = is_past;
  if (!is_past) {
    // Records that have expired are lost either way; whether to go on behind them was the user's choice.
    const bool is_expired =
        batch.base < writer.log().start() && (rules_.may_lose_expired || !first_data_.contains(key));
    is_wrong = has_record(writer, batch.base) && !is_expired;
  }
  if (!is_wrong) return;
  const auto cut_off = cut_off_.find(key);
  if (cut_off != cut_off_.end() && net::now() < cut_off->second) late_.insert(key);
  if (late_.contains(key)) {
    displaced_[key].insert(batch.base);
  } else {
    fail(key, batch, is_past ? "a marker beyond the source's end" : "a marker where the source has a record");
  }
}

bool IdenticalChecker::is_displaced(const PartitionKey& key) const {
  const auto displaced = displaced_.find(key);
  if (displaced == displaced_.end()) return false;
  const LogWriter& writer = writers_.at(key);
  return std::ranges::any_of(displaced->second, [&](std::int64_t offset) {
    return offset >= writer.end() || (has_record(writer, offset) && offset >= writer.log().start());
  });
}

void IdenticalChecker::check_data(const PartitionKey& key, const StoredBatch& batch) {
  if (is_displaced(key)) return fail(key, batch, "data behind a marker where the source has a record");
  first_data_.try_emplace(key, batch.base);
  const LogWriter& writer = writers_.at(key);
  if (const auto padded = padded_.find(key); padded != padded_.end() && target_.log(key).start() < padded->second) {
    return fail(key, batch, "data behind padding that readers can still see");
  }
  // It was on its way when the source lost it.
  if (std::ranges::all_of(prints_of(batch.bytes), [&](const auto& print) { return writer.has_lost(print.digest); })) {
    lost_.try_emplace(key, batch.base);
    return;
  }
  if (const auto lost = lost_.find(key); lost != lost_.end()) {
    // Retention has taken what contradicts it, and the user goes on behind what expired.
    const bool is_forgotten = rules_.may_lose_expired && writer.log().start() > lost->second;
    if (!is_forgotten) return fail(key, batch, "data behind what the source has lost");
    lost_.erase(lost);
  }
  if (batch.next > writer.end()) return fail(key, batch, "data beyond the source's end");
  for (std::int64_t offset = batch.base; offset < batch.next; ++offset) {
    const State state = writer.at(offset).state;
    if (state == State::nothing) return fail(key, batch, fmt::format("the source has a hole at {}", offset));
    if (!may_be_mirrored(state)) {
      return fail(key, batch, fmt::format("{} data at {}", state == State::aborted ? "aborted" : "undecided", offset));
    }
  }
  if (const auto is_same = is_forwarded(writer, batch.base, batch.next, batch)) {
    if (!*is_same) fail(key, batch, "other bytes than the source's batch");
    ++counters.forwarded;
    return;
  }
  ++counters.rewritten;
  for (const RecordPrint& print : prints_of(batch.bytes)) {
    if (writer.at(print.offset).digest != print.digest) {
      return fail(key, batch, fmt::format("another record at {}", print.offset));
    }
  }
}

}  // namespace shunt::sim
