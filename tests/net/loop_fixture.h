// What the tests of the event loops share: each loop as a test parameter, a stream whose events are written down, and
// the peer at the other end of the wire, played with plain sockets.
#pragma once

#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/loop.h"

namespace shunt::net {

constexpr Duration test_patience = std::chrono::seconds(30);

/// A blocking socket of the peer's. Reads and writes give up after test_patience.
class PeerSocket {
 public:
  PeerSocket() = default;
  explicit PeerSocket(int fd) : fd_(fd) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "peer's socket");
    const timeval patience{.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(test_patience).count(),
                           .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  }
  PeerSocket(PeerSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  PeerSocket& operator=(PeerSocket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~PeerSocket() { close(); }

  [[nodiscard]] int fd() const { return fd_; }

  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
  }
  void end_sending() const { ::shutdown(fd_, SHUT_WR); }

  /// All of it, or as much as goes before the connection breaks.
  void write(std::span<const std::byte> bytes) const {
    while (!bytes.empty()) {
      const ssize_t size = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size <= 0) return;
      bytes = bytes.subspan(static_cast<std::size_t>(size));
    }
  }
  void write(std::string_view text) const { write(std::as_bytes(std::span(text))); }

  /// Until so many bytes have come, or the other side ended.
  [[nodiscard]] std::vector<std::byte> read(std::size_t most) const {
    std::vector<std::byte> bytes(most);
    std::size_t filled = 0;
    while (filled < most) {
      const ssize_t size = ::recv(fd_, bytes.data() + filled, most - filled, 0);
      if (size <= 0) break;
      filled += static_cast<std::size_t>(size);
    }
    bytes.resize(filled);
    return bytes;
  }

  /// Bytes written that the other side's kernel has not acknowledged.
  [[nodiscard]] int unacknowledged() const {
    int bytes = 0;
    ioctl(fd_, TIOCOUTQ, &bytes);
    return bytes;
  }

 private:
  int fd_ = -1;
};

/// Listens on a free port of a loopback address.
class Listener {
 public:
  explicit Listener(const std::string& ip = "127.0.0.1", int backlog = 512, int receive_buffer_bytes = 0) {
    endpoint_ = Endpoint::from_ip(ip, 0);
    fd_ = ::socket(endpoint_.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer_bytes > 0) {
      setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    }
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&endpoint_.address), endpoint_.length) < 0 ||
        ::listen(fd_, backlog) < 0) {
      const int error = errno;
      ::close(fd_);
      throw std::system_error(error, std::generic_category(), "listen on " + ip);
    }
    getsockname(fd_, reinterpret_cast<sockaddr*>(&endpoint_.address), &endpoint_.length);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() { ::close(fd_); }

  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }
  [[nodiscard]] PeerSocket accept() const { return PeerSocket(::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)); }

 private:
  int fd_ = -1;
  Endpoint endpoint_;
};

/// A stream and what it told. An event from inside a call of the stream, or outside run_once(), fails the test.
class Recorder final : public StreamEvents {
 public:
  Recorder(Loop& loop, const bool& running) : running_(running), stream(loop.make_stream(*this)) {}

  void on_connected(int error) override {
    const Delivery delivery(*this);
    connected = error;
  }
  void on_received(std::size_t size, int error) override {
    const Delivery delivery(*this);
    received.emplace_back(size, error);
    if (when_received) when_received(size, error);
  }
  void on_sent(int error) override {
    const Delivery delivery(*this);
    sent.push_back(error);
    if (when_sent) when_sent(error);
  }
  void on_closed() override {
    const Delivery delivery(*this);
    ++closed;
    if (when_closed) when_closed();
  }

 private:
  class Delivery {
   public:
    explicit Delivery(Recorder& recorder) : recorder_(recorder) {
      EXPECT_TRUE(recorder.running_) << "an event outside run_once()";
      EXPECT_FALSE(recorder.delivering_) << "an event from inside a call";
      EXPECT_EQ(recorder.closed, 0) << "an event after on_closed()";
      recorder.delivering_ = true;
    }
    ~Delivery() { recorder_.delivering_ = false; }

   private:
    Recorder& recorder_;
  };

  const bool& running_;
  bool delivering_ = false;

 public:
  std::optional<int> connected;
  std::vector<std::pair<std::size_t, int>> received;  // size, error
  std::vector<int> sent;                              // error
  int closed = 0;
  std::function<void(std::size_t, int)> when_received;
  std::function<void(int)> when_sent;
  std::function<void()> when_closed;
  std::unique_ptr<Stream> stream;
};

inline IoOptions small_buffers(int bytes) {
  return {.receive_buffer_bytes = bytes, .send_buffer_bytes = bytes};
}

struct LoopCase {
  const char* name;
  IoKind kind;
  bool features;
};

/// Every loop; skipped where the system refuses it.
class LoopTest : public ::testing::TestWithParam<LoopCase> {
 protected:
  void SetUp() override { use({}); }

  void TearDown() override {
    for (const auto& recorder : recorders_) {
      if (recorder->stream) recorder->stream->close();
    }
    run_until([&] {
      return std::ranges::all_of(recorders_, [](const auto& each) { return !each->stream || each->closed > 0; });
    });
  }

  /// The loop of this test's parameter, with other options.
  void use(IoOptions options) {
    options.kind = GetParam().kind;
    options.defer_taskrun = options.poll_first = GetParam().features;
    try {
      loop_ = make_loop(options);
    } catch (const std::system_error& refused) {
      GTEST_SKIP() << refused.what();
    }
  }

  void run(Time latest) {
    running_ = true;
    loop_->run_once(latest);
    running_ = false;
  }
  /// Delivers what is there, without waiting.
  void run_rounds(int rounds = 20) {
    for (int i = 0; i < rounds; ++i) run(loop_->now());
  }
  void run_until(const std::function<bool()>& done) {
    const Time give_up = std::chrono::steady_clock::now() + test_patience;
    while (!done()) {
      const Time now = std::chrono::steady_clock::now();
      ASSERT_LT(now, give_up) << "waited in vain";
      run(now + std::chrono::milliseconds(20));
    }
  }

  Recorder& make_recorder() { return *recorders_.emplace_back(std::make_unique<Recorder>(*loop_, running_)); }

  /// A stream connected to `listener`.
  Recorder& connect(const Listener& listener) {
    Recorder& recorder = make_recorder();
    recorder.stream->connect(listener.endpoint());
    run_until([&] { return recorder.connected.has_value(); });
    EXPECT_EQ(recorder.connected, 0);
    return recorder;
  }

  std::unique_ptr<Loop> loop_;
  bool running_ = false;
  std::vector<std::unique_ptr<Recorder>> recorders_;
};

inline const auto every_loop =
    ::testing::Values(LoopCase{"epoll", IoKind::epoll, true}, LoopCase{"io_uring", IoKind::io_uring, true},
                      LoopCase{"io_uring_without_features", IoKind::io_uring, false});
inline std::string loop_case_name(const ::testing::TestParamInfo<LoopCase>& info) {
  return info.param.name;
}

/// Bytes that show where they belong.
inline std::vector<std::byte> pattern(std::size_t size, std::size_t seed = 0) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = std::byte(((i + seed) * 2654435761U >> 13) & 0xff);
  return bytes;
}

}  // namespace shunt::net
