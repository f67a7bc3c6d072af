#include "net/loop.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include "net/epoll_loop.h"
#include "net/io_uring_loop.h"

namespace shunt::net {

// ---- Endpoint -------------------------------------------------------------------------------------------------------

Endpoint Endpoint::from_ip(const std::string& ip, std::uint16_t port) {
  Endpoint endpoint;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET, ip.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&endpoint.address, &v4, sizeof v4);
    endpoint.length = sizeof v4;
  } else if (inet_pton(AF_INET6, ip.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&endpoint.address, &v6, sizeof v6);
    endpoint.length = sizeof v6;
  } else {
    throw std::invalid_argument("not an IP address: " + ip);
  }
  return endpoint;
}

std::string Endpoint::to_string() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return fmt::format("[{}]:{}", text, ntohs(v6.sin6_port));
  }
  sockaddr_in v4{};
  std::memcpy(&v4, &address, sizeof v4);
  inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
  return fmt::format("{}:{}", text, ntohs(v4.sin_port));
}

std::string Stream::explain(int error) const {
  return std::strerror(error);
}

// ---- Timers ---------------------------------------------------------------------------------------------------------

Loop::~Loop() = default;

bool Loop::Earlier::operator()(const Timer* a, const Timer* b) const {
  return a->deadline_ != b->deadline_ ? a->deadline_ < b->deadline_ : a->order_ < b->order_;
}

void Timer::set(Time deadline) {
  cancel();
  deadline_ = deadline;
  order_ = ++loop_.next_timer_order_;
  armed_ = true;
  loop_.timers_.insert(this);
}

void Timer::cancel() {
  if (!armed_) return;
  loop_.timers_.erase(this);
  armed_ = false;
}

void Loop::run_due_timers() {
  // A timer that is armed anew in a callback waits for the next round, however early its deadline: whoever re-arms for
  // ever stops neither the loop nor the other timers.
  const std::uint64_t last_order = next_timer_order_;
  while (true) {
    const auto next = std::ranges::find_if(timers_, [&](const Timer* timer) { return timer->order_ <= last_order; });
    if (next == timers_.end() || (*next)->deadline_ > now_) return;
    Timer* timer = *next;
    timer->cancel();
    // The callback may destroy the timer, and the function with it.
    const std::function<void()> expired = timer->expired_;
    expired();
  }
}

void Loop::run_once(Time latest) {
  update_now();
  poll(timers_.empty() ? latest : std::min(latest, (*timers_.begin())->deadline_));
  run_due_timers();
}

// ---- Choice ---------------------------------------------------------------------------------------------------------

std::unique_ptr<Loop> make_loop(const IoOptions& options, std::string* why_not_io_uring) {
  if (options.kind == IoKind::epoll) return std::make_unique<EpollLoop>(options);
  try {
    return std::make_unique<IoUringLoop>(options);
  } catch (const std::system_error& error) {
    const int code = error.code().value();
    const bool refused = code == EPERM || code == ENOSYS || code == ENOMEM;
    if (options.kind == IoKind::io_uring || !refused) throw;
    if (why_not_io_uring != nullptr) *why_not_io_uring = error.what();
    return std::make_unique<EpollLoop>(options);
  }
}

}  // namespace shunt::net
