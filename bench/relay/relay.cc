// What moving bytes costs when nothing is done with them: the yardstick of bench/versus.
//
//   relay --sink --listen PORT                                swallows what comes, until the sender ends
//   relay --listen PORT --connect PORT [--buffer-bytes N]     the plain relay: recv into one buffer, send from it
//   relay --generate BYTES --connect PORT                     sends so many bytes
//
// Everything on loopback, one connection, one thread. Prints one JSON line at the end: bytes, wall and CPU seconds,
// calls.
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

struct Options {
  bool sink = false;
  std::uint64_t generate = 0;
  std::uint16_t listen = 0;
  std::uint16_t connect = 0;
  std::size_t buffer_bytes = std::size_t{1} << 20;
};

struct Counters {
  std::uint64_t bytes = 0;
  std::uint64_t receives = 0;
  std::uint64_t sends = 0;
};

int check(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

int accept_one(std::uint16_t port) {
  const int listener = check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in address = loopback(port);
  check(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
  check(listen(listener, 1), "listen");
  fmt::print(stderr, "listening\n");
  const int peer = check(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC), "accept");
  close(listener);
  return peer;
}

int connect_to(std::uint16_t port) {
  const int fd = check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const sockaddr_in address = loopback(port);
  check(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), "connect");
  return fd;
}

void send_all(int fd, const std::byte* bytes, std::size_t size, Counters& counters) {
  while (size > 0) {
    const ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    check(static_cast<int>(sent < 0 ? -1 : 0), "send");
    ++counters.sends;
    bytes += sent;
    size -= static_cast<std::size_t>(sent);
  }
}

void run(const Options& options, Counters& counters) {
  std::vector<std::byte> buffer(options.buffer_bytes);
  if (options.generate > 0) {
    // Text-like bytes; nobody compresses them, so any will do.
    for (std::size_t i = 0; i < buffer.size(); ++i) buffer[i] = static_cast<std::byte>('a' + i * 31 % 26);
    const int to = connect_to(options.connect);
    while (counters.bytes < options.generate) {
      const std::size_t size = std::min<std::uint64_t>(buffer.size(), options.generate - counters.bytes);
      send_all(to, buffer.data(), size, counters);
      counters.bytes += size;
    }
    close(to);
    return;
  }
  const int from = accept_one(options.listen);
  const int to = options.sink ? -1 : connect_to(options.connect);
  while (true) {
    const ssize_t received = recv(from, buffer.data(), buffer.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    check(static_cast<int>(received < 0 ? -1 : 0), "recv");
    ++counters.receives;
    if (received == 0) break;
    counters.bytes += static_cast<std::uint64_t>(received);
    if (to >= 0) send_all(to, buffer.data(), static_cast<std::size_t>(received), counters);
  }
  if (to >= 0) close(to);
  close(from);
}

std::uint64_t number(std::string_view text) {
  char* end = nullptr;
  const std::string copy(text);
  const unsigned long long value = std::strtoull(copy.c_str(), &end, 10);
  if (copy.empty() || *end != '\0') throw std::invalid_argument("not a number: " + copy);
  return value;
}

Options parse(int count, char** arguments) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string_view name = arguments[i];
    if (name == "--sink") {
      options.sink = true;
      continue;
    }
    if (i + 1 == count) throw std::invalid_argument(std::string(name) + " needs a value");
    const std::uint64_t value = number(arguments[++i]);
    if (name == "--generate") {
      options.generate = value;
    } else if (name == "--listen") {
      options.listen = static_cast<std::uint16_t>(value);
    } else if (name == "--connect") {
      options.connect = static_cast<std::uint16_t>(value);
    } else if (name == "--buffer-bytes") {
      options.buffer_bytes = value;
    } else {
      throw std::invalid_argument("unknown option " + std::string(name));
    }
  }
  return options;
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const Options options = parse(count, arguments);
    const auto began = std::chrono::steady_clock::now();
    Counters counters;
    run(options, counters);
    const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    fmt::print(
        R"({{"bytes": {}, "wall_seconds": {:.6f}, "user_seconds": {:.6f}, "system_seconds": {:.6f}, "receives": {}, "sends": {}}})"
        "\n",
        counters.bytes, wall, seconds(usage.ru_utime), seconds(usage.ru_stime), counters.receives, counters.sends);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "relay: {}\n", error.what());
    return 1;
  }
}
