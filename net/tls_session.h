// One TLS connection from the client's side (RFC 8446, RFC 5246) without a socket: bytes as they travel in and out, bytes
// as they are meant in and out. The data path drives it from a Stream, the control plane from a Channel.
//
//   receive(ciphertext)   what has arrived; must stay valid until input_left() is 0, and only then more may be given
//   shake_hands()         until `done`; output() is to be sent after every call
//   read(), write()       then
//   output()              what is to be sent: taken with take_output()
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "net/tls_context.h"
#include "net/tls_records.h"

struct ssl_st;

namespace shunt::net {

class TlsSession {
 public:
  enum class Outcome {
    done,
    more,    // nothing goes on before more has arrived
    closed,  // the peer has ended the connection in an orderly way
    failed,  // reason() says why
  };

  /// `host`: whom we mean to reach, a name or an IP address. The broker's certificate must be made out to it. `address`: where
  /// that is: a session that began with the same host there is resumed, if the broker agrees.
  TlsSession(std::shared_ptr<const TlsContext> context, const std::string& host, const std::string& address);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  void receive(std::span<const std::byte> ciphertext) { input_ = ciphertext; }
  [[nodiscard]] std::size_t input_left() const { return input_.size(); }

  Outcome shake_hands();
  /// Decrypts into `into` until it is full (done) or the input has no whole record any more; `filled` is how much.
  Outcome read(std::span<std::byte> into, std::size_t& filled);
  /// After read() has said `more`: how much must be received, at the least, before it can fill `missing` bytes.
  [[nodiscard]] std::size_t least_input(std::size_t missing) const { return records_.least_to_come(missing); }
  /// Encrypts all of `bytes`. False: failed.
  bool write(std::span<const std::byte> bytes);

  [[nodiscard]] const std::vector<std::byte>& output() const { return output_; }
  /// Exchanges the output with an empty buffer, whose memory is used again.
  void take_output(std::vector<std::byte>& into) {
    into.clear();
    into.swap(output_);
  }

  /// After the handshake.
  [[nodiscard]] bool is_resumed() const;

  /// Why it failed; with "TLS" in it nowhere, for the caller says so.
  [[nodiscard]] const std::string& reason() const { return reason_; }
  /// Why a peer may close the connection before the handshake is complete.
  [[nodiscard]] static std::string explain_close();

 private:
  friend struct TlsSessionBio;
  Outcome handle(int error);
  std::string explain_failure(unsigned long code) const;

  std::shared_ptr<const TlsContext> context_;
  const std::string host_;
  const std::string peer_;  // as its sessions are known
  ssl_st* ssl_;
  std::span<const std::byte> input_;
  TlsRecords records_;
  std::vector<std::byte> output_;
  std::string reason_;
};

}  // namespace shunt::net
