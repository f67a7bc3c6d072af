// What happens between a TCP connection and its first request, as a state machine without a socket. The data path
// drives it from an event loop, the admin path from Asio coroutines.
//
//   start() -> bytes to send;  then for every frame received:  handle_frame() -> send take_output() | ready | failed
//
// The conversation is a chain of steps, each of which begins the next one; the chain has one step so far:
//
//   ApiVersions   version 3; error 35 (UNSUPPORTED_VERSION): once more with version 0 (KIP-511). The answer must be
//                 that of a broker whose record batches are of format 2, Kafka 0.11 or later.
//
// Nothing a peer sends before `ready` takes more than handshake_limit_bytes of memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "net/api_versions.h"
#include "net/wire_size.h"

namespace shunt::net {

inline constexpr std::size_t handshake_limit_bytes = std::size_t{1024} * 1024;

class Handshake {
 public:
  enum class Step { send, ready, failed };

  explicit Handshake(std::string client_id) : client_id_(std::move(client_id)) {}

  /// The first bytes to send; call once.
  std::vector<std::byte> start();

  /// The size of the frame that `prefix` announces. Empty: refused, reason() says what seems to listen there.
  std::optional<std::size_t> check_size(std::span<const std::byte, size_prefix_bytes> prefix);

  /// `frame`: the bytes after the size prefix.
  Step handle_frame(std::span<const std::byte> frame);

  /// After Step::send.
  std::vector<std::byte> take_output() { return std::move(output_); }

  /// Why the peer may have closed the connection before the handshake was complete; `received`: the bytes, if any, that
  /// came after the last whole frame.
  [[nodiscard]] std::string explain_close(std::span<const std::byte> received) const;
  /// The same for a peer that never answers.
  [[nodiscard]] std::string explain_silence() const;

  /// After `failed`.
  [[nodiscard]] const std::string& reason() const { return reason_; }
  /// After `ready`.
  [[nodiscard]] const ApiVersions& versions() const { return versions_; }

 private:
  std::vector<std::byte> ask_api_versions(std::int16_t version);
  Step handle_api_versions(std::span<const std::byte> frame);
  Step fail(std::string reason);
  [[nodiscard]] std::string judge_age() const;

  std::string client_id_;
  std::int16_t version_ = 0;  // of the ApiVersions request under way
  std::int32_t correlation_id_ = 0;
  std::vector<std::byte> output_;
  std::string reason_;
  ApiVersions versions_;
};

}  // namespace shunt::net
