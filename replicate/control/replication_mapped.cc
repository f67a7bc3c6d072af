// The part of Replication that is about partitions with mapped offsets (control/mapped_partitions.h).
#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "replicate/control/beginning.h"
#include "replicate/control/filling_estimate.h"
#include "replicate/control/leaders.h"
#include "replicate/control/replication.h"

namespace shunt::replicate {

using namespace std::chrono_literals;
using net::Awaitable;
using net::Time;
using protocol::Offset;

namespace {

constexpr auto store_interval = 1s;  // of maps: so much is looked for after a crash
constexpr auto pause_before_load = 250ms;
constexpr auto pause_for_maps = 10ms;  // while another task has them

/// The maps are free again when the task ends, however that is.
class MapsAtWork {
 public:
  explicit MapsAtWork(bool& are_busy) : are_busy_(are_busy) {}
  ~MapsAtWork() { are_busy_ = false; }
  MapsAtWork(const MapsAtWork&) = delete;
  MapsAtWork& operator=(const MapsAtWork&) = delete;

 private:
  bool& are_busy_;
};

}  // namespace

void Replication::adopt_if_mapped(Partition& partition) {
  if (!mapped_) return;
  if (settings_.offsets == OffsetsMode::mapped || mapped_->has_map(partition)) mapped_->adopt(partition);
}

bool Replication::may_map(const Partition& partition) const {
  return settings_.offsets == OffsetsMode::automatic && !partition.spec.is_mapped();
}

/// False: that is not wanted, or its offsets are mapped already.
bool Replication::map_behind_others(Partition& partition, const std::string& reason) {
  if (partition.spec.is_mapped() || settings_.policies.of(Condition::foreign_writer) != Policy::go_on) return false;
  count(partition.spec.source_topic, Condition::foreign_writer);
  map_offsets(partition, mapped_behind_others, reason);
  return true;
}

/// Another instance of this mirror has mapped its offsets, as the maps have it that were read since.
bool Replication::goes_over_with_another(Partition& partition) {
  if (!mapped_ || partition.spec.is_mapped() || !mapped_->has_map(partition)) return false;
  map_offsets(partition, may_map(partition) ? mapped_by_auto : mapped_behind_others,
              "another instance of this mirror has mapped them");
  return true;
}

/// Identical offsets are not possible, or cost too much. `setting`: by which this is wanted.
void Replication::map_offsets(Partition& partition, std::string_view setting, const std::string& reason) {
  spdlog::warn("{}: the offsets of {} are mapped ({}): {}", settings_.name, partition.spec.target_name(), setting,
               reason);
  {
    const std::lock_guard lock(mutex_);
    mapped_->adopt(partition);
  }
  partition.detour.reset();  // it keeps offsets
  partition.head.reset();
  partition.due = {};
  set_phase(partition, Phase::admitting);
}

/// Of a partition that the target has nothing of: with too many holes its offsets are mapped.
Awaitable<bool> Replication::is_too_much_filling(Partition& partition, Offset start) {
  const TopicPartition source{partition.spec.source_topic, partition.spec.partition};
  const std::vector<TopicPartition> asked{source};
  const auto ends = co_await readable_ends(source_, asked, settings_.detours.isolation);
  const Answered<Offset>& end = ends.at(source);
  if (!end.value || settings_.start.is_later()) co_return false;
  const FillingEstimate estimate =
      co_await estimate_filling(source_, source, start, *end.value, settings_.detours.isolation);
  const std::string reason = too_much_filling(estimate, source);
  if (reason.empty() || partition.phase != Phase::admitting) co_return false;
  map_offsets(partition, mapped_by_auto, reason);
  co_return true;
}

// ---- Admission ------------------------------------------------------------------------------------------------------

Awaitable<> Replication::admit_mapped(std::vector<Partition*> due) {
  const MapsAtWork at_work(are_maps_busy_);
  std::vector<TopicPartition> sources;
  sources.reserve(due.size());
  for (const Partition* partition : due) sources.push_back({partition->spec.source_topic, partition->spec.partition});
  Answers<Offset> ends;
  if (settings_.until_caught_up) ends = co_await readable_ends(source_, sources, settings_.detours.isolation);
  const bool goes_on_overtaken = settings_.policies.of(Condition::overtaken) == Policy::go_on;
  const std::vector<MappedAdmission> admissions = co_await mapped_->admit(due, settings_.start, goes_on_overtaken);
  for (std::size_t i = 0; i < due.size(); ++i) {
    // The questions may have brought newer answers about the topics.
    const bool are_same = are_topics_same(topics_.at(due[i]->spec.source_topic));
    if (due[i]->phase != Phase::admitting) continue;
    if (!are_same) {
      due[i]->due = now() + retry_after_failure;
      continue;
    }
    if (settings_.until_caught_up) {
      const Answered<Offset>& answered = ends.at(sources[i]);
      if (!answered.value) {
        postpone(*due[i], answered.reason,
                 condition_of(answered, Condition::source_unauthorized, Condition::source_leader));
        continue;
      }
      set_goal(*due[i], *answered.value);
    }
    handle_admission(*due[i], admissions[i]);
  }
}

void Replication::handle_admission(Partition& partition, const MappedAdmission& admission) {
  Standing standing = admission.standing;
  switch (admission.verdict) {
    case MappedAdmission::Verdict::refuse:
      refuse(partition, admission.reason, admission.condition);
      return;
    case MappedAdmission::Verdict::retry:
      postpone(partition, admission.reason, admission.condition.value_or(Condition::target_error));
      return;
    case MappedAdmission::Verdict::overtaken:
      if (settings_.policies.of(Condition::overtaken) == Policy::stop) {
        refuse(partition, admission.reason + "; shunt.on.overtaken=continue goes on behind them", Condition::overtaken);
        return;
      }
      spdlog::error("{}: DATA LOSS: {}; going on behind them (shunt.on.overtaken)", settings_.name, admission.reason);
      count(partition.spec.source_topic, Condition::overtaken);
      partition.spec.progress->lost_offsets.fetch_add(
          static_cast<std::uint64_t>(admission.source_start - standing.confirmed), std::memory_order_relaxed);
      standing.confirmed = admission.source_start;
      break;
    case MappedAdmission::Verdict::start:
      break;
  }
  if (admission.is_taken_over) {
    spdlog::info("{}: {} goes on at offset {}, behind what MirrorMaker 2 has copied", settings_.name,
                 partition.spec.source_name(), standing.confirmed.value());
  }
  if (admission.is_unfenced && !std::exchange(is_unfenced_said_, true)) {
    spdlog::warn(
        "{}: {} lacks records at the source that others may have mirrored: another instance of this mirror can "
        "only be fenced out by transaction markers, which this user may not write, and records may be there "
        "twice if there is one (grant Alter on the cluster {})",
        settings_.name, partition.spec.source_name(), target_.alias());
  }
  note_begun(partition);
  const std::lock_guard lock(mutex_);
  partition.phase = Phase::assignable;
  partition.due = {};
  partition.reason.clear();
  partition.start = standing.confirmed.value();
  partition.standing = standing;
}

/// Once more from its map, whatever it is doing.
void Replication::readmit(Partition& partition, const std::string& reason) {
  if (partition.is_in_shard) {
    partition.readmission = reason;
    shards_.settle(partition.spec.id, ParkCause::target_moved, reason);
  } else if (partition.is_busy) {
    partition.readmission = reason;
  } else if (partition.phase == Phase::assignable || partition.phase == Phase::waiting_for_detour) {
    set_phase(partition, Phase::admitting, reason);
  }
}

/// Other leaders of the source have all that was mirrored. The maps say so before anything is sent that was read there:
/// whether what is found behind a map is still on the source is asked of the leader epoch that the map speaks of.
Awaitable<> Replication::assign_mapped(std::vector<std::pair<Partition*, Route>> moved) {
  while (are_maps_busy_) co_await changed_.wait(now() + pause_for_maps);
  are_maps_busy_ = true;
  const MapsAtWork at_work(are_maps_busy_);
  std::erase_if(moved, [this](const auto& one) { return !is_still_assignable(*one.first); });
  for (const auto& [partition, route] : moved) mapped_->confirm(*partition, route.source.leader_epoch);
  const OffsetSyncs::Stored stored = co_await mapped_->store();
  for (const auto& [partition, route] : moved) {
    if (stopping_) co_return;
    if (!is_still_assignable(*partition)) continue;
    if (stored == OffsetSyncs::Stored::all) {
      assign(*partition, route);
    } else {
      const std::string why = mapped_->are_stale() ? others_maps : mapped_->why();
      put_off(*partition, Phase::assignable, pause_before_load, why, Condition::target_error);
    }
  }
}

// ---- Maps -----------------------------------------------------------------------------------------------------------

/// What cannot be read in the beginning is no reason to begin anew.
Awaitable<> Replication::load_maps() {
  const Time deadline = now() + settings_.contact_patience;
  while (!stopping_) {
    try {
      co_await mapped_->load();
      for (const std::string& line : mapped_->syncs().complaints()) spdlog::warn("{}: {}", settings_.name, line);
      co_return;
    } catch (const ClusterError& error) {
      if (error.is_final() || now() >= deadline) throw;
    }
    co_await changed_.wait(std::min(deadline, now() + pause_before_load));
  }
}

/// In words; empty: no other instance has stored any since they were read.
Awaitable<std::string> Replication::why_maps_are_not_current() {
  while (are_maps_busy_) co_await changed_.wait(now() + pause_for_maps);
  are_maps_busy_ = true;
  const MapsAtWork at_work(are_maps_busy_);
  try {
    const bool are_stale = co_await mapped_->check_stale();
    co_return are_stale ? others_maps : "";
  } catch (const net::BrokerError& error) {
    co_return error.what();
  } catch (const ClusterError& error) {
    co_return error.what();
  }
}

void Replication::begin_storing_maps() {
  if (are_maps_busy_ || (now() < next_store_ && !mapped_->are_stale())) return;
  are_maps_busy_ = true;
  begin_task(store_maps());
}

Awaitable<> Replication::store_maps() {
  const MapsAtWork at_work(are_maps_busy_);
  if (!mapped_->are_stale()) {
    next_store_ = now() + store_interval;
    const OffsetSyncs::Stored stored = co_await mapped_->store();
    if (stored == OffsetSyncs::Stored::all) is_store_late_ = false;
    if (stored == OffsetSyncs::Stored::later && !std::exchange(is_store_late_, true)) {
      spdlog::warn("{}: offset maps cannot be stored at the moment: {}", settings_.name, mapped_->why());
    }
  }
  if (mapped_->are_stale()) co_await reload_maps();
}

/// What this process knows of its partitions' maps is worth nothing any more.
Awaitable<> Replication::reload_maps() {
  spdlog::warn("{}: {}: looking anew where every partition stands", settings_.name, others_maps);
  co_await load_maps();
  for (const auto& [id, partition] : by_id_) {
    if (partition->spec.is_mapped()) readmit(*partition, others_maps);
  }
}

/// What they have written is stored when they have left their shards; otherwise the next life would have to look for it.
Awaitable<> Replication::end_mapped_flows() {
  const auto is_under_way = [](const auto& entry) {
    return entry.second->spec.is_mapped() && entry.second->is_in_shard;
  };
  for (const auto& [id, partition] : by_id_) {
    if (partition->spec.is_mapped() && partition->is_in_shard) shards_.settle(id, ParkCause::stopped, {});
  }
  const Time deadline = now() + settings_.contact_patience;
  while (!is_cut_off_ && now() < deadline && std::any_of(by_id_.begin(), by_id_.end(), is_under_way)) {
    co_await changed_.wait(deadline);
  }
  if (is_cut_off_) co_return;
  std::string why;
  try {
    const OffsetSyncs::Stored stored = co_await mapped_->store();
    if (stored != OffsetSyncs::Stored::all) why = mapped_->why();
  } catch (const std::exception& error) {
    why = error.what();
  }
  if (!why.empty()) spdlog::warn("{}: the last of the offset maps were not stored: {}", settings_.name, why);
}

}  // namespace shunt::replicate
