#include "net/epoll_loop.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>

#include <sys/eventfd.h>
#include <unistd.h>

namespace shunt::net {

namespace {

// Outcomes that come from calls (a send that was taken at once) are delivered without asking the kernel for more; but
// not for ever, for others wait.
constexpr int most_rounds_without_wait = 8;

constexpr Duration longest_wait = std::chrono::hours(1);

int check(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

}  // namespace

class EpollStream final : public Stream {
 public:
  EpollStream(EpollLoop& loop, StreamEvents& events) : loop_(loop), events_(events) {}
  ~EpollStream() override {
    loop_.forget(this);
    if (fd_ >= 0) ::close(fd_);
  }

  void connect(const Endpoint& endpoint) override {
    fd_ = open_socket(endpoint.address.ss_family, loop_.options_);
    if (fd_ < 0) return report(EpollLoop::What::connected, 0, errno);
    connecting_ = true;
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&endpoint.address), endpoint.length) < 0 &&
        errno != EINPROGRESS) {
      return finish_connect(errno);
    }
    // Registered only now: a socket that never connected counts as hung up. Registering looks at the state there is, so
    // a connection that was made meanwhile is not missed.
    if (!subscribe(EPOLL_CTL_ADD, EPOLLIN)) finish_connect(errno);
  }

  void receive(std::span<std::byte> into, std::size_t at_least) override {
    into_ = into;
    at_least_ = at_least;
    filled_ = 0;
    receiving_ = true;
    if (hung_up_ || may_have_more_) {
      // The event that told of these bytes is spent, and fewer than `at_least` may be all that will ever come unless
      // they are read (the kernel's buffer may be full). Asking how many there are would cost as much as reading them.
      read();
    } else {
      await(at_least);
    }
  }

  void set_at_least(std::size_t at_least) override {
    if (!receiving_) return;
    at_least_ = std::min(at_least, into_.size());
    if (filled_ >= at_least_) {
      finish_receive(0);
    } else {
      await(at_least_ - filled_);
    }
  }

  void send(std::span<const iovec> pieces) override {
    progress_.start(pieces);
    sending_ = true;
    write();
  }

  void close() override {
    if (closing_) return;
    closing_ = true;
    loop_.forget(this);
    connecting_ = receiving_ = sending_ = false;
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
    report(EpollLoop::What::closed, 0, 0);
  }

 private:
  friend class EpollLoop;

  void report(EpollLoop::What what, std::size_t size, int error) {
    loop_.outcomes_.push_back({this, what, size, error});
  }

  bool subscribe(int operation, std::uint32_t reading) {
    epoll_event event{};
    event.events = reading | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = this;
    return epoll_ctl(loop_.epoll_, operation, fd_, &event) == 0;
  }

  /// The next event shall be that so many bytes are there.
  void await(std::size_t bytes) {
    threshold_.set(fd_, bytes);
    if (!muted_) return;
    muted_ = false;
    subscribe(EPOLL_CTL_MOD, EPOLLIN);  // looks at what is there already
  }

  void handle(std::uint32_t events) {
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) hung_up_ = true;
    if (hung_up_ || (events & EPOLLIN) != 0) may_have_more_ = true;
    if (connecting_) {
      if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
      int error = 0;
      socklen_t size = sizeof error;
      getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
      finish_connect(error);
      return;
    }
    if (receiving_ && may_have_more_) {
      read();
    } else if (!hung_up_ && (events & EPOLLIN) != 0 && !muted_) {
      // Nobody wants these bytes for now, and every segment that follows would be news again.
      muted_ = subscribe(EPOLL_CTL_MOD, 0);
    }
    if (sending_ && (hung_up_ || (events & EPOLLOUT) != 0)) write();
  }

  void finish_connect(int error) {
    connecting_ = false;
    report(EpollLoop::What::connected, 0, error);
  }

  void read() {
    while (true) {
      const std::size_t room = into_.size() - filled_;
      ++loop_.counters_.receive_calls;
      const ssize_t size = ::recv(fd_, into_.data() + filled_, room, MSG_DONTWAIT);
      if (size > 0) {
        filled_ += static_cast<std::size_t>(size);
        // Less than there was room for: the socket is drained, and new data will be news.
        may_have_more_ = static_cast<std::size_t>(size) == room;
        if (filled_ >= at_least_) return finish_receive(0);
        if (hung_up_) continue;
        return await(at_least_ - filled_);
      }
      if (size < 0 && errno == EINTR) continue;
      if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        may_have_more_ = false;
        return await(at_least_ - filled_);
      }
      return finish_receive(size == 0 ? ECONNRESET : errno);
    }
  }

  void finish_receive(int error) {
    receiving_ = false;
    report(EpollLoop::What::received, filled_, error);
  }

  void write() {
    while (!progress_.done()) {
      ++loop_.counters_.send_calls;
      const msghdr* message = progress_.message();
      const ssize_t size = ::sendmsg(fd_, message, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (size < 0) {
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) return;
        return finish_send(errno);
      }
      // A short send means that the socket is full; the kernel has noted that somebody waits for room.
      if (!progress_.advance(static_cast<std::size_t>(size))) return;
    }
    finish_send(0);
  }

  void finish_send(int error) {
    sending_ = false;
    report(EpollLoop::What::sent, 0, error);
  }

  EpollLoop& loop_;
  StreamEvents& events_;
  int fd_ = -1;
  bool connecting_ = false;
  bool closing_ = false;
  bool hung_up_ = false;  // the peer sends no more, or the connection broke: there will be no further event

  bool receiving_ = false;
  std::span<std::byte> into_;
  std::size_t at_least_ = 0;
  std::size_t filled_ = 0;
  bool may_have_more_ = false;  // bytes may be waiting of which no further event will tell
  bool muted_ = false;          // not subscribed to EPOLLIN
  ReceiveThreshold threshold_;

  bool sending_ = false;
  SendProgress progress_;
};

EpollLoop::EpollLoop(const IoOptions& options) : options_(options) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;  // a stream's is the stream
  try {
    epoll_ = check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    wake_ = check(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd");
    check(epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event), "epoll_ctl");
  } catch (...) {
    close_all();
    throw;
  }
  update_now();
}

EpollLoop::~EpollLoop() {
  close_all();
}

void EpollLoop::close_all() {
  if (wake_ >= 0) ::close(wake_);
  if (epoll_ >= 0) ::close(epoll_);
}

std::unique_ptr<Stream> EpollLoop::make_stream(StreamEvents& events) {
  return std::make_unique<EpollStream>(*this, events);
}

void EpollLoop::wake() {
  const std::uint64_t one = 1;
  // Full means that a wake-up is already on its way.
  [[maybe_unused]] const ssize_t ignored = ::write(wake_, &one, sizeof one);
}

void EpollLoop::forget(EpollStream* stream) {
  std::erase_if(outcomes_, [&](const Outcome& outcome) { return outcome.stream == stream; });
}

void EpollLoop::poll(Time latest) {
  if (outcomes_.empty() || ++rounds_without_wait_ > most_rounds_without_wait) {
    rounds_without_wait_ = 0;
    wait(outcomes_.empty() ? latest : now_);
  }
  deliver();
}

void EpollLoop::wait(Time latest) {
  const int count = wait_for_events(latest > now_ ? std::min<Duration>(latest - now_, longest_wait) : Duration(0));
  update_now();
  if (count < 0) return;  // interrupted
  ++counters_.waits;
  // Nobody is called back in here, so no stream of this batch can go away under it.
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events_[static_cast<std::size_t>(i)];
    if (event.data.ptr == nullptr) {
      std::uint64_t ignored = 0;
      [[maybe_unused]] const ssize_t size = ::read(wake_, &ignored, sizeof ignored);
    } else {
      static_cast<EpollStream*>(event.data.ptr)->handle(event.events);
    }
  }
}

int EpollLoop::wait_for_events(Duration left) {
  const int most = static_cast<int>(events_.size());
  if (has_nanoseconds_) {
    const auto nanoseconds = std::chrono::nanoseconds(left).count();
    const timespec timeout{.tv_sec = nanoseconds / 1'000'000'000, .tv_nsec = nanoseconds % 1'000'000'000};
    const int count = epoll_pwait2(epoll_, events_.data(), most, &timeout, nullptr);
    if (count >= 0 || errno == EINTR) return count;
    has_nanoseconds_ = false;  // ENOSYS, or EPERM from a filter that does not know the call
  }
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return epoll_wait(epoll_, events_.data(), most, static_cast<int>(milliseconds));
}

void EpollLoop::deliver() {
  // Only what is there now: what the callbacks cause comes in the next round.
  for (std::size_t count = outcomes_.size(); count > 0 && !outcomes_.empty(); --count) {
    const Outcome outcome = outcomes_.front();
    outcomes_.pop_front();
    StreamEvents& events = outcome.stream->events_;
    switch (outcome.what) {
      case What::connected:
        events.on_connected(outcome.error);
        break;
      case What::received:
        events.on_received(outcome.size, outcome.error);
        break;
      case What::sent:
        events.on_sent(outcome.error);
        break;
      case What::closed:
        events.on_closed();
        break;
    }
  }
}

}  // namespace shunt::net
