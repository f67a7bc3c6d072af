#include "net/io_uring_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include <sys/eventfd.h>
#include <unistd.h>

#include "net/io_uring_ring.h"

namespace shunt::net {

namespace {

constexpr Duration longest_wait = std::chrono::hours(1);

/// Nothing came, or the kernel has no room just now: errors of io_uring_enter() that pass.
bool is_passing(int result) {
  return result == -ETIME || result == -EINTR || result == -EAGAIN || result == -EBUSY;
}

}  // namespace

class IoUringStream final : public Stream {
 public:
  IoUringStream(IoUringLoop& loop, StreamEvents& events) : loop_(loop), events_(events) {}
  ~IoUringStream() override {
    std::erase(loop_.closed_, this);
    if (fd_ >= 0) ::close(fd_);
  }

  void connect(const Endpoint& endpoint) override {
    endpoint_ = endpoint;
    fd_ = open_socket(endpoint.address.ss_family, loop_.options_);
    if (fd_ < 0) socket_error_ = errno;
    // Without a socket the request fails with EBADF, and reports when any other failure would.
    io_uring_sqe* entry = loop_.next_entry();
    io_uring_prep_connect(entry, fd_, reinterpret_cast<const sockaddr*>(&endpoint_.address), endpoint_.length);
    begin(entry, connect_);
  }

  void receive(std::span<std::byte> into, std::size_t at_least) override {
    into_ = into;
    at_least_ = at_least;
    filled_ = 0;
    read();
  }

  void set_at_least(std::size_t at_least) override {
    if (!receive_.under_way) return;
    at_least_ = std::min(at_least, into_.size());
    if (filled_ >= at_least_) {
      cancel(receive_);  // enough was there before; the socket need not have anything to wake for
    } else {
      threshold_.set(fd_, at_least_ - filled_);  // wakes the armed receive when enough is there already
    }
  }

  void send(std::span<const iovec> pieces) override {
    progress_.start(pieces);
    write();
  }

  void close() override {
    if (closing_) return;
    closing_ = true;
    if (pending_ == 0) return finish_close();
    // A shutdown ends what waits for the peer, were it even run by a worker thread that no cancellation finds; but it
    // would make a connect begin anew.
    if (!connect_.under_way) ::shutdown(fd_, SHUT_RDWR);
    for (Operation* operation : {&connect_, &receive_, &send_}) {
      if (operation->under_way) cancel(*operation);
    }
  }

 private:
  friend class IoUringLoop;
  using Operation = IoUringLoop::Operation;

  void begin(io_uring_sqe* entry, Operation& operation) {
    io_uring_sqe_set_data(entry, &operation);
    operation.under_way = true;
    ++pending_;
  }

  void cancel(Operation& operation) {
    io_uring_sqe* entry = loop_.next_entry();
    io_uring_prep_cancel(entry, &operation, 0);
    begin(entry, cancel_);
  }

  void read() {
    threshold_.set(fd_, at_least_ > filled_ ? at_least_ - filled_ : 1);
    ++loop_.counters_.receive_calls;
    io_uring_sqe* entry = loop_.next_entry();
    io_uring_prep_recv(entry, fd_, into_.data() + filled_, into_.size() - filled_, 0);
    if (loop_.poll_first_) entry->ioprio |= IORING_RECVSEND_POLL_FIRST;
    begin(entry, receive_);
  }

  void write() {
    ++loop_.counters_.send_calls;
    io_uring_sqe* entry = loop_.next_entry();
    io_uring_prep_sendmsg(entry, fd_, progress_.message(), MSG_NOSIGNAL | MSG_WAITALL);
    begin(entry, send_);
  }

  void handle(Operation& operation, int result) {
    operation.under_way = false;
    --pending_;
    if (closing_) {
      if (pending_ == 0) finish_close();
      return;
    }
    switch (operation.what) {
      case Operation::What::connect:
        events_.on_connected(socket_error_ != 0 ? socket_error_ : std::max(-result, 0));
        break;
      case Operation::What::receive:
        handle_received(result);
        break;
      case Operation::What::send:
        handle_sent(result);
        break;
      case Operation::What::cancel:
      case Operation::What::wake:
        break;
    }
  }

  void handle_received(int result) {
    if (result > 0) filled_ += static_cast<std::size_t>(result);
    if (result == -EINVAL && loop_.poll_first_) {
      loop_.poll_first_ = false;
      read();
    } else if (result == 0) {
      events_.on_received(filled_, ECONNRESET);
    } else if (result < 0 && result != -EINTR && result != -EAGAIN && result != -ECANCELED) {
      events_.on_received(filled_, -result);
    } else if (filled_ < at_least_) {
      read();
    } else {
      events_.on_received(filled_, 0);
    }
  }

  void handle_sent(int result) {
    if (result < 0 && result != -EINTR && result != -EAGAIN) {
      events_.on_sent(-result);
      return;
    }
    progress_.advance(static_cast<std::size_t>(std::max(result, 0)));
    if (progress_.done()) {
      events_.on_sent(0);
    } else {
      write();
    }
  }

  void finish_close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
    loop_.closed_.push_back(this);
  }

  IoUringLoop& loop_;
  StreamEvents& events_;
  int fd_ = -1;
  int socket_error_ = 0;
  Endpoint endpoint_;
  Operation connect_{.what = Operation::What::connect, .stream = this};
  Operation receive_{.what = Operation::What::receive, .stream = this};
  Operation send_{.what = Operation::What::send, .stream = this};
  Operation cancel_{.what = Operation::What::cancel, .stream = this};  // several may be under way
  int pending_ = 0;                                                    // operations the kernel has, cancellations too
  bool closing_ = false;

  std::span<std::byte> into_;
  std::size_t at_least_ = 0;
  std::size_t filled_ = 0;
  ReceiveThreshold threshold_;
  SendProgress progress_;
};

IoUringLoop::IoUringLoop(const IoOptions& options) : options_(options), poll_first_(options.poll_first) {
  open_ring(ring_, options.defer_taskrun);
  wake_ = eventfd(0, EFD_CLOEXEC);
  if (wake_ < 0) {
    const int error = errno;
    io_uring_queue_exit(&ring_);
    fail_ring(error, "eventfd");
  }
  arm_wake();
  update_now();
}

IoUringLoop::~IoUringLoop() {
  io_uring_queue_exit(&ring_);
  ::close(wake_);
}

std::unique_ptr<Stream> IoUringLoop::make_stream(StreamEvents& events) {
  return std::make_unique<IoUringStream>(*this, events);
}

void IoUringLoop::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t ignored = ::write(wake_, &one, sizeof one);
}

void IoUringLoop::enable() {
  if (enabled_) return;
  enable_ring(ring_);
  enabled_ = true;
}

io_uring_sqe* IoUringLoop::next_entry() {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  while (entry == nullptr) {
    // The queue is full: hand over what is there. Never waits.
    enable();
    const int result = io_uring_submit(&ring_);
    if (result < 0) {
      if (!is_passing(result)) fail_ring(-result, "io_uring_enter");
      take_completions();  // the kernel takes no more before it has got rid of these
    }
    entry = io_uring_get_sqe(&ring_);
  }
  return entry;
}

void IoUringLoop::take_completions() {
  std::array<io_uring_cqe*, 64> batch{};
  while (const unsigned count = io_uring_peek_batch_cqe(&ring_, batch.data(), batch.size())) {
    for (unsigned i = 0; i < count; ++i) {
      arrived_.push_back({static_cast<Operation*>(io_uring_cqe_get_data(batch[i])), batch[i]->res});
    }
    io_uring_cq_advance(&ring_, count);
  }
}

void IoUringLoop::arm_wake() {
  io_uring_sqe* entry = next_entry();
  io_uring_prep_read(entry, wake_, &wake_count_, sizeof wake_count_, 0);
  io_uring_sqe_set_data(entry, &wake_operation_);
}

void IoUringLoop::poll(Time latest) {
  enable();
  ++counters_.waits;
  int result = 0;
  if (latest > now_ && closed_.empty() && arrived_.empty()) {
    const auto left = std::chrono::nanoseconds(std::min<Duration>(latest - now_, longest_wait)).count();
    __kernel_timespec timeout{.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
    io_uring_cqe* first = nullptr;
    result = io_uring_submit_and_wait_timeout(&ring_, &first, 1, &timeout, nullptr);
  } else {
    // Not a wait for zero completions: that would not make the kernel run the work it has deferred.
    result = io_uring_submit_and_get_events(&ring_);
  }
  if (result < 0 && !is_passing(result)) fail_ring(-result, "io_uring_enter");
  update_now();

  take_completions();
  std::swap(arrived_, handling_);
  for (const auto& [operation, outcome] : handling_) {
    if (operation == &wake_operation_) {
      arm_wake();
    } else {
      operation->stream->handle(*operation, outcome);
    }
  }
  handling_.clear();

  for (std::size_t count = closed_.size(); count > 0 && !closed_.empty(); --count) {
    IoUringStream* stream = closed_.front();
    closed_.pop_front();
    stream->events_.on_closed();
  }
}

}  // namespace shunt::net
