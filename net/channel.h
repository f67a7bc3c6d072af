// TCP as the control plane uses it: names that are resolved, byte streams that coroutines wait for. The only seam between
// the control plane and the network: Asio's sockets, or the simulated network of tests/sim. (The data path's seam is
// net/loop.h.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <boost/system/error_code.hpp>

#include "net/asio.h"
#include "net/loop.h"

namespace shunt::net {

/// An address as users and brokers write it.
struct HostPort {
  std::string host;  // a name, an IPv4 address, or an IPv6 address without brackets
  std::uint16_t port = 0;

  auto operator<=>(const HostPort&) const = default;
  [[nodiscard]] std::string to_string() const;  // "host:9092", "[::1]:9092"
};

/// One connection, with at most one read and one write under way. Must outlive them.
class Channel {
 public:
  struct Received {
    boost::system::error_code error;  // asio::error::eof: the peer has closed its side
    std::size_t size = 0;
  };

  virtual ~Channel() = default;
  virtual Awaitable<boost::system::error_code> connect(Endpoint endpoint) = 0;
  /// Waits for one byte at least. `into` must stay valid until then.
  virtual Awaitable<Received> read_some(std::span<std::byte> into) = 0;
  /// All of `bytes`, which must stay valid until then.
  virtual Awaitable<boost::system::error_code> write(std::span<const std::byte> bytes) = 0;
  /// Ends the connection at once, and what is under way on it with an error.
  virtual void close() = 0;
};

class Network {
 public:
  struct Resolved {
    boost::system::error_code error;
    std::vector<Endpoint> endpoints;
  };

  virtual ~Network() = default;
  virtual Awaitable<Resolved> resolve(HostPort address) = 0;
  virtual std::unique_ptr<Channel> make_channel(const asio::any_io_executor& executor) = 0;
};

/// The machine's own.
std::shared_ptr<Network> tcp_network();

}  // namespace shunt::net
