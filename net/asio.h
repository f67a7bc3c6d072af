// Boost.Asio as the control plane uses it: one io_context on one thread, C++20 coroutines, no strands, no locks.
// (The data path does not: its loops are net/loop.h.)
#pragma once

#include <algorithm>
#include <list>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/alarm.h"
#include "net/machine.h"

namespace shunt::net {

namespace asio = boost::asio;

template <class T = void>
using Awaitable = asio::awaitable<T>;

/// Completion token: resumes the coroutine with a tuple that begins with the error code, never throws it.
inline constexpr auto with_error = asio::as_tuple(asio::use_awaitable);

/// Suspends the calling coroutine.
inline Awaitable<> sleep_until(Time time) {
  Alarm alarm(co_await asio::this_coro::executor, time);
  co_await alarm.wait();
}
inline Awaitable<> sleep_for(Duration duration) {
  const Time time = now() + duration;
  co_await sleep_until(time);
}

/// Between attempts that cost the peer little: each wait is twice as long as the one before, up to a limit. (net/backoff.h
/// is for what many do at the same time.)
class GrowingPause {
 public:
  GrowingPause(Duration first, Duration longest) : next_(first), longest_(longest) {}

  /// Of the next wait().
  [[nodiscard]] Duration length() const { return next_; }
  Awaitable<> wait() {
    const Duration pause = std::exchange(next_, std::min(next_ * 2, longest_));
    co_await sleep_for(pause);
  }

 private:
  Duration next_;
  Duration longest_;
};

/// Something coroutines wait for that another one announces. Waiters look at the state the announcement is about
/// themselves, in a loop: an announcement wakes those that wait, and is not remembered. Must outlive its waiters.
class Signal {
 public:
  explicit Signal(asio::any_io_executor executor) : executor_(std::move(executor)) {}
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  void announce() {
    for (Alarm& waiter : waiters_) waiter.cancel();
  }

  /// Until announced, or until `deadline`.
  Awaitable<> wait(Time deadline) {
    struct Waiter {
      Waiter(Signal& owner, Time deadline)
          : signal(owner), alarm(owner.waiters_.emplace(owner.waiters_.end(), owner.executor_, deadline)) {}
      ~Waiter() { signal.waiters_.erase(alarm); }
      Waiter(const Waiter&) = delete;
      Waiter& operator=(const Waiter&) = delete;
      Signal& signal;
      std::list<Alarm>::iterator alarm;
    };
    Waiter waiter(*this, deadline);
    co_await waiter.alarm->wait();
  }

 private:
  asio::any_io_executor executor_;
  std::list<Alarm> waiters_;
};

}  // namespace shunt::net
