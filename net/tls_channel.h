// A Channel that speaks TLS over another one, which is connected already. asio::error::eof: the peer has ended TLS in an
// orderly way, or its connection; failure(): TLS has failed, reason() says why.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "net/channel.h"
#include "net/tls_session.h"

namespace shunt::net {

class TlsChannel final : public Channel {
 public:
  /// `host`, `address`: as in TlsSession.
  TlsChannel(std::unique_ptr<Channel> inner, std::shared_ptr<const TlsContext> context, const std::string& host,
             const std::string& address);

  /// The TLS handshake; before anything else.
  Awaitable<boost::system::error_code> shake_hands();

  Awaitable<boost::system::error_code> connect(Endpoint endpoint) override;
  Awaitable<Received> read_some(std::span<std::byte> into) override;
  Awaitable<boost::system::error_code> write(std::span<const std::byte> bytes) override;
  void close() override { inner_->close(); }

  static boost::system::error_code failure() { return make_error_code(boost::system::errc::protocol_error); }
  /// After failure(), and when the handshake has ended otherwise.
  [[nodiscard]] const std::string& reason() const { return reason_; }

 private:
  boost::system::error_code fail(std::string reason);
  Awaitable<boost::system::error_code> receive();
  Awaitable<boost::system::error_code> send_output();

  std::unique_ptr<Channel> inner_;
  TlsSession session_;
  std::vector<std::byte> ciphertext_;
  std::vector<std::byte> sending_;
  std::string reason_;
};

}  // namespace shunt::net
