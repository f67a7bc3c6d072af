// The event loop of one shard: a thread, its timers, its TCP streams. This is the only seam between the data path and
// the machine: the same shard runs on io_uring, on epoll, and on the simulated network of tests/sim.
//
// Rules that hold for every implementation:
//   - One thread. Everything except wake() is called from the thread that calls run_once().
//   - No re-entrance. Events are delivered from run_once() only, never from inside a call of Loop or Stream.
//   - Time stands still between two events of one run_once() batch: now() is read once per batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>

#include <sys/socket.h>
#include <sys/uio.h>

#include "net/machine.h"

namespace shunt::net {

/// A resolved address. Name resolution blocks and belongs to the control plane, never to a loop.
struct Endpoint {
  sockaddr_storage address{};
  socklen_t length = 0;

  static Endpoint from_ip(const std::string& ip,
                          std::uint16_t port);  // throws std::invalid_argument: not an IP address
  [[nodiscard]] std::string to_string() const;  // "127.0.0.1:9092", "[::1]:9092"
};

/// The outcomes of one Stream's operations. Errors are positive errno values, 0 is success.
class StreamEvents {
 public:
  virtual ~StreamEvents() = default;
  virtual void on_connected(int error) = 0;
  /// `size` bytes were placed in the buffer of receive(): at least `at_least`, or fewer (perhaps 0) when the peer
  /// closed its side or an error came; then `error` is non-zero (ECONNRESET for an orderly close).
  virtual void on_received(std::size_t size, int error) = 0;
  /// All bytes of send() were taken by the kernel, or the stream broke.
  virtual void on_sent(int error) = 0;
  /// close() is complete: no buffer handed to this stream will be touched again.
  virtual void on_closed() = 0;
};

/// One TCP connection with at most one receive and one send under way.
/// A Stream may be destroyed only before connect(), or after on_closed() (also from inside it).
class Stream {
 public:
  virtual ~Stream() = default;

  virtual void connect(const Endpoint& endpoint) = 0;

  /// Fills `into` with at least `at_least` bytes (1 <= at_least <= into.size()), more if they are there. The buffer
  /// must stay valid until on_received() or on_closed(). The thread is not woken for fewer than `at_least` bytes: that
  /// is what makes reading cheap.
  virtual void receive(std::span<std::byte> into, std::size_t at_least) = 0;

  /// Lowers or raises `at_least` of the receive under way. Lowering it below what has already arrived completes it.
  virtual void set_at_least(std::size_t at_least) = 0;

  /// Sends all pieces in order, however many there are. The iovec array and the bytes must stay valid until on_sent()
  /// or on_closed().
  virtual void send(std::span<const iovec> pieces) = 0;

  /// Ends the connection at once (unsent bytes are dropped, nothing is flushed). on_closed() follows; no other event
  /// does.
  virtual void close() = 0;

  /// What an error of this stream's events means, in words.
  [[nodiscard]] virtual std::string explain(int error) const;
};

/// A deadline that calls back once. Must not outlive its loop; destroying it cancels it.
class Timer;

class Loop {
 public:
  virtual ~Loop();

  virtual std::unique_ptr<Stream> make_stream(StreamEvents& events) = 0;

  /// Delivers what has happened, after waiting for it until `latest` at most (timers due earlier shorten the wait):
  /// stream events first, so that an answer that is there counts as in time; then the timers that are due.
  void run_once(Time latest);

  /// Makes a run_once() that waits (or the next one) return. The only call allowed from other threads.
  virtual void wake() = 0;

  [[nodiscard]] Time now() const { return now_; }

  /// "io_uring" or "epoll" (or "simulation").
  [[nodiscard]] virtual const char* name() const = 0;

  struct Counters {
    std::uint64_t waits = 0;          // times the thread went to the kernel to wait or submit, interrupted ones aside
    std::uint64_t receive_calls = 0;  // receive operations issued
    std::uint64_t send_calls = 0;     // send operations issued
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }

 protected:
  /// Waits until `latest` at most and delivers stream events. `latest` <= now() means: do not wait.
  virtual void poll(Time latest) = 0;

  void update_now() { now_ = net::now(); }

  Time now_{};
  Counters counters_;

 private:
  friend class Timer;
  void run_due_timers();

  struct Earlier {
    bool operator()(const Timer* a, const Timer* b) const;
  };
  std::set<Timer*, Earlier> timers_;
  std::uint64_t next_timer_order_ = 0;  // timers with equal deadlines fire in the order they were armed
};

class Timer {
 public:
  Timer(Loop& loop, std::function<void()> expired) : loop_(loop), expired_(std::move(expired)) {}
  ~Timer() { cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// (Re)arms the timer; an earlier deadline that has not fired is forgotten.
  void set(Time deadline);
  void cancel();
  [[nodiscard]] bool armed() const { return armed_; }
  [[nodiscard]] Time deadline() const { return deadline_; }

 private:
  friend class Loop;
  Loop& loop_;
  std::function<void()> expired_;
  Time deadline_{};
  std::uint64_t order_ = 0;
  bool armed_ = false;
};

/// Which implementation a user asks for (`shunt.io=`).
enum class IoKind { automatic, io_uring, epoll };

struct IoOptions {
  IoKind kind = IoKind::automatic;
  // SO_RCVBUF and SO_SNDBUF; 0 leaves the kernel's auto-tuning in charge.
  int receive_buffer_bytes = 0;
  int send_buffer_bytes = 0;
  // Each io_uring feature stands behind a switch so that the bench can tell what it is worth.
  bool defer_taskrun = true;  // IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN (6.1)
  bool poll_first = true;     // IORING_RECVSEND_POLL_FIRST (5.19)
};

/// Makes the loop `options` asks for. With IoKind::automatic an io_uring the system refuses (EPERM, ENOSYS, ENOMEM) is
/// replaced by epoll, and `*why_not_io_uring` (if given) says what was refused; with IoKind::io_uring it throws
/// std::system_error.
std::unique_ptr<Loop> make_loop(const IoOptions& options, std::string* why_not_io_uring = nullptr);

}  // namespace shunt::net
