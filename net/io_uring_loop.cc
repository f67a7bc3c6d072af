#include "net/io_uring_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>

#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace shunt::net {

namespace {

constexpr unsigned ring_entries = 256;
constexpr unsigned completions_per_round = 64;

void open_ring(io_uring& ring, bool defer_taskrun) {
  io_uring_params params{};
  params.flags = IORING_SETUP_CLAMP;
  if (defer_taskrun) params.flags |= IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED;
  int result = io_uring_queue_init_params(ring_entries, &ring, &params);
  if (result == -EINVAL && defer_taskrun) {
    params = {};
    params.flags = IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED;
    result = io_uring_queue_init_params(ring_entries, &ring, &params);
  }
  if (result < 0) throw std::system_error(-result, std::generic_category(), "io_uring_setup");
  // A wait with a time-out needs it (5.11); where it is missing, so is much else.
  if ((params.features & IORING_FEAT_EXT_ARG) == 0) {
    io_uring_queue_exit(&ring);
    throw std::system_error(ENOSYS, std::generic_category(), "io_uring without IORING_FEAT_EXT_ARG");
  }
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
    // Without a socket the request fails with EBADF and reports as any other failure.
    io_uring_sqe* entry = loop_.next_entry();
    io_uring_prep_connect(entry, fd_, reinterpret_cast<const sockaddr*>(&endpoint_.address), endpoint_.length);
    submit(entry, connect_);
  }

  void receive(std::span<std::byte> into, std::size_t at_least) override {
    into_ = into;
    at_least_ = at_least;
    filled_ = 0;
    receiving_ = true;
    read();
  }

  void set_at_least(std::size_t at_least) override {
    if (!receiving_) return;
    at_least_ = std::min(at_least, into_.size());
    // Wakes the armed receive when enough is there already.
    threshold_.set(fd_, at_least_ > filled_ ? at_least_ - filled_ : 1);
  }

  void send(std::span<const iovec> pieces) override {
    progress_.start(pieces);
    write();
  }

  void close() override {
    if (closing_) return;
    closing_ = true;
    if (under_way_ == 0) {
      finish_close();
      return;
    }
    // Shutting down ends what waits for the peer; the cancellation ends a connect.
    ::shutdown(fd_, SHUT_RDWR);
    io_uring_sqe* entry = loop_.next_entry();
    io_uring_prep_cancel_fd(entry, fd_, IORING_ASYNC_CANCEL_ALL);
    submit(entry, cancel_);
  }

 private:
  friend class IoUringLoop;
  using Operation = IoUringLoop::Operation;

  void submit(io_uring_sqe* entry, Operation& operation) {
    io_uring_sqe_set_data(entry, &operation);
    ++under_way_;
  }

  void read() {
    threshold_.set(fd_, at_least_ - filled_);
    ++loop_.counters_.receive_calls;
    io_uring_sqe* entry = loop_.next_entry();
    io_uring_prep_recv(entry, fd_, into_.data() + filled_, into_.size() - filled_, 0);
    if (loop_.poll_first_) entry->ioprio |= IORING_RECVSEND_POLL_FIRST;
    submit(entry, receive_);
  }

  void write() {
    ++loop_.counters_.send_calls;
    io_uring_sqe* entry = loop_.next_entry();
    io_uring_prep_sendmsg(entry, fd_, progress_.message(), MSG_NOSIGNAL | MSG_WAITALL);
    submit(entry, send_);
  }

  void handle(Operation::What what, int result) {
    --under_way_;
    if (closing_) {
      if (under_way_ == 0) finish_close();
      return;
    }
    switch (what) {
      case Operation::What::connect:
        events_.on_connected(result < 0 ? -result : 0);
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
    if (result == -EINTR || result == -EAGAIN) {
      read();
    } else if (result == -EINVAL && loop_.poll_first_) {
      loop_.poll_first_ = false;
      read();
    } else if (result <= 0) {
      receiving_ = false;
      events_.on_received(filled_, result == 0 ? ECONNRESET : -result);
    } else {
      filled_ += static_cast<std::size_t>(result);
      if (filled_ < at_least_) {
        read();
        return;
      }
      receiving_ = false;
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
  Endpoint endpoint_;
  Operation connect_{.what = Operation::What::connect, .stream = this};
  Operation receive_{.what = Operation::What::receive, .stream = this};
  Operation send_{.what = Operation::What::send, .stream = this};
  Operation cancel_{.what = Operation::What::cancel, .stream = this};
  int under_way_ = 0;
  bool closing_ = false;

  bool receiving_ = false;
  std::span<std::byte> into_;
  std::size_t at_least_ = 0;
  std::size_t filled_ = 0;
  ReceiveThreshold threshold_;
  SendProgress progress_;
};

IoUringLoop::IoUringLoop(const IoOptions& options) : options_(options), poll_first_(options.poll_first) {
  open_ring(ring_, options.defer_taskrun);
  enabled_ = (ring_.flags & IORING_SETUP_R_DISABLED) == 0;
  wake_ = eventfd(0, EFD_CLOEXEC);
  if (wake_ < 0) {
    const int error = errno;
    io_uring_queue_exit(&ring_);
    throw std::system_error(error, std::generic_category(), "eventfd");
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

io_uring_sqe* IoUringLoop::next_entry() {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  while (entry == nullptr) {
    // The queue is full: hand over what is there. Never waits.
    io_uring_submit(&ring_);
    entry = io_uring_get_sqe(&ring_);
  }
  return entry;
}

void IoUringLoop::arm_wake() {
  io_uring_sqe* entry = next_entry();
  io_uring_prep_read(entry, wake_, &wake_count_, sizeof wake_count_, 0);
  io_uring_sqe_set_data(entry, &wake_operation_);
}

void IoUringLoop::poll(Time latest) {
  if (!enabled_) {
    // liburing 2.3 declares io_uring_enable_rings() and does not export it.
    if (syscall(__NR_io_uring_register, ring_.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0) < 0) {
      throw std::system_error(errno, std::generic_category(), "io_uring_register");
    }
    enabled_ = true;
  }
  const bool wait = closed_.empty() && latest > now_;
  const auto left =
      std::chrono::nanoseconds(wait ? std::min<Duration>(latest - now_, std::chrono::hours(1)) : Duration(0));
  __kernel_timespec timeout{.tv_sec = left.count() / 1'000'000'000, .tv_nsec = left.count() % 1'000'000'000};
  io_uring_cqe* first = nullptr;
  ++counters_.waits;
  // -ETIME and -EINTR say that nothing came; the queue of completions is looked at all the same.
  io_uring_submit_and_wait_timeout(&ring_, &first, wait ? 1 : 0, &timeout, nullptr);
  update_now();

  std::array<io_uring_cqe*, completions_per_round> batch{};
  const unsigned count = io_uring_peek_batch_cqe(&ring_, batch.data(), completions_per_round);
  struct Completion {
    const Operation* operation;
    int result;
  };
  std::array<Completion, completions_per_round> completions{};
  for (unsigned i = 0; i < count; ++i) {
    completions[i] = {static_cast<const Operation*>(io_uring_cqe_get_data(batch[i])), batch[i]->res};
  }
  io_uring_cq_advance(&ring_, count);
  for (unsigned i = 0; i < count; ++i) handle(*completions[i].operation, completions[i].result);

  for (std::size_t closed = closed_.size(); closed > 0 && !closed_.empty(); --closed) {
    IoUringStream* stream = closed_.front();
    closed_.pop_front();
    stream->events_.on_closed();
  }
}

void IoUringLoop::handle(const Operation& operation, int result) {
  if (operation.what == Operation::What::wake) {
    arm_wake();
  } else {
    operation.stream->handle(operation.what, result);
  }
}

}  // namespace shunt::net
