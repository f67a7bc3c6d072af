// What happens between a TCP connection and its first request, as a state machine without a socket. The data path
// drives it from an event loop, the admin path from Asio coroutines.
//
//   start() -> bytes to send;  then for every frame received:  handle_frame() -> send take_output() | ready | failed
//
// The conversation is a chain of steps, each of which begins the next one:
//
//   ApiVersions   version 3; error 35 (UNSUPPORTED_VERSION): once more with version 0 (KIP-511). The answer must be
//                 that of a broker whose record batches are of format 2, Kafka 0.11 or later.
//   SASL          with credentials only: net/sasl_exchange.h
//
// A broker may end a session after a while (connections.max.reauth.ms). Before it does, the SASL step is taken again, on
// the same connection: reauthenticate() takes the place of start() then. No other request may be on its way meanwhile.
//
// No frame that a peer sends before `ready` may be larger than handshake_limit_bytes, and none is taken apart that is larger
// than handshake_answer_limit_bytes: a list of short names takes many times its size in memory.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "net/api_versions.h"
#include "net/credentials_source.h"
#include "net/machine.h"
#include "net/sasl_exchange.h"

namespace shunt::net {

/// How soon what is waited for is looked for again.
inline constexpr Duration resume_interval = std::chrono::milliseconds(2);

inline constexpr std::size_t handshake_limit_bytes = std::size_t{1024} * 1024;
/// Real answers are below 2 KiB, tokens and Kerberos tickets included below 64.
inline constexpr std::size_t handshake_answer_limit_bytes = std::size_t{64} * 1024;

class Handshake {
 public:
  enum class Step {
    send,
    wait,  // for what is to be sent next: resume() after resume_interval, until it says something else
    ready,
    failed,
  };

  enum class Stage { api_versions, sasl };

  /// No `credentials`: without SASL. `host`: the broker's, as it was connected to; with GSSAPI it must be there.
  explicit Handshake(std::string client_id, std::shared_ptr<const CredentialsSource> credentials = nullptr,
                     std::string host = {})
      : client_id_(std::move(client_id)), credentials_(std::move(credentials)), host_(std::move(host)) {}
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;

  /// The first bytes to send; call once.
  std::vector<std::byte> start();
  /// After `ready`: the first bytes of another SASL step.
  std::vector<std::byte> reauthenticate();

  /// `frame`: the bytes after the size prefix.
  Step handle_frame(std::span<const std::byte> frame);
  /// After Step::wait.
  Step resume();

  /// After Step::send. May hold a secret: whoever sends it wipes it.
  std::vector<std::byte> take_output() { return std::move(output_); }

  /// What is under way, or what has failed.
  [[nodiscard]] Stage stage() const { return sasl_ ? Stage::sasl : Stage::api_versions; }

  /// Why the peer may have closed the connection before the handshake was complete; `received`: the bytes, if any, that
  /// came after the last whole frame.
  [[nodiscard]] std::string explain_close(std::span<const std::byte> received) const;
  /// The same for a peer that never answers.
  [[nodiscard]] std::string explain_silence() const;

  /// After `failed`.
  [[nodiscard]] const std::string& reason() const { return reason_; }
  /// After `ready`.
  [[nodiscard]] const ApiVersions& versions() const { return versions_; }
  /// After `ready`: when to authenticate again, from now; nothing: never. Between 85 and 95 percent of the session's life,
  /// as Kafka's own clients do it, so that a thousand connections that were made together do not do it together; but
  /// five seconds before its end if there are so many, for a broker kills the connection by which a request reaches it,
  /// or is taken up, after that.
  [[nodiscard]] std::optional<Duration> renewal_delay() const;

 private:
  std::vector<std::byte> ask_api_versions(std::int16_t version);
  Step handle_api_versions(std::span<const std::byte> frame);
  Step begin_sasl();
  Step handle_sasl(SaslExchange::Step step);
  Step fail(std::string reason);
  [[nodiscard]] const char* request_name() const;
  [[nodiscard]] std::string judge_age() const;

  const std::string client_id_;
  const std::shared_ptr<const CredentialsSource> credentials_;
  const std::string host_;
  std::int16_t version_ = 0;  // of the ApiVersions request under way
  std::int32_t correlation_id_ = 0;
  std::vector<std::byte> output_;
  std::string reason_;
  ApiVersions versions_;
  std::optional<SaslExchange> sasl_;  // from its beginning on; the last one stays
};

}  // namespace shunt::net
