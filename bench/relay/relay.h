// What the parts of the relay share: its options, its counts, its sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace shunt::bench {

struct Options {
  std::uint64_t generate = 0;                                        // bytes to send; 0: this is no generator
  std::vector<std::string> files;                                    // to send, as a broker sends its log
  bool sink = false;                                                 // swallow instead of passing on
  std::uint64_t expect = std::numeric_limits<std::uint64_t>::max();  // bytes the sink ends after
  std::uint16_t listen = 0;   // where the source's side comes from, if it is not `source`
  std::uint16_t source = 0;   // connect there for it
  std::uint16_t connect = 0;  // where the bytes go
  std::string method = "rw";  // rw, splice, uring-multishot, epoll, io_uring
  std::size_t buffer_bytes = 1U << 20;
  std::size_t buffers = 4;          // uring-multishot: how many the ring holds
  std::size_t at_least = 1U << 20;  // bytes worth waking up for; rw and splice take what comes
  bool poll_first = true;           // io_uring
  bool defer_taskrun = true;        // io_uring and uring-multishot
};

struct Counters {
  std::uint64_t bytes = 0;
  std::uint64_t receives = 0;  // calls, or operations of a ring
  std::uint64_t sends = 0;
  std::uint64_t waits = 0;  // calls that wait for events, or hand operations to a ring
};

/// -1 becomes a std::system_error of errno.
int check(std::int64_t result, const char* what);

/// A blocking socket, from a listener on loopback or connected to a port there.
int accept_from(std::uint16_t port);
int connect_to(std::uint16_t port);
void send_all(int fd, std::span<const std::byte> bytes, Counters& counters);

// The methods: each passes on what comes until the sender ends, and fills `counters`.
void copy_with_calls(int from, int to, std::size_t buffer_bytes, Counters& counters);
void swallow(int from, std::size_t buffer_bytes, std::uint64_t expect, Counters& counters);
void copy_with_splice(int from, int to, std::size_t pipe_bytes, Counters& counters);
void copy_with_multishot(int from, int to, const Options& options, Counters& counters);
/// On one of shunt's own event loops (`method`), which connects to both sides as shunt does. Their close() drops what
/// is unsent, so the target ends the connection: its sink must know how much to expect.
void copy_with_loop(const Options& options, Counters& counters);

}  // namespace shunt::bench
