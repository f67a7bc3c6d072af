#include "net/tls_session.h"

#include <algorithm>
#include <climits>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace shunt::net {

/// OpenSSL's view of the session's input and output: a BIO that copies nothing but what it must.
struct TlsSessionBio {
  static int read(BIO* bio, char* into, int size) {
    auto& session = *static_cast<TlsSession*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (session.input_.empty()) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const std::size_t taken = std::min(session.input_.size(), static_cast<std::size_t>(size));
    std::copy_n(session.input_.begin(), taken, reinterpret_cast<std::byte*>(into));
    session.records_.advance(session.input_.first(taken));
    session.input_ = session.input_.subspan(taken);
    return static_cast<int>(taken);
  }
  static int write(BIO* bio, const char* bytes, int size) {
    auto& output = static_cast<TlsSession*>(BIO_get_data(bio))->output_;
    const auto* begin = reinterpret_cast<const std::byte*>(bytes);
    output.insert(output.end(), begin, begin + size);
    return size;
  }
  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static const BIO_METHOD* method() {
    static const BIO_METHOD* const instance = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "shunt");
      BIO_meth_set_read(made, read);
      BIO_meth_set_write(made, write);
      BIO_meth_set_ctrl(made, control);
      return made;
    }();
    return instance;
  }
};

namespace {

bool is_ip_address(const std::string& host) {
  unsigned char address[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), address) == 1 || inet_pton(AF_INET6, host.c_str(), address) == 1;
}

int clamped(std::size_t size) {
  return static_cast<int>(std::min<std::size_t>(size, INT_MAX));
}

}  // namespace

TlsSession::TlsSession(std::shared_ptr<const TlsContext> context, const std::string& host, const std::string& address)
    : context_(std::move(context)),
      host_(host),
      peer_(fmt::format("{} {}", host, address)),
      ssl_(SSL_new(context_->get())) {
  BIO* bio = BIO_new(TlsSessionBio::method());
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_connect_state(ssl_);
  const bool is_ip = is_ip_address(host_);
  if (!is_ip) SSL_set_tlsext_host_name(ssl_, host_.c_str());  // RFC 6066: names alone
  if (context_->checks_host()) {
    if (is_ip) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), host_.c_str());
    } else {
      SSL_set_hostflags(ssl_, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
      SSL_set1_host(ssl_, host_.c_str());
    }
  }
  TlsContext::keep_sessions_of(ssl_, peer_);
  if (SSL_SESSION* session = context_->sessions().take(peer_)) {
    SSL_set_session(ssl_, session);
    SSL_SESSION_free(session);
  }
}

bool TlsSession::is_resumed() const {
  return SSL_session_reused(ssl_) == 1;
}

TlsSession::~TlsSession() {
  SSL_free(ssl_);
}

TlsSession::Outcome TlsSession::shake_hands() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  if (result != 1) return handle(SSL_get_error(ssl_, result));
  // Before TLS 1.3 a session that was resumed may be resumed again, and no ticket comes for it.
  if (is_resumed() && SSL_version(ssl_) < TLS1_3_VERSION) {
    context_->sessions().add(peer_, SSL_get_session(ssl_));
  }
  return Outcome::done;
}

TlsSession::Outcome TlsSession::read(std::span<std::byte> into, std::size_t& filled) {
  filled = 0;
  ERR_clear_error();
  while (filled < into.size()) {
    const int result = SSL_read(ssl_, into.data() + filled, clamped(into.size() - filled));
    if (result <= 0) return handle(SSL_get_error(ssl_, result));
    filled += static_cast<std::size_t>(result);
  }
  return Outcome::done;
}

bool TlsSession::write(std::span<const std::byte> bytes) {
  ERR_clear_error();
  while (!bytes.empty()) {
    const int result = SSL_write(ssl_, bytes.data(), clamped(bytes.size()));
    if (result <= 0) {
      handle(SSL_get_error(ssl_, result));
      return false;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(result));
  }
  return true;
}

TlsSession::Outcome TlsSession::handle(int error) {
  switch (error) {
    case SSL_ERROR_WANT_READ:
      return Outcome::more;
    case SSL_ERROR_ZERO_RETURN:
      return Outcome::closed;
    default:
      if (reason_.empty()) reason_ = explain_failure(ERR_peek_last_error());
      ERR_clear_error();
      return Outcome::failed;
  }
}

std::string TlsSession::explain_failure(unsigned long code) const {
  if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    const long verdict = SSL_get_verify_result(ssl_);
    const char* advice = "";
    switch (verdict) {
      case X509_V_ERR_HOSTNAME_MISMATCH:
      case X509_V_ERR_IP_ADDRESS_MISMATCH:
        advice = ": use the name it is made out to, or have it made out to this one";
        break;
      case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
      case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        advice = ": put the certificate of whoever signed it into ssl.truststore.*";
        break;
      default:
        break;
    }
    return fmt::format("the broker's certificate is refused for {}: {}{}", host_,
                       X509_verify_cert_error_string(verdict), advice);
  }
  const char* text = ERR_reason_error_string(code);
  std::string reason = text == nullptr ? "unknown error" : text;
  switch (ERR_GET_REASON(code)) {
    case SSL_R_WRONG_VERSION_NUMBER:
      return "the peer does not answer with TLS: use the port of an SSL or SASL_SSL listener, or correct "
             "security.protocol";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
      return fmt::format("the broker wants another certificate of us ({}): look at ssl.keystore.*", reason);
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
      return fmt::format(
          "the broker refuses the handshake ({}): it wants a certificate (ssl.keystore.*), or there is no "
          "version or cipher suite in common",
          reason);
    default:
      return reason;
  }
}

std::string TlsSession::explain_close() {
  return "the connection was closed during the handshake: a listener without TLS does so, or one that trusts no "
         "certificate of ours";
}

}  // namespace shunt::net
