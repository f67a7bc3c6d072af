// TCP as the replicator sees it, simulated: connections that deliver bytes in order, in pieces of any size, after any
// delay, and that break at any moment; a net::Loop on top of them.
//
// Bytes of a send() are read from the caller's memory when they "leave", not when send() is called, and a receive()
// writes into the caller's memory when bytes "arrive": a buffer used again too early is therefore seen as damaged data.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "net/loop.h"
#include "tests/sim/world.h"

namespace shunt::sim {

class SimStream;

/// One connection, as the simulated broker holds it. Shared by both ends; survives either.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(World& world, std::uint64_t id) : world_(world), id_(id) {}

  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] bool open() const { return !broken_; }

  // ---- broker side ----
  std::function<void(std::vector<std::byte>)> on_bytes;  // from the client, in order
  void answer(std::vector<std::byte> bytes);

  /// Breaks the connection. What has reached the broker stays there; what was under way is lost in both directions.
  void reset();

 private:
  friend class SimStream;
  void deliver_answers();

  World& world_;
  const std::uint64_t id_;
  bool broken_ = false;
  SimStream* client_ = nullptr;  // null: the client is gone
  std::deque<std::byte> to_client_;
  bool delivering_ = false;
  net::Time last_arrival_{};  // at the broker: pieces do not overtake each other
};

/// Listening brokers by port.
class Network {
 public:
  explicit Network(World& world) : world_(world) {}

  World& world() { return world_; }
  void listen(std::uint16_t port, std::function<void(std::shared_ptr<Connection>)> accept) {
    listeners_[port] = std::move(accept);
  }
  void close_port(std::uint16_t port) { listeners_.erase(port); }
  std::shared_ptr<Connection> connect(std::uint16_t port);

  /// How rough the network is.
  double slice_probability = 0.3;  // a piece of data is cut in two on the way
  std::int64_t max_delay_us = 400;

 private:
  World& world_;
  std::uint64_t next_id_ = 0;
  std::map<std::uint16_t, std::function<void(std::shared_ptr<Connection>)>> listeners_;
};

/// One plane of a simulated process. Unlike a real loop it never waits: run_once(Time::max()) delivers what is there;
/// whoever drives the simulation lets time pass, and calls again when `stir` was called or wake_at() has come.
class SimLoop final : public net::Loop {
 public:
  SimLoop(Network& network, std::function<void()> stir) : network_(network), stir_(std::move(stir)) { update_now(); }
  ~SimLoop() override;

  std::unique_ptr<net::Stream> make_stream(net::StreamEvents& events) override;
  void wake() override { stir_(); }
  [[nodiscard]] const char* name() const override { return "simulation"; }

  /// Delivers until nothing more is to be done now. `may_go_on` is asked before every event; when it says no, the rest is
  /// left, and false returned.
  bool run(const std::function<bool()>& may_go_on, const std::function<bool()>& turn);
  /// The first timer's deadline, after run().
  [[nodiscard]] net::Time wake_at() const { return wake_at_; }

 protected:
  void poll(net::Time latest) override;

 private:
  friend class SimStream;
  struct Ready {
    SimStream* stream;
    std::function<void()> deliver;
  };
  void ready(SimStream* stream, std::function<void()> deliver) {
    ready_.push_back({stream, std::move(deliver)});
    stir_();
  }
  void forget(SimStream* stream);

  Network& network_;
  std::function<void()> stir_;
  std::deque<Ready> ready_;
  net::Time wake_at_ = net::Time::max();
  const std::function<bool()>* may_go_on_ = nullptr;
  bool is_cut_ = false;
};

class SimStream final : public net::Stream {
 public:
  SimStream(SimLoop& loop, Network& network, net::StreamEvents& events)
      : loop_(loop), network_(network), events_(events) {}
  ~SimStream() override;

  void connect(const net::Endpoint& endpoint) override;
  void receive(std::span<std::byte> into, std::size_t at_least) override;
  void set_at_least(std::size_t at_least) override;
  void send(std::span<const iovec> pieces) override;
  void close() override;

 private:
  friend class Connection;
  void transmit();
  void arrived(std::vector<std::byte> bytes);
  void broken();
  void try_complete_receive();

  SimLoop& loop_;
  Network& network_;
  net::StreamEvents& events_;
  std::shared_ptr<Connection> connection_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  bool closing_ = false;

  bool receiving_ = false;
  std::span<std::byte> into_;
  std::size_t at_least_ = 0;
  std::deque<std::byte> arrived_;
  bool peer_gone_ = false;

  std::vector<iovec> sending_;
  std::size_t sending_index_ = 0;
  std::size_t sending_offset_ = 0;
  bool send_under_way_ = false;
};

}  // namespace shunt::sim
