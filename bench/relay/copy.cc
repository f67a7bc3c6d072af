// The ways with one call a move: recv and send, or splice through a pipe (no copy in user space, and none saved: the
// kernel still copies out of one socket's buffers when the other sends).
#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay.h"

namespace shunt::bench {

void copy_with_calls(int from, int to, std::size_t buffer_bytes, Counters& counters) {
  std::vector<std::byte> buffer(buffer_bytes);
  while (true) {
    const ssize_t received = recv(from, buffer.data(), buffer.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    check(received, "recv");
    ++counters.receives;
    if (received == 0) return;
    counters.bytes += static_cast<std::uint64_t>(received);
    send_all(to, std::span(buffer).first(static_cast<std::size_t>(received)), counters);
  }
}

void swallow(int from, std::size_t buffer_bytes, std::uint64_t expect, Counters& counters) {
  std::vector<std::byte> buffer(buffer_bytes);
  while (counters.bytes < expect) {
    const ssize_t received = recv(from, buffer.data(), buffer.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    check(received, "recv");
    ++counters.receives;
    if (received == 0) return;
    counters.bytes += static_cast<std::uint64_t>(received);
  }
}

void copy_with_splice(int from, int to, std::size_t pipe_bytes, Counters& counters) {
  int pipe_ends[2];
  check(pipe2(pipe_ends, O_CLOEXEC), "pipe2");
  // The kernel takes less where fs.pipe-max-size says so, and then the moves are smaller.
  fcntl(pipe_ends[1], F_SETPIPE_SZ, static_cast<int>(pipe_bytes));
  while (true) {
    const int received = check(splice(from, nullptr, pipe_ends[1], nullptr, pipe_bytes, SPLICE_F_MOVE), "splice");
    ++counters.receives;
    if (received == 0) break;
    counters.bytes += static_cast<std::uint64_t>(received);
    for (int left = received; left > 0; ++counters.sends) {
      left -=
          check(splice(pipe_ends[0], nullptr, to, nullptr, static_cast<std::size_t>(left), SPLICE_F_MOVE), "splice");
    }
  }
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

}  // namespace shunt::bench
