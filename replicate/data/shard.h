// A shard: one thread's share of the data path. It owns its event loop, its buffers, its connections and its flows, and
// shares nothing with other shards; it talks with the control plane through two mailboxes only.
//
//   control plane -> shard   assign a flow, settle a flow, leave a broker, drain
//   shard -> control plane   a flow was parked, and why
//
// A flow belongs to the shard from assign() until its Parked message: exactly one for every assign().
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "net/buffer_pool.h"
#include "net/loop.h"
#include "replicate/data/flow.h"
#include "replicate/data/source.h"

namespace shunt::replicate {

struct Assignment {
  FlowSpec spec;
  Route route;
  std::optional<Standing> standing;  // what the Parked message before this one said
  std::optional<Standing> compared;  // as far as the target's log was compared with the source's, before any flow ran
};

struct ShardSettings {
  std::vector<DataSettings> data;  // of each replication, by FlowId::replication
  std::size_t buffer_memory = 32 * 1024 * 1024;
};

/// Read by metrics while the shard runs.
struct ShardCounters {
  std::atomic<std::uint64_t> connections_lost{0};
  std::atomic<std::uint64_t> loop_waits{0};
  std::atomic<std::uint64_t> receive_calls{0};
  std::atomic<std::uint64_t> send_calls{0};
};

class Shard {
 public:
  /// `parked` is called from the shard's thread.
  Shard(std::unique_ptr<net::Loop> loop, ShardSettings settings, std::function<void(Parked)> parked);
  ~Shard();

  // ---- from any thread ----
  void assign(Assignment assignment);
  /// Parks the flow with `cause` when its batches in flight are answered. No effect on a flow that has left.
  void settle(FlowId flow_id, ParkCause cause, std::string reason);
  /// Closes the flow's connection to `broker`, for all flows that it carries. No effect on a flow that has left, or goes
  /// to another broker now.
  void leave_broker(FlowId flow_id, MirrorSide side, protocol::BrokerId broker, std::string reason);
  /// Ends run(): flows settle first (`graceful`), or connections are closed at once.
  void stop(bool graceful);
  [[nodiscard]] const ShardCounters& counters() const { return counters_; }

  // ---- the shard's thread ----
  /// Until stop().
  void run();
  /// One turn of the loop, waiting until `latest` at most. False: the shard has stopped.
  bool run_once(net::Time latest);

  [[nodiscard]] net::Loop& loop() { return *loop_; }

 private:
  struct Settle {
    FlowId flow_id;
    ParkCause cause;
    std::string reason;
  };
  struct Departure {
    FlowId flow_id;
    MirrorSide side;
    protocol::BrokerId broker;
    std::string reason;
  };
  struct Inbox {
    std::vector<Assignment> assignments;
    std::vector<Settle> settles;
    std::vector<Departure> departures;
    enum class Stop { no, graceful, at_once } stop = Stop::no;
  };

  void read_inbox();
  void publish_counters();
  void park(Flow& flow);

  std::unique_ptr<net::Loop> loop_;
  const ShardSettings settings_;
  std::function<void(Parked)> parked_;
  net::BufferPool small_chunks_;
  net::BufferPool large_chunks_;
  // Broker ids mean something within one cluster only: every replication has its own connections.
  std::map<std::pair<std::uint32_t, protocol::BrokerId>, std::unique_ptr<Source>> sources_;
  std::map<FlowId, std::unique_ptr<Flow>> flows_;
  Inbox::Stop stopping_ = Inbox::Stop::no;
  bool closed_ = false;

  std::mutex mutex_;
  Inbox inbox_;  // guarded by mutex_
  ShardCounters counters_;
};

}  // namespace shunt::replicate
