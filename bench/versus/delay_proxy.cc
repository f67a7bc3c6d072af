// A long link on loopback: a TCP proxy that delivers every byte a fixed time after it arrived, in both directions.
//
//   delay_proxy --connect 127.0.0.1:9092 [--listen 0] [--delay-ms 50] [--window-bytes 0]
//
// It rewrites nothing, drops nothing and shapes nothing: bandwidth is what the machine gives, and the window inside is
// unlimited unless --window-bytes bounds what one direction of one connection may hold (it then stops reading until
// bytes have left). The delay is one way; a round trip takes twice as long. One thread; the first line on standard
// output, {"port": N}, says where it listens; SIGTERM ends it.
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t block_bytes = std::size_t{256} << 10;
constexpr std::size_t spare_blocks_max = 512;  // 128 MiB kept for reuse: what a 100 ms link holds at 1 GB/s

struct Options {
  sockaddr_in connect{};
  std::uint16_t listen_port = 0;
  std::chrono::milliseconds delay{50};
  std::uint64_t window_bytes = 0;  // 0: unlimited
};

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "delay_proxy: %s\n", what.c_str());
  std::exit(1);
}

std::string system_message() {
  return std::system_category().message(errno);
}

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&&) = delete;
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

using Block = std::unique_ptr<std::byte[]>;

/// Blocks come and go at hundreds of megabytes a second; fresh ones would cost a page fault each 4 KiB.
class BlockPool {
 public:
  Block take() {
    if (spare_.empty()) return std::make_unique_for_overwrite<std::byte[]>(block_bytes);
    Block block = std::move(spare_.back());
    spare_.pop_back();
    return block;
  }
  void give_back(Block block) {
    if (spare_.size() < spare_blocks_max) spare_.push_back(std::move(block));
  }

 private:
  std::vector<Block> spare_;
};

/// One direction of one connection: bytes in the order of their arrival, and when each may leave.
/// Positions count from the connection's start; left_ <= due_ <= arrived_.
class Direction {
 public:
  Direction(int from, int to, const Options& options, BlockPool& pool)
      : from_(from), to_(to), options_(options), pool_(pool) {}

  [[nodiscard]] bool wants_read() const {
    return !ended_ && (options_.window_bytes == 0 || arrived_ - left_ < options_.window_bytes);
  }
  [[nodiscard]] bool wants_write() const { return due_ > left_; }
  [[nodiscard]] bool finished() const { return shut_; }
  [[nodiscard]] std::optional<Clock::time_point> next_due() const {
    if (marks_.empty()) return std::nullopt;
    return marks_.front().when;
  }

  /// Takes what the sender has, one block at most. False: the connection is broken.
  bool read(Clock::time_point now) {
    const std::size_t used = arrived_ % block_bytes;
    if (used == 0 && blocks_.size() * block_bytes == arrived_ - first_block_at_) blocks_.push_back(pool_.take());
    std::size_t room = block_bytes - used;
    if (options_.window_bytes != 0) room = std::min<std::size_t>(room, options_.window_bytes - (arrived_ - left_));
    const ssize_t got = ::recv(from_, blocks_.back().get() + used, room, 0);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) ended_ = true;
    arrived_ += static_cast<std::uint64_t>(got);
    marks_.push_back({now + options_.delay, arrived_});  // the end of the stream travels as long as its bytes
    return true;
  }

  /// Delivers what is due, as far as the receiver takes it. False: the connection is broken.
  bool write(Clock::time_point now) {
    while (!marks_.empty() && marks_.front().when <= now) {
      due_ = marks_.front().end;
      marks_.pop_front();
    }
    while (left_ < due_) {
      const std::size_t start = left_ - first_block_at_;
      const std::size_t size = std::min<std::uint64_t>(block_bytes - start, due_ - left_);
      const ssize_t sent = ::send(to_, blocks_.front().get() + start, size, MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN || errno == EINTR;
      left_ += static_cast<std::uint64_t>(sent);
      if (left_ - first_block_at_ == block_bytes) {
        pool_.give_back(std::move(blocks_.front()));
        blocks_.pop_front();
        first_block_at_ += block_bytes;
      }
    }
    if (ended_ && !shut_ && marks_.empty() && left_ == arrived_) {
      ::shutdown(to_, SHUT_WR);
      shut_ = true;
    }
    return true;
  }

 private:
  struct Mark {
    Clock::time_point when;
    std::uint64_t end;  // everything before this position is due then
  };

  int from_;
  int to_;
  const Options& options_;
  BlockPool& pool_;
  std::deque<Block> blocks_;
  std::deque<Mark> marks_;
  std::uint64_t first_block_at_ = 0;
  std::uint64_t left_ = 0;
  std::uint64_t due_ = 0;
  std::uint64_t arrived_ = 0;
  bool ended_ = false;
  bool shut_ = false;
};

struct Link {
  Link(Fd client_fd, Fd server_fd, const Options& options, BlockPool& pool)
      : client(std::move(client_fd)),
        server(std::move(server_fd)),
        there(client.get(), server.get(), options, pool),
        back(server.get(), client.get(), options, pool) {}

  Fd client;
  Fd server;
  Direction there;
  Direction back;
};

void set_up(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Fd listen_on(std::uint16_t port) {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  socklen_t size = sizeof address;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 || ::listen(fd.get(), 64) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    fail("cannot listen on 127.0.0.1:" + std::to_string(port) + ": " + system_message());
  }
  std::printf("{\"port\": %d}\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return fd;
}

/// Accepts what waits. A client the server does not want is closed at once, as the server would.
void accept_all(int listener, const Options& options, BlockPool& pool, std::list<Link>& links) {
  for (;;) {
    Fd client(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (client.get() < 0) return;
    Fd server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // Blocking is right on loopback: the kernel answers at once, with a connection or a refusal.
    if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&options.connect), sizeof options.connect) != 0) {
      std::fprintf(stderr, "delay_proxy: cannot reach the server: %s\n", system_message().c_str());
      continue;
    }
    set_up(client.get());
    set_up(server.get());
    links.emplace_back(std::move(client), std::move(server), options, pool);
  }
}

short interest(const Direction& in, const Direction& out) {
  const int events = (in.wants_read() ? POLLIN : 0) | (out.wants_write() ? POLLOUT : 0);
  return static_cast<short>(events);
}

bool serve(Link& link, short client_events, short server_events) {
  const auto now = Clock::now();
  // A reset shows as POLLERR; reading or writing then reports it. POLLHUP alone is an end that read() has seen or will.
  const bool broken = ((client_events | server_events) & (POLLERR | POLLNVAL)) != 0;
  if (broken) return false;
  if ((client_events & (POLLIN | POLLHUP)) != 0 && link.there.wants_read() && !link.there.read(now)) return false;
  if ((server_events & (POLLIN | POLLHUP)) != 0 && link.back.wants_read() && !link.back.read(now)) return false;
  if (!link.there.write(now) || !link.back.write(now)) return false;
  return !(link.there.finished() && link.back.finished());
}

[[noreturn]] void run(const Options& options) {
  BlockPool pool;  // outlives the links
  std::list<Link> links;
  const Fd listener = listen_on(options.listen_port);
  std::vector<pollfd> polled;
  for (;;) {
    polled.assign(1, {listener.get(), POLLIN, 0});
    std::optional<Clock::time_point> next;
    for (const Link& link : links) {
      polled.push_back({link.client.get(), interest(link.there, link.back), 0});
      polled.push_back({link.server.get(), interest(link.back, link.there), 0});
      for (const auto& due : {link.there.next_due(), link.back.next_due()}) {
        if (due && (!next || *due < *next)) next = due;
      }
    }
    timespec wait{};
    if (next) {
      const auto left = std::max(Clock::duration::zero(), *next - Clock::now());
      const auto whole = std::chrono::duration_cast<std::chrono::seconds>(left);
      wait = {whole.count(), std::chrono::nanoseconds(left - whole).count()};
    }
    if (::ppoll(polled.data(), polled.size(), next ? &wait : nullptr, nullptr) < 0 && errno != EINTR) {
      fail("poll: " + system_message());
    }
    std::size_t at = 1;
    for (auto link = links.begin(); link != links.end(); at += 2) {
      link = serve(*link, polled[at].revents, polled[at + 1].revents) ? std::next(link) : links.erase(link);
    }
    if (polled[0].revents != 0) accept_all(listener.get(), options, pool, links);
  }
}

template <typename Number>
Number number(std::string_view option, std::string_view text, Number most) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > most) {
    fail(std::string(option) + ": not a number up to " + std::to_string(most) + ": " + std::string(text));
  }
  return value;
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view option = argv[i];
    if (i + 1 == argc) fail(std::string(option) + " needs a value");
    const std::string value = argv[i + 1];
    if (option == "--listen") {
      options.listen_port = number<std::uint16_t>(option, value, 65535);
    } else if (option == "--delay-ms") {
      options.delay = std::chrono::milliseconds(number<std::uint32_t>(option, value, 60'000));
    } else if (option == "--window-bytes") {
      options.window_bytes = number<std::uint64_t>(option, value, std::uint64_t{1} << 40);
    } else if (option == "--connect") {
      const std::size_t colon = value.rfind(':');
      options.connect.sin_family = AF_INET;
      if (colon == std::string::npos ||
          ::inet_pton(AF_INET, value.substr(0, colon).c_str(), &options.connect.sin_addr) != 1) {
        fail("--connect takes an IPv4 address and a port, as 127.0.0.1:9092, not " + value);
      }
      options.connect.sin_port = htons(number<std::uint16_t>(option, std::string_view(value).substr(colon + 1), 65535));
    } else {
      fail("unknown option " + std::string(option));
    }
  }
  if (options.connect.sin_port == 0) fail("--connect HOST:PORT is missing");
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  run(parse(argc, argv));
}
