// What all TLS connections to a cluster have in common: whom to trust, who we are, which versions and ciphers (OpenSSL 3).
// Read once; shared by the connections of every thread, and with it the sessions that the next connections may resume: they
// end with the certificates that began them.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sasl/secret.h"

struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;

namespace shunt::net {

/// A key store or trust store, as Kafka's ssl.keystore.* and ssl.truststore.* keys name one.
struct TlsStore {
  enum class Type { pem, pkcs12 };
  Type type = Type::pem;
  std::string path;           // empty: `certificates` and `key` are the store
  sasl::Secret password;      // of a PKCS12 file
  sasl::Secret certificates;  // PEM: ssl.truststore.certificates, or ssl.keystore.certificate.chain
  sasl::Secret key;           // PEM: ssl.keystore.key
  sasl::Secret key_password;  // ssl.key.password: of an encrypted key in PEM
};

struct TlsSettings {
  std::optional<TlsStore> trust;  // unset: the system's own certificates
  std::optional<TlsStore> own;    // unset: we show no certificate
  bool allow_tls12 = true;
  bool allow_tls13 = true;
  std::vector<std::string>
      cipher_suites;  // names as in RFCs and Java; empty: AES-128-GCM first, no CBC, no RSA exchange
  bool check_host = true;
};

/// Sessions to resume (RFC 8446, 2.2; RFC 5077), by peer: a few of each, each once. Any thread.
class TlsSessions {
 public:
  TlsSessions() = default;
  ~TlsSessions();
  TlsSessions(const TlsSessions&) = delete;
  TlsSessions& operator=(const TlsSessions&) = delete;

  /// Keeps a copy.
  void add(const std::string& peer, ssl_session_st* session);
  /// The caller's to free; null: there is none, or the peer's certificate has expired meanwhile.
  ssl_session_st* take(const std::string& peer);

 private:
  static constexpr std::size_t most_peers = 1000;
  static constexpr std::size_t most_of_a_peer = 4;
  std::mutex mutex_;
  std::map<std::string, std::deque<ssl_session_st*>> sessions_;  // guarded by mutex_
};

class TlsContext {
 public:
  /// Null: something cannot be used; `why` says what, and never holds a secret.
  static std::shared_ptr<const TlsContext> make(const TlsSettings& settings, std::string& why);

  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  [[nodiscard]] ssl_ctx_st* get() const { return context_; }
  [[nodiscard]] bool checks_host() const { return check_host_; }
  [[nodiscard]] TlsSessions& sessions() const { return sessions_; }
  /// Tickets that come for this connection go to sessions(). `peer` must outlive it.
  static void keep_sessions_of(ssl_st* connection, const std::string& peer);

 private:
  TlsContext(ssl_ctx_st* context, bool check_host) : context_(context), check_host_(check_host) {}

  ssl_ctx_st* context_;
  bool check_host_;
  mutable TlsSessions sessions_;
};

/// Makes `context`, which OpenSSL or another library has made for TLS clients, do what the settings say. False: something
/// cannot be used, as in TlsContext::make().
bool apply_tls_settings(const TlsSettings& settings, ssl_ctx_st* context, std::string& why);

/// What OpenSSL complained of last on this thread; its queue is empty then.
std::string take_tls_error();

}  // namespace shunt::net
