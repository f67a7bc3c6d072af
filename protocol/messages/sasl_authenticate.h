// SaslAuthenticate (36): one message of a SASL exchange in each direction (KIP-152).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "protocol/codec.h"

namespace shunt::protocol {

struct SaslAuthenticateResponse;

struct SaslAuthenticateRequest {
  using Response = SaslAuthenticateResponse;
  static constexpr Api api{.key = 36, .name = "SaslAuthenticate", .versions = {0, 2}, .flexible = 2};

  Bytes auth_bytes;

  static void fields(auto&& f, auto& m) { f("AuthBytes", m.auth_bytes, secret()); }
  bool operator==(const SaslAuthenticateRequest&) const = default;
};

struct SaslAuthenticateResponse {
  static constexpr Api api = SaslAuthenticateRequest::api;

  std::int16_t error_code = 0;
  std::optional<std::string> error_message;  // meant for the user
  Bytes auth_bytes;
  std::int64_t session_lifetime_ms = 0;  // 0: for ever; else authenticate again before it ends (KIP-368)

  static void fields(auto&& f, auto& m) {
    f("ErrorCode", m.error_code);
    f("ErrorMessage", m.error_message);
    f("AuthBytes", m.auth_bytes, secret());
    f("SessionLifetimeMs", m.session_lifetime_ms, since(1).ignorable());
  }
  bool operator==(const SaslAuthenticateResponse&) const = default;
};

}  // namespace shunt::protocol
