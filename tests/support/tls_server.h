// The server's side of TLS for tests, without a socket: OpenSSL's own, over memory.
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tests/support/tls_certificates.h"

namespace shunt::tests {

/// What the connections to one broker share: its certificate, and the keys of its tickets.
class TlsServerHost {
 public:
  /// `clients`: the certificate of whoever signs the clients' ones; empty: none are asked for.
  explicit TlsServerHost(const Identity& identity, const std::string& clients = {}, int version = TLS1_3_VERSION)
      : context_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX_set_min_proto_version(context_, version);
    SSL_CTX_set_max_proto_version(context_, version);
    BIO* key = BIO_new_mem_buf(identity.key.data(), static_cast<int>(identity.key.size()));
    BIO* certificate = BIO_new_mem_buf(identity.certificate.data(), static_cast<int>(identity.certificate.size()));
    EVP_PKEY* private_key = PEM_read_bio_PrivateKey(key, nullptr, nullptr, nullptr);
    X509* own = PEM_read_bio_X509(certificate, nullptr, nullptr, nullptr);
    SSL_CTX_use_certificate(context_, own);
    SSL_CTX_use_PrivateKey(context_, private_key);
    X509_free(own);
    EVP_PKEY_free(private_key);
    BIO_free(key);
    BIO_free(certificate);
    if (clients.empty()) return;
    BIO* text = BIO_new_mem_buf(clients.data(), static_cast<int>(clients.size()));
    X509* trusted = PEM_read_bio_X509(text, nullptr, nullptr, nullptr);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), trusted);
    X509_free(trusted);
    BIO_free(text);
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  ~TlsServerHost() { SSL_CTX_free(context_); }
  TlsServerHost(const TlsServerHost&) = delete;
  TlsServerHost& operator=(const TlsServerHost&) = delete;

  [[nodiscard]] SSL_CTX* get() const { return context_; }

 private:
  SSL_CTX* context_;
};

class TlsServer {
 public:
  /// As TlsServerHost; a host of its own.
  explicit TlsServer(const Identity& identity, const std::string& clients = {}, int version = TLS1_3_VERSION)
      : TlsServer(TlsServerHost(identity, clients, version)) {}
  explicit TlsServer(const TlsServerHost& host) : ssl_(SSL_new(host.get())) {
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(ssl_);
  }
  ~TlsServer() { SSL_free(ssl_); }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  /// What came from the client. What it meant is added to `heard`.
  void receive(std::span<const std::byte> bytes) {
    BIO_write(SSL_get_rbio(ssl_), bytes.data(), static_cast<int>(bytes.size()));
    if (SSL_is_init_finished(ssl_) == 0) {
      ERR_clear_error();
      const int result = SSL_do_handshake(ssl_);
      const char* reason = ERR_reason_error_string(ERR_peek_last_error());
      if (result != 1 && SSL_get_error(ssl_, result) == SSL_ERROR_SSL && reason != nullptr) problem = reason;
    }
    std::byte buffer[4096];
    int size = 0;
    while ((size = SSL_read(ssl_, buffer, sizeof buffer)) > 0) heard.insert(heard.end(), buffer, buffer + size);
  }
  void say(std::span<const std::byte> bytes) {
    if (SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) <= 0) throw std::runtime_error("not connected");
  }
  void end() { SSL_shutdown(ssl_); }

  /// What is to be sent to the client.
  std::vector<std::byte> take_output() {
    std::vector<std::byte> bytes(BIO_ctrl_pending(SSL_get_wbio(ssl_)));
    if (!bytes.empty()) BIO_read(SSL_get_wbio(ssl_), bytes.data(), static_cast<int>(bytes.size()));
    return bytes;
  }

  [[nodiscard]] bool is_connected() const { return SSL_is_init_finished(ssl_) == 1; }
  [[nodiscard]] bool is_resumed() const { return SSL_session_reused(ssl_) == 1; }
  [[nodiscard]] std::string cipher() const { return SSL_get_cipher_name(ssl_); }
  [[nodiscard]] std::string server_name() const {
    const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
    return name == nullptr ? "" : name;
  }

  std::vector<std::byte> heard;
  std::string problem;  // with the handshake

 private:
  SSL* ssl_;
};

}  // namespace shunt::tests
