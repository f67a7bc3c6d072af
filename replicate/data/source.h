// The way out of one source broker: a connection with one fetch session, whose answers are parsed as they arrive and
// handed to this source's own Targets piece by piece.
//
// One fetch is under way at a time; the next one leaves when the last byte of the answer was parsed, before what it
// brought is sent. An answer may be far larger than the memory it passes through: it is read in chunks of the shard's
// pool, and the source stops reading while a target has enough unsent bytes, so that the same few, cache-hot chunks are
// used again.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/buffer_pool.h"
#include "net/loop.h"
#include "protocol/fetch_stream.h"
#include "replicate/data/fetch_session.h"
#include "replicate/data/flow.h"
#include "replicate/data/link.h"
#include "replicate/data/target.h"

namespace shunt::replicate {

struct SourceSettings {
  FetchSettings fetch;
  net::Duration stall_timeout =
      std::chrono::seconds(30);  // no byte of an awaited answer for so long: the connection is closed
  // No byte for so long beyond the fetch's own wait, or no connection: FlowProgress::is_source_silent.
  net::Duration silence_noticed = std::chrono::milliseconds(500);
  net::Duration place_trust = std::chrono::seconds(1);  // then the target is asked for its log end once more
};

struct DataSettings {
  SourceSettings source;
  TargetSettings target;
  LinkSettings source_link;
  LinkSettings target_link;
};

/// The shard's two pools. An idle connection waits with a small chunk, so that thousands cost little.
struct Pools {
  net::BufferPool& small;
  net::BufferPool& large;
};

class Source final : private Link::Owner {
 public:
  /// `parked(flow)`: the flow has settled; it has left this source and its target when the call is made.
  Source(net::Loop& loop, Pools pools, const DataSettings& settings, protocol::BrokerId broker,
         std::function<void(Flow&)> parked);

  void add(Flow& flow);
  /// Ends the flow's work here for an outside reason; it is parked when its batches in flight are answered.
  void settle(Flow& flow, ParkCause cause, std::string reason);
  /// Closes the flow's connection on that side, for all flows that it carries.
  void leave_broker(Flow& flow, MirrorSide side, const std::string& reason);
  /// Closes all connections; idle() becomes true.
  void close(const std::string& reason);
  [[nodiscard]] bool is_down() const;

  // ---- called by this source's targets ----
  /// The flow's state or place has changed: it may want data, or be ready to be parked.
  void handle_flow_changed(Flow& flow);
  /// The target takes data again, or no longer.
  void handle_target_changed();
  /// The target's connection is gone; `flows` have settled.
  void handle_target_lost(Target& target, const std::vector<Flow*>& flows);

  [[nodiscard]] protocol::BrokerId broker() const { return broker_; }

 private:
  void on_link_ready() override;
  void on_link_session_ends() override { fetch(); }
  void on_link_down(const std::string& reason) override;
  void on_link_received(std::size_t size) override;
  void on_link_sent() override;

  // The fetch under way
  void fetch();
  void read_answer();
  void read_more();
  void consume(std::span<const std::byte> bytes);
  void begin_answer();
  void begin_partition();
  void leave_empty_ends();
  void begin_batch();
  void end_answer();
  void handle_partition_error(Flow& flow, std::int16_t error_code);
  [[nodiscard]] bool blocked() const;
  void wait_for_chunk(net::BufferPool& pool);

  void park_settled();
  void flush_targets();
  void tick();
  void note_silence(bool is_silent);
  Target& target_for(const Route::Side& side);

  net::Loop& loop_;
  Pools pools_;
  const DataSettings& settings_;
  const protocol::BrokerId broker_;
  std::function<void(Flow&)> parked_;
  Link link_;
  std::map<protocol::BrokerId, std::unique_ptr<Target>> targets_;

  FetchSession session_;        // of all its flows
  std::vector<Flow*> settled_;  // may be ready to park

  enum class Reading { idle, awaiting, waiting_for_chunk, waiting_for_target, receiving };
  Reading reading_ = Reading::idle;
  std::int32_t correlation_id_ = 0;
  std::vector<std::byte> request_;
  iovec request_piece_{};
  bool request_sending_ = false;

  net::ChunkRef chunk_;          // being received into
  std::size_t answer_left_ = 0;  // bytes of the answer not yet received
  std::optional<protocol::FetchStream> answer_;
  bool answer_has_records_ = false;  // of partitions seen so far
  Flow* current_ = nullptr;          // whose partition is being parsed; null: nobody's
  bool forwarding_ = false;          // the batch being parsed goes to current_'s target
  bool in_consume_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // expires with this: guards callbacks the pool still holds

  net::Time muted_until_{};
  net::Time last_progress_{};
  bool is_silent_ = false;
  net::Timer retry_timer_;
  net::Timer tick_timer_;
};

}  // namespace shunt::replicate
