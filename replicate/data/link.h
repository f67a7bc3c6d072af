// One connection of the data path to one broker: TCP connect, TLS, handshake, then bytes. Knows nothing of what is said on
// it.
//
// A broker may end a session after a while (KIP-368). Shortly before, on_link_session_ends() asks the owner to begin
// nothing new, and to call reauthenticate() when no answer is awaited any more; on_link_ready() then comes once more. A
// receive that the owner has under way stays so meanwhile.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "net/backoff.h"
#include "net/frame_reader.h"
#include "net/handshake.h"
#include "net/loop.h"
#include "net/security.h"

namespace shunt::replicate {

struct LinkSettings {
  std::string client_id;
  net::Duration setup_timeout = std::chrono::seconds(10);     // connect and handshakes together
  net::Duration backoff_min = std::chrono::milliseconds(50);  // reconnect.backoff.ms
  net::Duration backoff_max = std::chrono::seconds(1);        // reconnect.backoff.max.ms
  net::Security security = {};
};

class Link final : private net::StreamEvents {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    /// Connected and authenticated, for the first time or once more.
    virtual void on_link_ready() = 0;
    virtual void on_link_session_ends() = 0;
    /// Once for every open(), when the connection is over and no buffer handed to the link is in use any more.
    virtual void on_link_down(const std::string& reason) = 0;
    virtual void on_link_received(std::size_t size) = 0;
    virtual void on_link_sent() = 0;
  };

  /// `what` names the peer in messages: "source broker 3".
  Link(net::Loop& loop, LinkSettings settings, Owner& owner, std::string what);
  ~Link() override;

  /// `host`: whose address it is, for TLS. After a connection that has failed, or ended soon, the next one is made with a
  /// back-off: whatever is to go over the link waits for it. While that is long, after a refusal, it fails again at once.
  void open(const net::Endpoint& endpoint, const std::string& host);
  /// Ends the connection; on_link_down(reason) follows. The first reason is kept.
  void fail(const std::string& reason);

  /// The last connection failed because one of the two does not take the other for who it says it is.
  [[nodiscard]] bool was_refused() const { return was_refused_; }
  [[nodiscard]] bool is_down() const { return state_ == State::down; }
  [[nodiscard]] bool is_ready() const { return state_ == State::ready; }
  /// Ready, but not for long: only what is under way should be finished.
  [[nodiscard]] bool session_ends() const { return is_ready() && session_ends_; }
  /// After on_link_session_ends(), when the owner awaits no answer.
  void reauthenticate();
  [[nodiscard]] const std::string& peer() const { return peer_; }
  /// Valid when ready.
  [[nodiscard]] const net::ApiVersions& versions() const { return handshake_->versions(); }

  // As net::Stream, when ready.
  void receive(std::span<std::byte> into, std::size_t at_least);
  void set_at_least(std::size_t at_least);
  void send(std::span<const iovec> pieces) { stream_->send(pieces); }

 private:
  enum class State { down, waiting, connecting, handshaking, ready, closing };

  void on_connected(int error) override;
  void on_received(std::size_t size, int error) override;
  void on_sent(int error) override;
  void on_closed() override;

  void connect();
  void space_attempts();
  void shake_hands(std::vector<std::byte> bytes);
  void read_handshake();
  void follow_handshake(net::Handshake::Step step);
  void become_ready();

  net::Loop& loop_;
  LinkSettings settings_;
  Owner& owner_;
  const std::string what_;
  std::string peer_;
  State state_ = State::down;
  std::string reason_;
  std::unique_ptr<net::Stream> stream_;
  std::unique_ptr<net::Handshake> handshake_;
  net::FrameReader frames_;  // of the handshake
  net::Endpoint endpoint_;
  std::string host_;
  net::ReconnectBackoff backoff_;
  std::optional<net::Time> ready_since_;  // of this connection
  bool was_refused_ = false;
  net::Time not_before_{};  // of the next attempt
  net::Timer connect_timer_;
  net::Timer setup_timer_;
  net::Timer session_timer_;
  net::Timer resume_timer_;  // of a handshake that waits
  bool session_ends_ = false;
  std::vector<std::byte> outgoing_;
  iovec outgoing_piece_{};
  bool handshake_sending_ = false;
  // The owner's receive that is under way, or waits for the handshake to end.
  struct Receive {
    std::span<std::byte> into;
    std::size_t at_least = 0;
  };
  std::optional<Receive> owners_receive_;
  bool owners_receive_armed_ = false;
};

}  // namespace shunt::replicate
