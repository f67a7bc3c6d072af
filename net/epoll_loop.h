// net::Loop on epoll, edge triggered: a socket is registered once, and SO_RCVLOWAT decides when "readable" is news.
//
// A send is tried inside the call; what it came to is told by the next run_once(), as everything is. A receive costs no
// system call but the recv() that brings its bytes, unless it asks for another `at_least` than the one before it.
#pragma once

#include <array>
#include <cstdint>
#include <deque>

#include <sys/epoll.h>

#include "net/loop.h"
#include "net/socket.h"

namespace shunt::net {

class EpollStream;

/// Its streams must be destroyed before it.
class EpollLoop final : public Loop {
 public:
  /// Throws std::system_error.
  explicit EpollLoop(const IoOptions& options);
  ~EpollLoop() override;

  std::unique_ptr<Stream> make_stream(StreamEvents& events) override;
  void wake() override;
  [[nodiscard]] const char* name() const override { return "epoll"; }

 protected:
  void poll(Time latest) override;

 private:
  friend class EpollStream;
  enum class What : std::uint8_t { connected, received, sent, closed };
  struct Outcome {
    EpollStream* stream;
    What what;
    std::size_t size;
    int error;
  };

  void close_all();
  void wait(Time latest);
  int wait_for_events(Duration left);
  void deliver();
  void forget(EpollStream* stream);

  const IoOptions options_;
  int epoll_ = -1;
  int wake_ = -1;
  bool has_nanoseconds_ = true;  // epoll_pwait2 (5.11), until it is refused
  std::array<epoll_event, 64> events_{};
  std::deque<Outcome> outcomes_;  // to be delivered
  int rounds_without_wait_ = 0;
};

}  // namespace shunt::net
