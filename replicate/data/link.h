// One connection of the data path to one broker: TCP connect, handshake, then bytes. Knows nothing of what is said on
// it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "net/handshake.h"
#include "net/loop.h"

namespace shunt::replicate {

struct LinkSettings {
  std::string client_id;
  net::Duration setup_timeout = std::chrono::seconds(10);  // connect and handshake together
};

class Link final : private net::StreamEvents {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void on_link_ready() = 0;
    /// Once for every open(), when the connection is over and no buffer handed to the link is in use any more.
    virtual void on_link_down(const std::string& reason) = 0;
    virtual void on_link_received(std::size_t size) = 0;
    virtual void on_link_sent() = 0;
  };

  /// `what` names the peer in messages: "source broker 3".
  Link(net::Loop& loop, LinkSettings settings, Owner& owner, std::string what);
  ~Link() override;

  void open(const net::Endpoint& endpoint);
  /// Ends the connection; on_link_down(reason) follows. The first reason is kept.
  void fail(const std::string& reason);

  [[nodiscard]] bool is_down() const { return state_ == State::down; }
  [[nodiscard]] bool is_ready() const { return state_ == State::ready; }
  [[nodiscard]] const std::string& peer() const { return peer_; }
  /// Valid when ready.
  [[nodiscard]] const net::ApiVersions& versions() const { return handshake_->versions(); }

  // As net::Stream, when ready.
  void receive(std::span<std::byte> into, std::size_t at_least) { stream_->receive(into, at_least); }
  void set_at_least(std::size_t at_least) { stream_->set_at_least(at_least); }
  void send(std::span<const iovec> pieces) { stream_->send(pieces); }

 private:
  enum class State { down, connecting, handshaking, ready, closing };

  void on_connected(int error) override;
  void on_received(std::size_t size, int error) override;
  void on_sent(int error) override;
  void on_closed() override;

  void send_handshake(std::vector<std::byte> bytes);
  void receive_handshake();
  void read_handshake();

  net::Loop& loop_;
  LinkSettings settings_;
  Owner& owner_;
  const std::string what_;
  std::string peer_;
  State state_ = State::down;
  std::string reason_;
  std::unique_ptr<net::Stream> stream_;
  std::unique_ptr<net::Handshake> handshake_;
  net::Timer setup_timer_;
  std::vector<std::byte> outgoing_;
  iovec outgoing_piece_{};
  std::vector<std::byte> incoming_;
  std::size_t filled_ = 0;
};

}  // namespace shunt::replicate
