// SaslHandshake (17): chooses a SASL mechanism. Version 1 is followed by SaslAuthenticate requests (KIP-152); version
// 0, by bare tokens, which shunt does not speak.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/codec.h"

namespace shunt::protocol {

struct SaslHandshakeResponse;

struct SaslHandshakeRequest {
  using Response = SaslHandshakeResponse;
  static constexpr Api api{.key = 17, .name = "SaslHandshake", .versions = {0, 1}, .flexible = never_flexible};

  std::string mechanism;

  static void fields(auto&& f, auto& m) { f("Mechanism", m.mechanism); }
  bool operator==(const SaslHandshakeRequest&) const = default;
};

struct SaslHandshakeResponse {
  static constexpr Api api = SaslHandshakeRequest::api;

  std::int16_t error_code = 0;
  std::vector<std::string> mechanisms;  // with UNSUPPORTED_SASL_MECHANISM: what the broker would take

  static void fields(auto&& f, auto& m) {
    f("ErrorCode", m.error_code);
    f("Mechanisms", m.mechanisms);
  }
  bool operator==(const SaslHandshakeResponse&) const = default;
};

}  // namespace shunt::protocol
