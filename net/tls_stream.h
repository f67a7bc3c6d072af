// A Stream that speaks TLS over another one: decrypts into the buffer of receive(), encrypts from the pieces of send().
// on_connected() comes after the TLS handshake. EPROTO is a failure of TLS; explain() says which.
//
// What arrives goes through a buffer of its own (read_buffer_bytes), what leaves is encrypted a stretch at a time
// (write_stretch_bytes): that is all the memory it takes, whatever is sent.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "net/loop.h"
#include "net/tls_session.h"

namespace shunt::net {

class TlsStream final : public Stream, private StreamEvents {
 public:
  /// `host`, `address`: as in TlsSession. `loop` and `events` must outlive it.
  TlsStream(Loop& loop, StreamEvents& events, std::shared_ptr<const TlsContext> context, const std::string& host,
            const std::string& address);

  void connect(const Endpoint& endpoint) override { inner_->connect(endpoint); }
  void receive(std::span<std::byte> into, std::size_t at_least) override;
  void set_at_least(std::size_t at_least) override;
  void send(std::span<const iovec> pieces) override;
  void close() override;
  [[nodiscard]] std::string explain(int error) const override;

 private:
  void on_connected(int error) override;
  void on_received(std::size_t size, int error) override;
  void on_sent(int error) override;
  void on_closed() override { events_.on_closed(); }

  void advance_handshake();
  void continue_handshake();
  void turn();
  void read();
  void read_more();
  void deliver(int error);
  void encrypt();
  void send_output();

  Loop& loop_;
  StreamEvents& events_;
  TlsSession session_;
  std::unique_ptr<Stream> inner_;
  bool is_open_ = false;           // the handshake is complete, and its last message perhaps on its way
  bool connected_ = false;         // on_connected() was told
  bool handshake_failed_ = false;  // and an alert is on its way
  std::string reason_;             // of EPROTO

  // Receiving
  std::vector<std::byte> ciphertext_;
  bool receiving_ = false;     // of the inner stream
  int receive_error_ = 0;      // its end, behind what is still to be decrypted
  std::span<std::byte> into_;  // empty: nobody waits
  std::size_t at_least_ = 0;
  std::size_t filled_ = 0;
  Timer turn_;  // what is there already is delivered from the loop, never from inside receive()
  Timer
      patience_;  // then what has come is looked at, though it is too little: it may be an alert, and all there will be

  // Sending
  std::span<const iovec> pieces_;  // not yet encrypted, but for piece_offset_ of the first
  std::size_t piece_offset_ = 0;
  std::vector<std::byte> small_pieces_;  // gathered into whole records
  std::vector<std::byte> sending_;
  iovec sending_piece_{};
  bool write_failed_ = false;  // to be told at the next turn
};

}  // namespace shunt::net
