// What moving bytes costs when nothing is done with them: the yardstick of bench/versus, and the place where ways of
// moving them are compared.
//
//   relay --sink --listen PORT [--expect BYTES]       swallows what comes, until the sender ends, or so much
//   relay --listen PORT --connect PORT                the plain relay: recv into one buffer, send from it
//         [--buffer-bytes N] [--method rw|splice|uring-multishot]
//   relay --source PORT --connect PORT                the same on an event loop of shunt's, connected to both sides
//         --method epoll|io_uring
//   relay --generate BYTES --connect PORT             sends so many bytes; with --listen PORT to who connects there
//   relay --send-file FILE ... --connect PORT         sends files from the page cache, as a broker does its log
//
// Everything on loopback, one connection, one thread for the bytes. What the target answers is carried back by a second
// thread (the event loops do not: shunt's sides are two conversations). Prints one JSON line at the end: bytes, wall
// and CPU seconds, calls.
#include "relay.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

namespace shunt::bench {

int check(std::int64_t result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return static_cast<int>(result);
}

namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

void no_delay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

int accept_from(std::uint16_t port) {
  const int listener = check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in address = loopback(port);
  check(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
  check(listen(listener, 1), "listen");
  fmt::print(stderr, "listening\n");
  const int peer = check(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC), "accept");
  close(listener);
  no_delay(peer);
  return peer;
}

int connect_to(std::uint16_t port) {
  const int fd = check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  no_delay(fd);
  const sockaddr_in address = loopback(port);
  check(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), "connect");
  return fd;
}

void send_all(int fd, std::span<const std::byte> bytes, Counters& counters) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    check(sent, "send");
    ++counters.sends;
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
}

namespace {

void generate(const Options& options, Counters& counters) {
  std::vector<std::byte> buffer(options.buffer_bytes);
  // Text-like bytes; nobody compresses them, so any will do.
  for (std::size_t i = 0; i < buffer.size(); ++i) buffer[i] = static_cast<std::byte>('a' + i * 31 % 26);
  const int to = options.listen != 0 ? accept_from(options.listen) : connect_to(options.connect);
  while (counters.bytes < options.generate) {
    const std::size_t size = std::min<std::uint64_t>(buffer.size(), options.generate - counters.bytes);
    send_all(to, std::span(buffer).first(size), counters);
    counters.bytes += size;
  }
  close(to);
}

void send_files(const Options& options, Counters& counters) {
  const int to = connect_to(options.connect);
  for (const std::string& path : options.files) {
    const int file = check(open(path.c_str(), O_RDONLY | O_CLOEXEC), path.c_str());
    while (true) {
      const ssize_t sent = sendfile(to, file, nullptr, options.buffer_bytes);
      if (sent < 0 && errno == EINTR) continue;
      if (check(sent, "sendfile") == 0) break;
      ++counters.sends;
      counters.bytes += static_cast<std::uint64_t>(sent);
    }
    close(file);
  }
  close(to);
}

void relay(const Options& options, Counters& counters) {
  const int from = accept_from(options.listen);
  const int to = connect_to(options.connect);
  std::thread answers([&] {
    try {
      Counters uncounted;
      copy_with_calls(to, from, 1U << 16, uncounted);
      shutdown(from, SHUT_WR);
    } catch (const std::system_error&) {
      // The requester ended without waiting for answers.
    }
  });
  try {
    if (options.method == "splice") {
      copy_with_splice(from, to, options.buffer_bytes, counters);
    } else if (options.method == "uring-multishot") {
      copy_with_multishot(from, to, options, counters);
    } else {
      copy_with_calls(from, to, options.buffer_bytes, counters);
    }
  } catch (...) {
    shutdown(to, SHUT_RDWR);
    answers.join();
    throw;
  }
  shutdown(to, SHUT_WR);
  answers.join();
  close(to);
  close(from);
}

void run(const Options& options, Counters& counters) {
  if (options.generate > 0) {
    generate(options, counters);
  } else if (!options.files.empty()) {
    send_files(options, counters);
  } else if (options.sink) {
    const int from = accept_from(options.listen);
    swallow(from, options.buffer_bytes, options.expect, counters);
    close(from);
  } else if (options.source != 0) {
    copy_with_loop(options, counters);
  } else {
    relay(options, counters);
  }
}

template <class Number>
Number number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.begin(), text.end(), value);
  if (error != std::errc() || end != text.end()) throw std::invalid_argument(fmt::format("not a number: {}", text));
  return value;
}

Options parse(std::span<char*> arguments) {
  Options options;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view name = arguments[i];
    if (name == "--sink") {
      options.sink = true;
      continue;
    }
    if (name == "--no-poll-first") {
      options.poll_first = false;
      continue;
    }
    if (name == "--no-defer-taskrun") {
      options.defer_taskrun = false;
      continue;
    }
    if (i + 1 == arguments.size()) throw std::invalid_argument(fmt::format("{} needs a value", name));
    const std::string_view value = arguments[++i];
    if (name == "--generate") {
      options.generate = number<std::uint64_t>(value);
    } else if (name == "--send-file") {
      options.files.emplace_back(value);
    } else if (name == "--expect") {
      options.expect = number<std::uint64_t>(value);
    } else if (name == "--listen") {
      options.listen = number<std::uint16_t>(value);
    } else if (name == "--source") {
      options.source = number<std::uint16_t>(value);
    } else if (name == "--connect") {
      options.connect = number<std::uint16_t>(value);
    } else if (name == "--buffer-bytes") {
      options.buffer_bytes = number<std::size_t>(value);
    } else if (name == "--buffers") {
      options.buffers = number<std::size_t>(value);
    } else if (name == "--at-least") {
      options.at_least = number<std::size_t>(value);
    } else if (name == "--method") {
      options.method = value;
    } else {
      throw std::invalid_argument(fmt::format("unknown option {}", name));
    }
  }
  constexpr std::size_t most_bytes = std::size_t{1} << 30;
  if (options.buffer_bytes == 0 || options.buffer_bytes > most_bytes) {
    throw std::invalid_argument("--buffer-bytes takes 1 to 1073741824");
  }
  options.at_least = std::clamp<std::size_t>(options.at_least, 1, options.buffer_bytes);
  const bool on_a_loop = options.method == "epoll" || options.method == "io_uring";
  if (!on_a_loop && options.method != "rw" && options.method != "splice" && options.method != "uring-multishot") {
    throw std::invalid_argument("--method takes rw, splice, uring-multishot, epoll or io_uring");
  }
  if (on_a_loop != (options.source != 0)) {
    throw std::invalid_argument("--source goes with --method epoll or io_uring, and these with it");
  }
  if (options.listen == 0 && options.connect == 0) throw std::invalid_argument("--listen or --connect is missing");
  return options;
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

int main(std::span<char*> arguments) {
  try {
    const Options options = parse(arguments);
    const auto began = std::chrono::steady_clock::now();
    Counters counters;
    run(options, counters);
    const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    fmt::print(R"({{"bytes": {}, "wall_seconds": {:.6f}, "user_seconds": {:.6f}, "system_seconds": {:.6f}, )"
               R"("receives": {}, "sends": {}, "waits": {}}})"
               "\n",
               counters.bytes, wall, seconds(usage.ru_utime), seconds(usage.ru_stime), counters.receives,
               counters.sends, counters.waits);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "relay: {}\n", error.what());
    return 1;
  }
}

}  // namespace
}  // namespace shunt::bench

int main(int count, char** arguments) {
  return shunt::bench::main({arguments, static_cast<std::size_t>(count)});
}
