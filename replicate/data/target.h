// The way from one source broker into one target broker: a connection that carries Produce requests, many in flight,
// and the questions by which a flow finds its place (leader epoch end, producers).
//
// Every Source has its own Targets. A request that is half sent when its source stalls therefore blocks nobody but the
// flows of that source, and no lock or queue is shared.
//
//   - Answers come in the order of the requests. They are not worth a wake-up each: the thread is woken when half of
//     those awaited are there, or after answer_linger, or at once when a flow waits for one.
//   - Nothing is kept for resending: when the connection is lost its flows settle, and are located anew.
//   - throttle_time_ms (KIP-219): nothing is sent until then.
//   - A session that ends (KIP-368): no batch is begun, as while throttled; when the last answer is there, it is renewed.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "net/buffer_pool.h"
#include "net/loop.h"
#include "protocol/ids.h"
#include "protocol/record_batch.h"
#include "replicate/data/answer_clock.h"
#include "replicate/data/flow.h"
#include "replicate/data/flow_map.h"
#include "replicate/data/link.h"
#include "replicate/data/produce_queue.h"

namespace shunt::replicate {

struct TargetSettings {
  ProduceSettings produce;
  std::size_t in_flight_bytes = 64 * 1024 * 1024;  // sent or queued and not acknowledged
  // The same in requests: what asks the connection a question, a flow that has lost its leader, waits for as many.
  std::size_t in_flight_requests = 1000;
  std::size_t unsent_bytes = 1024 * 1024;  // queued: beyond this the source is not read
  net::Duration answer_linger = std::chrono::milliseconds(10);
  net::Duration stall_after = std::chrono::seconds(1);  // blocked that long: its flows step aside for their neighbours
  // An answer that is owed for so long, or a connection that is not made: FlowProgress::is_target_silent.
  net::Duration silence_noticed = std::chrono::milliseconds(500);
  // Of a broker that answers none of its requests; beyond the broker's own ProduceSettings::timeout_ms.
  net::Duration request_timeout = std::chrono::seconds(40);
};

class Target final : private Link::Owner {
 public:
  Target(Source& source, net::Loop& loop, protocol::BrokerId broker, const TargetSettings& settings,
         const LinkSettings& link_settings);

  /// A flow that now runs through here; it is located as soon as the connection stands.
  void add(Flow& flow);
  /// It has left FlowState::flowing for that.
  void locate_again(Flow& flow);
  /// The flow is parked.
  void remove(Flow& flow);

  // ---- while the source's answer is parsed ----
  void begin_batch(Flow& flow, std::span<const std::byte, protocol::record_batch_header_size> header, std::size_t size);
  void add_payload(const net::ChunkRef& chunk, std::span<const std::byte> bytes) { queue_.add_payload(chunk, bytes); }
  /// Sends what was begun since the last flush.
  void flush();
  /// The source cannot complete the batch whose request is under way: only closing the connection makes the broker drop
  /// it.
  void abandon_open_batch(const std::string& reason);

  /// Its flows may be given data.
  [[nodiscard]] bool accepts() const { return link_.is_ready() && !link_.session_ends() && !stalled_ && !muted(); }
  /// The source should stop reading for a while. Never true for long: after stall_after it steps aside instead.
  [[nodiscard]] bool blocked() const;

  [[nodiscard]] protocol::BrokerId broker() const { return broker_; }
  [[nodiscard]] bool is_down() const { return link_.is_down(); }
  void close(const std::string& reason) { link_.fail(reason); }

 private:
  struct Request {
    enum class Kind : std::uint8_t { produce, log_end, producers, log_end_again };
    std::int32_t correlation_id;
    Kind kind;
    std::int16_t version;
    bool urgent;  // a flow waits for the answer
    std::uint32_t batches;
    std::size_t bytes;
  };
  struct Locating {
    Flow* flow;  // null: it has left
    LogPlace place;
    std::optional<protocol::Offset> log_end;  // as first told; `place` has the second
  };

  void on_link_ready() override;
  void on_link_session_ends() override { renew_session(); }
  void on_link_down(const std::string& reason) override;
  void on_link_received(std::size_t size) override;
  void on_link_sent() override;

  void renew_session();

  // Sending
  void send_next();
  void locate_waiting();
  template <class Message>
  void queue_question(const Message& message, Request::Kind kind);
  void note_request(Request request);

  // Answers
  void arm_receive();
  [[nodiscard]] std::size_t answers_worth_waking_for() const;
  void hurry_answers();
  void handle_frame(std::span<const std::byte> frame);
  void handle_produce_answer(const Request& request, std::span<const std::byte> frame);
  void handle_log_ends(const Request& request, std::span<const std::byte> frame);
  void handle_producers(const Request& request, std::span<const std::byte> frame);
  void finish_locating();
  Locating* find_locating(std::string_view topic, protocol::PartitionIndex partition);
  void give_up_locating(Locating& entry, std::int16_t error_code, const char* question);
  void throttle(std::int32_t throttle_ms);

  // Time
  void tick();
  [[nodiscard]] bool muted() const { return loop_.now() < muted_until_; }
  void note_progress();
  void note_silence(bool is_silent);
  [[nodiscard]] bool is_full() const;

  Source& source_;
  net::Loop& loop_;
  const protocol::BrokerId broker_;
  const TargetSettings& settings_;
  Link link_;

  FlowMap flows_{MirrorSide::target};
  std::vector<Flow*> to_locate_;
  std::vector<Locating> locating_;

  ProduceQueue queue_;
  Outgoing next_;  // collects while `sending_` is on its way
  Outgoing sending_;
  bool send_under_way_ = false;

  std::deque<Request> requests_;
  AnswerClock answer_clock_;  // of requests_.front()
  std::int32_t next_correlation_id_ = 0;
  std::uint32_t urgent_requests_ = 0;
  bool urgent_flush_ = false;  // what is collected holds the first batch of a flow
  std::size_t in_flight_bytes_ = 0;
  std::size_t smallest_answer_ = 0;  // bytes of the smallest Produce answer seen on this connection; 0: none yet

  std::vector<std::byte> answers_;
  std::size_t answers_filled_ = 0;
  bool receive_armed_ = false;
  std::size_t armed_at_least_ = 0;

  net::Time muted_until_{};
  net::Time blocked_since_{};
  bool was_blocked_ = false;
  bool stalled_ = false;
  bool is_silent_ = false;
  net::Timer linger_timer_;
  net::Timer tick_timer_;
};

}  // namespace shunt::replicate
