// The control plane's connections on the simulated network: coroutines on top of the same streams that the data path
// has, with the same misfortunes.
#pragma once

#include <memory>

#include <boost/asio/io_context.hpp>

#include "net/channel.h"
#include "tests/sim/network.h"

namespace shunt::sim {

/// A control plane's: only ever polled.
class Context : public boost::asio::io_context {
 public:
  Context() : io_context(1) {}
  /// Destroys every coroutine that waits.
  void abandon() { shutdown(); }
};

/// Of one process. `loop` must outlive its channels; every host name means this machine.
class SimNetwork final : public net::Network {
 public:
  explicit SimNetwork(SimLoop& loop) : loop_(loop) {}
  net::Awaitable<Resolved> resolve(net::HostPort address) override;
  std::unique_ptr<net::Channel> make_channel(const net::asio::any_io_executor& executor) override;

 private:
  SimLoop& loop_;
};

}  // namespace shunt::sim
