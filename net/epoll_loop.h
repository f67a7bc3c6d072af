// net::Loop on epoll, edge triggered: a stream is registered once, and SO_RCVLOWAT decides when "readable" is news.
#pragma once

#include <array>
#include <deque>
#include <span>

#include <sys/epoll.h>

#include "net/loop.h"
#include "net/socket.h"

namespace shunt::net {

class EpollStream;

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

  void wait(Time latest);
  void deliver();
  void forget(EpollStream* stream);

  const IoOptions options_;
  int epoll_ = -1;
  int wake_ = -1;
  std::array<epoll_event, 64> events_{};
  std::span<epoll_event> batch_;  // being dispatched
  std::deque<Outcome> outcomes_;  // to be delivered
  int rounds_without_wait_ = 0;
};

}  // namespace shunt::net
