// Cyrus SASL, wrapped: one client's side of one exchange. The only file that knows the library.
//
// What it does not do: decide whether a server's message may be answered. That is authenticator.h.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sasl/credentials.h"
#include "sasl/kerberos.h"

namespace shunt::sasl {

class CyrusClient {
 public:
  enum class Outcome {
    more,    // output() is to be sent, and the server has the word
    ended,   // nothing is left to verify; output(), if there is any, is to be sent
    failed,  // reason() says why
  };

  /// The server, for mechanisms that care who it is, and what is to be shown to it.
  struct Kerberos {
    std::string service;
    std::string host;
    KerberosCredential credential;
  };

  /// `credentials` must outlive it. Throws std::runtime_error: the library cannot be used.
  explicit CyrusClient(const Credentials& credentials, Kerberos kerberos = {});
  ~CyrusClient();
  CyrusClient(const CyrusClient&) = delete;
  CyrusClient& operator=(const CyrusClient&) = delete;

  Outcome start();
  Outcome handle_challenge(std::span<const std::byte> challenge);

  [[nodiscard]] std::span<const std::byte> output() const { return output_; }
  [[nodiscard]] std::vector<std::byte> take_output() { return std::move(output_); }
  [[nodiscard]] const std::string& reason() const { return reason_; }

 private:
  struct Session;

  Outcome note(int result, const char* output, unsigned size);

  std::unique_ptr<Session> session_;
  std::vector<std::byte> output_;
  std::string reason_;
};

}  // namespace shunt::sasl
