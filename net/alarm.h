// A deadline of the control plane, which coroutines and callbacks wait for: an Asio timer, or an entry in a simulation's
// calendar (net/machine.h). (The data path has net::Timer.)
#pragma once

#include <functional>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/machine.h"

namespace shunt::net {

class Alarm {
 public:
  explicit Alarm(const boost::asio::any_io_executor& executor, Time deadline = Time::max())
      : machine_(simulated_machine), timer_(executor, Time::max()) {
    set(deadline);
  }
  ~Alarm() {
    if (machine_ != nullptr) machine_->forget(*this);
  }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  /// Who waits is woken first, and its callback forgotten.
  void set(Time deadline) {
    if (machine_ == nullptr) {
      timer_.expires_at(deadline);
      return;
    }
    // Asio's own clock is real: its timer is left to run for ever, and is only ever cancelled.
    machine_->forget(*this);
    expired_ = nullptr;
    timer_.cancel();
    machine_->set(*this, deadline);
  }

  /// Wakes who waits before the deadline; its callback is forgotten.
  void cancel() { set(Time::max()); }

  /// Until the deadline, or until cancelled.
  boost::asio::awaitable<void> wait() { co_await timer_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable)); }

  /// Calls `expired` at the deadline. A call that is due already when the alarm is set anew or destroyed comes all the
  /// same.
  void on_expiry(std::function<void()> expired) {
    if (machine_ != nullptr) {
      expired_ = std::move(expired);
      return;
    }
    timer_.async_wait([expired = std::move(expired)](const boost::system::error_code& error) {
      if (!error) expired();
    });
  }

  /// The simulation's: the deadline is there.
  void ring() {
    timer_.cancel();
    if (expired_) boost::asio::post(timer_.get_executor(), std::exchange(expired_, nullptr));
  }

 private:
  SimulatedMachine* machine_;
  boost::asio::steady_timer timer_;
  std::function<void()> expired_;  // of on_expiry(), in a simulation
};

}  // namespace shunt::net
