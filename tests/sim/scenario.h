// What a seed stands for: the clusters, the settings, and which misfortunes there are.
#pragma once

#include <cstdint>

#include "replicate/isolation.h"
#include "replicate/start_position.h"
#include "tests/sim/log_writer.h"

namespace shunt::sim {

/// Something that shunt, or a broker, could do wrong; planted to see that it is found.
enum class Mistake {
  none,
  no_doubt,                  // the first hole of a life does not wait for what an earlier life has sent
  forgotten_sequences,       // batches are appended whatever their sequence: no compare-and-swap
  repeated_producer_epochs,  // a new life has the markers' epoch of the old one
  forwarded_transactions,    // the data path does not tell committed from aborted
  copied_transactions,       // nor does the detour
  foreign_identity,          // every life writes under another producer id
  forgotten_map_sequences,   // the same of the offset syncs topic, where the source has it
  misplaced_duplicates,      // of a batch that it has the broker says that it lies at the log's end
  misstated_epoch_ends,      // a source broker says of every leader epoch that it goes on to the log's end
  met_successor,             // a source topic's successor begins a batch where the mirror stands, and no fetch tells
  unasked_removal,        // the target's topic is deleted when the source's is another one, though that was not chosen
  unchosen_stop,          // it is not, though it was
  trusted_places,         // where the target's log ends is never asked again
  early_beginning,        // what is before the start position is mirrored, too
  late_beginning,         // a mirror begins behind records of its start time
  forgotten_loops,        // what came from the target goes back to it
  changed_mind,           // where it may be chosen how offsets are given every life does it as it likes
  needless_map,           // or maps them where they could be identical
  needless_stop,          // or stops where they cannot
  unheeded_policy,        // or where others write, though it was to go on
  understated_ends,       // a source broker knows only a part of its log when it is asked for the end
  misstated_stable_ends,  // a source broker says that its log can be read to its end, whatever is open there
};

struct Scenario {
  std::uint64_t seed = 0;
  std::int32_t brokers = 2;
  std::int32_t partitions = 2;
  std::int32_t batches = 40;  // of each partition, over the whole life
  std::int32_t shards = 1;    // of each process
  Habits habits;
  replicate::Isolation isolation = replicate::Isolation::read_committed;
  bool head = false;       // the source's log has begun later than at 0
  bool retention = false;  // and goes on losing its head, mirrored or not
  bool continue_overtaken = false;
  bool source_by_id = true;  // brokers know topics by their ids, and not by their names alone
  bool target_by_id = true;
  bool topic_exists = false;      // on the target
  bool growth = false;            // the source topic is given more partitions
  bool may_write_markers = true;  // Alter on the cluster
  bool may_delete = true;
  bool crashes = false;
  bool two_processes = false;  // an operator's mistake
  bool freezes = false;        // a process stands still, and goes on later
  bool leader_moves = false;
  bool coordinator_moves = false;
  bool broker_deaths = false;
  bool resets = false;
  bool request_faults = false;
  bool residuals = false;         // what is known to stop a partition
  bool mapped = false;            // shunt.offsets
  bool syncs_on_target = false;   // offset-syncs.topic.location
  bool others = false;            // other producers write to the target's topic
  bool target_retention = false;  // the target's topic loses its head
  bool unclean_source = false;    // a partition's new leader may lack the last batches
  bool unclean_target = false;
  bool continue_truncated = false;  // shunt.on.target.truncated
  bool source_goes = false;         // the topic is deleted, and mostly another one of its name created
  bool target_goes = false;
  bool recreate_source = false;                                                     // shunt.on.source.recreated
  bool recreate_target = false;                                                     // shunt.on.target.deleted
  replicate::StartPosition::Kind start = replicate::StartPosition::Kind::earliest;  // shunt.start.offset
  bool automatic = false;         // shunt.offsets: some partitions are others' already, or begin too late
  bool continue_foreign = false;  // shunt.on.foreign.writer: others write to what was mirrored with identical offsets
  bool until_caught_up = false;   // processes end by themselves, and are started again
  std::int64_t start_ms = 0;      // a time, since the world began
  Mistake mistake = Mistake::none;
  /// Some partitions may get mapped offsets, others not.
  [[nodiscard]] bool may_choose() const { return automatic || continue_foreign; }
  bool is_traced = false;
};

/// The scenario a seed stands for: every misfortune is in some seeds and absent in others.
Scenario scenario_of(std::uint64_t seed);

}  // namespace shunt::sim
