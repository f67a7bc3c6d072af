// A flow is one partition on its way from the source cluster to the target cluster: where it stands, what may be sent
// next, and what has been confirmed. It is a pure state machine; connections, sessions and buffers are its callers'.
//
// Life of a flow in a shard:
//
//   assigned --> locating --> flowing --> settling --> (parked, back with the control plane)
//                    |                        ^
//                    +---- any disturbance ---+
//
//   locating   the target is asked for the log end and for the last sequence of our producer id: the target's own log
//              is the checkpoint, nothing else is remembered. A flow that then has nothing to send for a while asks again
//              before its first batch
//   flowing    batches are fetched, stamped and sent; many are in flight
//   settling   something happened (an error answer, a leader moved, a hole in the log, a stop): nothing new is sent, the
//              answers to what is in flight are awaited. Then the flow is parked and the control plane decides: assign
//              again, take a detour, or fail it.
//
// Invariants (what is no plain batch is left to a detour, control/detour.h):
//   confirmed <= fetch position; the batches in flight cover every record of [confirmed, fetch position) while flowing
//   sequence(fetch position) - sequence(confirmed) == records in [confirmed, fetch position) (mod 2^31)
// and where offsets are identical:
//   the target offset of a record is its source offset; every offset of [confirmed, fetch position) holds a record
//
// A mapped flow lets holes go by, takes the offsets that the target gives, and hands them on (FlowSpec::written). The
// target's log end tells it nothing, for others may write there: it goes on where it stood, if the last sequence of its
// producer id says that nothing was added behind its back.
#pragma once

#include <atomic>
#include <compare>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "net/loop.h"
#include "protocol/ids.h"
#include "protocol/record_batch.h"
#include "protocol/uuid.h"
#include "replicate/data/batch_kind.h"
#include "replicate/data/written_runs.h"
#include "replicate/identity.h"
#include "replicate/loop_guard.h"

namespace shunt::replicate {

class Source;
class Target;

/// What the control plane and the metrics see of a flow while it runs; written by the shard, read by anyone.
struct FlowProgress {
  std::atomic<std::int64_t> position{
      -1};  // source offset up to which the target has everything (exclusive); -1: unknown
  std::atomic<std::int64_t> source_end{-1};  // the source's high watermark as last heard; -1: unknown
  std::atomic<std::int64_t> stable_end{-1};  // its last stable offset: from here on a transaction is open
  std::atomic<std::uint64_t> records{0};     // confirmed by the target in this process's life
  std::atomic<std::uint64_t> batches{0};
  std::atomic<std::uint64_t> bytes{0};            // record batch bytes on the wire, as confirmed
  std::atomic<std::uint64_t> duplicates{0};       // batches the target already had (an answer had been lost)
  std::atomic<std::uint64_t> refetched_bytes{0};  // fetched but dropped to be fetched again
  std::atomic<std::int64_t> in_flight_bytes{0};
  std::atomic<std::uint64_t> slow_path_batches{0};  // rewritten
  std::atomic<std::uint64_t> filled_offsets{0};     // holes, by markers
  std::atomic<std::uint64_t> lost_offsets{0};       // deleted on the source before they were mirrored
  // The smallest batch that the target has called too large: from this size on a detour splits them.
  std::atomic<std::int64_t> too_large_bytes{std::numeric_limits<std::int64_t>::max()};
  // How long brokers have asked the connections it shares to keep quiet (quotas, KIP-219).
  std::atomic<std::uint64_t> source_throttled_ms{0};
  std::atomic<std::uint64_t> target_throttled_ms{0};
  // The broker has owed the connection an answer for longer than one that is well does.
  std::atomic<bool> is_source_silent{false};
  std::atomic<bool> is_target_silent{false};
};

/// Which of its two clusters something about a flow is of.
enum class MirrorSide { source, target };

/// Names a flow in the process.
struct FlowId {
  std::uint32_t replication = 0;  // which of the process's replications it belongs to
  std::uint32_t number = 0;       // within it

  auto operator<=>(const FlowId&) const = default;
};

/// What is mirrored where, and under which identity. Fixed for the life of the flow.
struct FlowSpec {
  FlowId id;
  std::string source_topic;
  std::string target_topic;
  protocol::PartitionIndex partition;
  protocol::ProducerId identity;  // the producer id of everything this flow writes, the same in every life
  std::shared_ptr<FlowProgress> progress = std::make_shared<FlowProgress>();
  std::shared_ptr<WrittenRuns> written;  // of a mapped flow; unset: offsets are identical
  LoopGuard loop_guard = {};             // off, unless offsets are mapped
  std::string source_header;             // what every record's says (source_header.h); empty: none is added
  bool stops_at_gaps = false;            // of the source: before one is passed others are to be fenced out

  [[nodiscard]] bool is_mapped() const { return written != nullptr; }
  [[nodiscard]] bool adds_header() const { return !source_header.empty(); }
  [[nodiscard]] std::string source_name() const { return source_topic + "-" + std::to_string(partition.value()); }
  [[nodiscard]] std::string target_name() const { return target_topic + "-" + std::to_string(partition.value()); }
};

/// What this process knows of a flow from an earlier assignment, or in mapped mode from its map; the next one is
/// checked against it.
struct Standing {
  protocol::Offset confirmed;                   // the target acknowledged everything below
  protocol::Sequence sequence;                  // of the record at `confirmed`
  protocol::ProducerEpoch epoch = first_epoch;  // of what is written behind it
};

/// Where the target's log of a partition ends, as its leader tells, and how our identity stands in it.
struct LogPlace {
  protocol::Offset log_end;         // the true end, not the high watermark
  std::int32_t last_sequence = -1;  // of our producer id; -1: the target does not know it
  std::int32_t producer_epoch = -1;

  [[nodiscard]] bool knows_identity() const { return last_sequence >= 0; }
  /// Of the next record.
  [[nodiscard]] protocol::Sequence next_sequence() const {
    return knows_identity() ? protocol::Sequence(last_sequence).advanced(1) : protocol::Sequence(0);
  }
};

/// The two leaders a flow runs between, as the control plane last heard.
struct Route {
  struct Side {
    protocol::BrokerId broker{-1};
    net::Endpoint endpoint;
    std::string host;  // that the endpoint is the address of
    protocol::LeaderEpoch leader_epoch{-1};
    protocol::Uuid topic_id = {};  // of the topic that is meant; zero: not known, it goes by its name
  };
  Side source;
  Side target;

  [[nodiscard]] const Side& of(MirrorSide side) const { return side == MirrorSide::source ? source : target; }
};

/// Why a flow left the shard.
enum class ParkCause {
  stopped,            // the control plane asked
  source_connection,  // the connection to the source broker failed or timed out
  target_connection,
  source_leader,  // the broker no longer leads the partition, or does not know it: metadata is stale
  target_leader,
  source_error,  // the broker answered with an error worth retrying
  target_error,
  target_under_replicated,  // too few of its replicas are in sync
  target_rejected,          // the target took offence at this batch; once more may help, for ever will not
  out_of_range,             // the source has no record at the flow's position: retention, truncation, a new log
  detour,        // the source's log cannot be forwarded as it is from here on: a hole, or a batch to be rewritten
  target_moved,  // the target's log is not as the flow left it: is what was added the mirror's own?
  source_authentication,  // one of the two does not take the other for who it says it is
  target_authentication,
  source_unauthorized,  // the user may not read the topic
  target_unauthorized,  // or not write it
  coordinator,          // of the target's transactions, in which holes are filled: it moved, or gave no sure answer
  gap,                  // FlowSpec::stops_at_gaps, and the source lacks records at the flow's position
  superseded,           // another instance of this mirror has fenced us out
  target_truncated,     // the target's log ends before what it had acknowledged
  foreign_writer,       // another producer writes to the target partition
  loop,                 // the source has what came from the target, and nobody has said what is to become of it
  refused,              // never to be retried without an operator: the reason is in the text
};
const char* to_string(ParkCause cause);
/// No repetition mends it: it overrides every other cause.
bool is_final(ParkCause cause);

/// What the target says of a batch.
struct ProduceAnswer {
  std::int16_t error_code = 0;
  std::int64_t base_offset = -1;
  std::int64_t log_append_time_ms = -1;
  std::string error_message;
  std::int32_t record_index = -1;  // in the batch, of the first record it takes offence at; -1: none is named (KIP-467)
  std::string record_message;      // what is wrong with it
};

/// A broker answers a batch that it already has with the old offset and an append time. A topic of LogAppendTime has one
/// in every answer, so that only an answer without one tells that those before it were duplicates.
class DuplicateCount {
 public:
  /// How many more are certain.
  std::uint64_t handle_answer(std::int64_t log_append_time_ms) {
    if (log_append_time_ms < 0) return std::exchange(undecided_, 0);
    ++undecided_;
    return 0;
  }

 private:
  std::uint64_t undecided_ = 0;
};

/// The batch is larger than the target's topic takes: max.message.bytes, or segment.bytes.
bool is_too_large(std::int16_t error_code);

/// What an error answer to a batch, or to a fetch of a partition, means for its flow (protocol/error.h has the names).
ParkCause classify_produce_error(std::int16_t error_code);
ParkCause classify_fetch_error(std::int16_t error_code);

/// Whether the flow may go on where the target's log ends, or a mapped one where it stood; empty: it may. `standing`:
/// what it knows from before; a mapped flow has one always.
struct Objection {
  ParkCause cause = ParkCause::refused;
  std::string reason;
};
std::optional<Objection> check_place(const FlowSpec& spec, const LogPlace& place,
                                     const std::optional<Standing>& standing);

/// What changes a setting ("name=value") of a topic, to be typed on a shell.
std::string alter_topic_command(std::string_view topic, std::string_view setting);

// What is said of an answer to the batch of source offsets [base, end).
std::string produce_error_text(const FlowSpec& spec, protocol::Offset base, protocol::Offset end,
                               const ProduceAnswer& answer);
std::string loop_text(const FlowSpec& spec, protocol::Offset begin, protocol::Offset end);
std::string gap_text(const FlowSpec& spec, protocol::Offset begin, protocol::Offset end);
std::string half_written_text(const FlowSpec& spec, protocol::Offset log_end, const protocol::RecordBatchHeader& header,
                              std::string_view differs);
std::string misplaced_text(const FlowSpec& spec, protocol::Offset base, protocol::Offset end,
                           std::int64_t answered_offset);

struct Parked {
  FlowId flow_id;
  ParkCause cause = ParkCause::stopped;
  std::string reason;  // what, where, why; empty for `stopped`
  std::optional<Standing> standing;
  bool is_in_doubt = false;  // batches were sent and not answered: they may be appended yet
};

enum class FlowState { locating, flowing, settling, parked };

class Flow {
 public:
  /// `compared`: what was there before any flow ran is the source's up to there, and of what has come since only what is
  /// under this identity.
  Flow(FlowSpec spec, const Route& route, std::optional<Standing> standing, std::optional<Standing> compared = {})
      : spec_(std::move(spec)), route_(route), standing_(standing), compared_(compared) {}

  [[nodiscard]] const FlowSpec& spec() const { return spec_; }
  [[nodiscard]] const Route& route() const { return route_; }
  [[nodiscard]] FlowState state() const { return state_; }
  [[nodiscard]] FlowProgress& progress() const { return *spec_.progress; }

  // ---- locating ----

  void handle_located(const LogPlace& place, net::Time now);
  /// Nothing was appended since the target was asked where its log ends, and that was before `time`. Records that its log
  /// loses meanwhile are missed when their sequence goes on; transaction markers have none.
  [[nodiscard]] bool is_place_older_than(net::Time time) const {
    return !is_place_tried_ && located_at_ < time && state_ == FlowState::flowing && in_flight_.empty() &&
           !spec_.is_mapped();
  }
  /// The target is to be asked again. What it answers is good for the next batch, whenever that comes.
  void locate_again();

  // ---- flowing ----

  /// What an answer says of the source's log. Under one leader neither its high watermark nor its start ever goes back;
  /// where one does, this is another log, of a topic that has taken the place of the one that was mirrored. (The leader
  /// epoch in every fetch does not tell when both logs are in their first.) False: the flow has begun to settle.
  bool handle_log_bounds(protocol::Offset high_watermark, protocol::Offset log_start);
  /// A new answer's data for the partition begins, with this list of aborted transactions.
  template <class Entries>
  void handle_partition(const Entries& aborted) {
    aborted_.start(aborted);
  }

  enum class Verdict { forward, skip, settle };
  /// Decides, by its header alone, what happens to the next batch of the partition. `forward` has advanced the position
  /// and filled `stamp`; `settle` has begun to settle.
  Verdict gate(const protocol::RecordBatchHeader& header, net::Time now, protocol::Stamp& stamp);
  /// An answer that had room for the partition's data, up to `end` if there is any, has none.
  Verdict handle_no_data(protocol::Offset end);
  /// What comes next is stored in another format than 2.
  Verdict handle_other_format(std::int8_t magic, protocol::Offset offset);

  /// The next offset to fetch.
  [[nodiscard]] protocol::Offset fetch_position() const { return fetch_position_; }
  /// May the flow be fetched now? (Its first batch under an unknown identity travels alone.)
  [[nodiscard]] bool wants_data(net::Time now) const {
    return state_ == FlowState::flowing && (in_flight_.empty() || is_proven(now));
  }
  /// Says that a fetch at fetch_position() is under way: data up to the next interrupt() or end of answer is usable.
  void handle_fetch_sent() { fetch_valid_ = true; }
  /// What is left of the fetch under way must be dropped and fetched again.
  void interrupt_fetch() { fetch_valid_ = false; }

  // ---- answers ----

  /// The answer to the oldest batch in flight. False: there is none in flight.
  bool handle_answer(const ProduceAnswer& answer, net::Time now);

  /// The connection that carried the batches in flight is gone; nobody will answer them.
  void handle_target_lost(const std::string& reason, ParkCause cause = ParkCause::target_connection);

  // ---- settling ----

  /// Nothing new is sent from here on. The first cause is kept, except that a final one overrides all others.
  void settle(ParkCause cause, std::string reason);
  /// Settled, and nothing in flight: the flow can be parked.
  [[nodiscard]] bool ready_to_park() const { return state_ == FlowState::settling && in_flight_.empty(); }
  Parked park();

  [[nodiscard]] bool idle() const { return in_flight_.empty(); }
  /// Typical size of the partition's batches, for the choice of partition_max_bytes.
  [[nodiscard]] std::int32_t typical_batch_bytes() const { return typical_batch_bytes_; }
  [[nodiscard]] bool is_proven(net::Time now) const;

  // ---- bookkeeping of the owners (they alone touch these) ----
  struct {
    protocol::Offset offset{-1};  // what the broker's session holds for this partition; -1: not in the session
    std::int32_t max_bytes = 0;
    bool listed = false;  // in FetchSession's list of partitions to look at
  } session;
  Source* source = nullptr;
  Target* target = nullptr;
  std::uint32_t round = 0;  // ProduceQueue: how many of this flow's batches precede in the present flush

 private:
  struct InFlight {
    protocol::Offset begin;  // where the batch before it ends; before `base` where a mapped flow has passed a hole
    protocol::Offset base;
    std::int32_t records;
    std::int32_t bytes;

    [[nodiscard]] protocol::Offset end() const { return base + records; }
  };

  void pass_hole(protocol::Offset end);
  void set_confirmed(protocol::Offset end);
  void confirm(const InFlight& batch, const ProduceAnswer& answer, net::Time now);
  void handle_error(const InFlight& batch, const ProduceAnswer& answer);
  Verdict leave(ParkCause cause, std::string reason);
  Verdict leave_for_detour();

  FlowSpec spec_;
  Route route_;
  std::optional<Standing> standing_;  // from the assignment before this one
  std::optional<Standing> compared_;  // while there is none
  FlowState state_ = FlowState::locating;
  ParkCause cause_ = ParkCause::stopped;
  std::string reason_;

  protocol::Offset fetch_position_;
  protocol::Offset confirmed_;
  protocol::Sequence next_sequence_;  // of the record at fetch_position_
  protocol::ProducerEpoch epoch_ = first_epoch;
  protocol::Sequence confirmed_sequence_;  // of the record at confirmed_
  bool known_identity_ = false;            // the target holds a sequence of our producer id: a resend is recognised
  net::Time last_confirmed_{};
  net::Time located_at_{};
  bool is_place_tried_ = false;  // by a batch; or it was asked for twice
  bool was_located_ = false;     // the members above say something
  bool is_in_doubt_ = false;
  bool fetch_valid_ = false;
  protocol::Offset high_watermark_{-1};  // of the source, in this assignment
  protocol::Offset log_start_{-1};
  AbortedTransactions aborted_;
  DuplicateCount duplicates_;
  std::int32_t typical_batch_bytes_ = 0;
  std::deque<InFlight> in_flight_;
};

}  // namespace shunt::replicate
