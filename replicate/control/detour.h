// The way around what batches cannot cross as they are: the slow path of one partition, on the control plane.
//
// A flow that meets a hole (transaction markers, aborted data, offsets that compaction left empty), a batch that must be
// rewritten (gaps inside, append times, message formats before 2) or one to be split (larger than the target takes)
// settles and is parked at that offset. The detour then walks the source's log a stretch at a time: fills holes with
// markers, rewrites such batches so that every record keeps its offset and its time, copies the ordinary ones in between,
// each step awaited. It ends where a whole stretch is ordinary: the data path takes over again.
//
// What keeps the data path exact keeps the detour exact: the target's log end and the last sequence of the flow's
// identity are read first, every batch is a compare-and-swap on them, holes are filled inside a fence
// (control/hole_filler.h). A detour may be cut off anywhere.
//
// Where offsets are mapped nothing is filled: only a batch that must be rewritten brings a flow here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "protocol/record.h"
#include "replicate/control/cluster.h"
#include "replicate/control/hole_filler.h"
#include "replicate/control/read_log.h"
#include "replicate/data/flow.h"

namespace shunt::replicate {

struct DetourSettings {
  Isolation isolation = Isolation::read_committed;
  std::int32_t stretch_bytes = 256 * 1024;           // read at a time; one batch where batches are larger
  std::size_t most_batch_bytes = 256 * 1024 * 1024;  // of one batch, decompressed
  std::int32_t produce_timeout_ms = 30'000;
  bool may_begin_inside = false;  // markers of a head may end inside a batch of the source
  HoleSettings holes;
};

/// A head to be filled first: the source's log begins at `end`, and the target's ends before it.
struct HeadFill {
  enum class Method {
    padding,  // quick and small, but readers could see it until it is deleted again
    markers,  // where readers may be there already
  };
  protocol::Offset end;
  Method method = Method::markers;
  bool is_lost = false;             // it held records that were never mirrored
  std::int32_t last_sequence = -1;  // of our producer id in the target's log when this was decided; -1: not known there
};

struct DetourStart {
  std::optional<Standing> standing;          // where the data path left off
  std::optional<protocol::Offset> admitted;  // where the target's log ended when it was compared with the source's
  std::optional<HeadFill> head;
  std::optional<protocol::Offset> begin;  // the mirror begins there, which may be inside a batch of the source
  bool is_in_doubt = false;               // Parked::is_in_doubt, of any flow since the last detour
  bool awaits_late_markers = false;       // a life before may have sent more, and no hole is left to shut them out by
  // Which has what was mirrored: what another topic, or another leader, has is not read.
  SourceLog source_log;
  protocol::Uuid target_topic_id;  // what was compared; zero: not known
};

struct DetourEnd {
  bool is_located = false;  // DetourStart::admitted has been seen to hold: from here on `parked.standing` is compared
  bool is_passed = false;   // the data path can go on from `parked.standing`
  Parked parked;            // otherwise: why not, for Recovery
};

class Detour {
 public:
  /// Clusters and `spec` must outlive it. `transactional_id`: HoleFiller's.
  Detour(Cluster& source, Cluster& target, const FlowSpec& spec, const std::string& transactional_id,
         DetourSettings settings);

  /// Walks until the log is ordinary again, something is in the way, or `stopping()`, which is asked between stretches.
  net::Awaitable<DetourEnd> walk(DetourStart start, std::function<bool()> stopping);

 private:
  /// Thrown, ends the walk.
  struct Blocked {
    ParkCause cause;
    std::string reason;
  };

  net::Awaitable<> locate(const DetourStart& start);
  net::Awaitable<LogPlace> ask_place();
  void move_to(protocol::Offset position);
  net::Awaitable<bool> walk_stretch();
  [[nodiscard]] bool is_plain_at(const LogBatch& batch, protocol::Offset position) const;
  [[nodiscard]] bool is_ordinary(const LogStretch& stretch) const;
  net::Awaitable<> fill_head(const HeadFill& head, const std::function<bool()>& stopping);
  net::Awaitable<std::int16_t> delete_records(protocol::Offset end);
  [[nodiscard]] Blocked kept_records(std::int16_t error_code, protocol::Offset end) const;
  net::Awaitable<> fill_up_to(protocol::Offset end);
  net::Awaitable<> expect_position();
  net::Awaitable<> fill_empty_end(protocol::Offset end);
  net::Awaitable<> copy(const LogBatch& batch);
  net::Awaitable<> rewrite(const LogBatch& batch);
  net::Awaitable<> write(std::span<const protocol::Record> records, protocol::Codec codec);
  net::Awaitable<bool> produce(std::vector<std::byte> batch, std::vector<OffsetRun> records);
  net::Awaitable<ProduceAnswer> append(std::vector<std::byte> batch, std::vector<OffsetRun> records);
  net::Awaitable<> check_beginning(const LogBatch& begun, protocol::Offset source_start);
  [[nodiscard]] bool has_come_back(const protocol::Record& record) const;
  net::Awaitable<> refuse_record(protocol::Offset offset, std::size_t size);
  [[nodiscard]] bool is_known_as_too_large(std::size_t size) const;
  [[nodiscard]] protocol::BrokerId target_leader() const;
  void throw_source_error(std::int16_t error_code) const;

  Cluster& source_;
  Cluster& target_;
  const FlowSpec& spec_;
  const TopicPartition source_partition_;
  const TopicPartition target_partition_;
  const DetourSettings settings_;
  HoleFiller filler_;
  SourceLog source_log_;
  protocol::Uuid target_topic_id_;
  std::optional<protocol::Offset> begin_;
  protocol::Offset position_;    // everything below is on the target; identical offsets: its log end
  protocol::Sequence sequence_;  // of the next record
  protocol::ProducerEpoch epoch_ = first_epoch;
  bool has_written_ = false;  // when it was located: the target remembers this flow
  DuplicateCount duplicates_;
};

}  // namespace shunt::replicate
