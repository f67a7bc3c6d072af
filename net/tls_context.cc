#include "net/tls_context.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/ssl.h>

#include "net/free.h"

namespace shunt::net {
namespace {

constexpr std::size_t store_limit_bytes = std::size_t{16} * 1024 * 1024;
constexpr long most_iterations = 10'000'000;  // some seconds; Java writes 10,000, OpenSSL 2,048

// AES-128-GCM first: what processors are fastest at.
constexpr const char* default_tls13_suites =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* default_tls12_ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;

/// What a store holds.
struct Content {
  Key key;
  std::vector<Certificate> certificates;  // the key's own first
};

/// Carries a reason out of the functions below.
struct Unusable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

Bio memory_of(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

sasl::Secret read_store(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Unusable(fmt::format("{} cannot be read: {}", path, std::strerror(errno)));
  std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  sasl::Secret content(std::string_view(bytes.data(), bytes.size()));
  sasl::wipe(bytes);
  if (content.reveal().size() > store_limit_bytes) throw Unusable(fmt::format("{} is too large for a store", path));
  return content;
}

int give_password(char* buffer, int size, int, void* secret) {
  const std::string_view password = static_cast<const sasl::Secret*>(secret)->reveal();
  if (password.size() > static_cast<std::size_t>(size)) return -1;
  std::memcpy(buffer, password.data(), password.size());
  return static_cast<int>(password.size());
}

void read_certificates(std::string_view pem, const std::string& name, Content& content) {
  const Bio bio = memory_of(pem);
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    content.certificates.emplace_back(certificate);
  }
  // The end of the text is an error, too.
  if (const unsigned long code = ERR_peek_last_error(); ERR_GET_REASON(code) != PEM_R_NO_START_LINE) {
    throw Unusable(fmt::format("{} holds a certificate that is damaged or cut off: {}", name, take_tls_error()));
  }
  ERR_clear_error();
  if (content.certificates.empty()) throw Unusable(fmt::format("{} holds no certificate in PEM", name));
}

void read_key(std::string_view pem, const std::string& name, const sasl::Secret& password, Content& content) {
  const Bio bio = memory_of(pem);
  content.key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, give_password, const_cast<sasl::Secret*>(&password)));
  if (!content.key) {
    throw Unusable(
        fmt::format("{} holds no private key in PEM that ssl.key.password opens: {}", name, take_tls_error()));
  }
}

Content read_pkcs12(std::string_view bytes, const TlsStore& store) {
  const Bio bio = memory_of(bytes);
  const std::unique_ptr<PKCS12, Free<PKCS12_free>> file(d2i_PKCS12_bio(bio.get(), nullptr));
  if (!file) {
    ERR_clear_error();
    throw Unusable(fmt::format("{} is no PKCS12 file", store.path));
  }
  // The rest is read only behind a MAC that fits the password, so this is the only number that a stranger could have chosen.
  const ASN1_INTEGER* iterations = nullptr;
  PKCS12_get0_mac(nullptr, nullptr, nullptr, &iterations, file.get());
  const long asked = iterations == nullptr ? 1 : ASN1_INTEGER_get(iterations);  // -1: more than a long holds
  if (asked < 0 || asked > most_iterations) {
    throw Unusable(
        fmt::format("{} asks for more than {} iterations to check its password", store.path, most_iterations));
  }
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;
  STACK_OF(X509)* others = nullptr;
  const std::string password(store.password.reveal());
  if (PKCS12_parse(file.get(), password.c_str(), &key, &certificate, &others) != 1) {
    throw Unusable(fmt::format("{} cannot be opened, is its password right? ({})", store.path, take_tls_error()));
  }
  Content content;
  content.key.reset(key);
  if (certificate != nullptr) content.certificates.emplace_back(certificate);
  while (others != nullptr && sk_X509_num(others) > 0) content.certificates.emplace_back(sk_X509_shift(others));
  sk_X509_free(others);
  if (content.certificates.empty()) throw Unusable(fmt::format("{} holds no certificate", store.path));
  return content;
}

Content read_content(const TlsStore& store, bool with_key) {
  if (store.path.empty()) {
    Content content;
    read_certificates(store.certificates.reveal(),
                      with_key ? "ssl.keystore.certificate.chain" : "ssl.truststore.certificates", content);
    if (with_key) read_key(store.key.reveal(), "ssl.keystore.key", store.key_password, content);
    return content;
  }
  const sasl::Secret bytes = read_store(store.path);
  if (store.type == TlsStore::Type::pkcs12) {
    if (bytes.reveal().starts_with("\xfe\xed\xfe\xed")) {
      throw Unusable(
          fmt::format("{0} is in Java's own format, JKS; convert it: keytool -importkeystore -srckeystore {0} "
                      "-destkeystore {0}.p12 "
                      "-deststoretype PKCS12, then name {0}.p12 and set the type to PKCS12",
                      store.path));
    }
    return read_pkcs12(bytes.reveal(), store);
  }
  Content content;
  read_certificates(bytes.reveal(), store.path, content);
  if (with_key) read_key(bytes.reveal(), store.path, store.key_password, content);
  return content;
}

void trust(SSL_CTX* context, const std::optional<TlsStore>& store) {
  if (!store) {
    SSL_CTX_set_default_verify_paths(context);
    return;
  }
  for (const Certificate& certificate : read_content(*store, false).certificates) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get());
  }
}

void introduce(SSL_CTX* context, const TlsStore& store) {
  const Content content = read_content(store, true);
  if (!content.key) throw Unusable(fmt::format("{} holds no private key", store.path));
  if (SSL_CTX_use_certificate(context, content.certificates.front().get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, content.key.get()) != 1) {
    throw Unusable("the key store's private key is not that of its first certificate: " + take_tls_error());
  }
  for (std::size_t i = 1; i < content.certificates.size(); ++i) {
    SSL_CTX_add1_chain_cert(context, content.certificates[i].get());
  }
}

void choose_ciphers(SSL_CTX* context, const TlsSettings& settings) {
  std::string tls13;
  std::string tls12;
  for (const std::string& name : settings.cipher_suites) {
    const char* known = OPENSSL_cipher_name(name.c_str());
    if (known == nullptr || std::string_view(known) == "(NONE)") {
      throw Unusable(fmt::format("ssl.cipher.suites: OpenSSL does not know {}", name));
    }
    // The suites of TLS 1.3 name no key exchange.
    std::string& list = name.find("_WITH_") == std::string::npos ? tls13 : tls12;
    if (!list.empty()) list += ':';
    list += known;
  }
  const bool chosen = !settings.cipher_suites.empty();
  if (chosen && tls13.empty() && !settings.allow_tls12) throw Unusable("ssl.cipher.suites names none of TLS 1.3");
  if (SSL_CTX_set_ciphersuites(context, chosen ? tls13.c_str() : default_tls13_suites) != 1 ||
      SSL_CTX_set_cipher_list(context, chosen && !tls12.empty() ? tls12.c_str() : default_tls12_ciphers) != 1) {
    throw Unusable("ssl.cipher.suites: " + take_tls_error());
  }
}

/// The peer has given a ticket; with TLS 1.3 it may do so at any time.
int handle_new_session(SSL* connection, SSL_SESSION* session) {
  const auto& context = *static_cast<const TlsContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(connection)));
  const auto* peer = static_cast<const std::string*>(SSL_get_app_data(connection));
  if (peer != nullptr) context.sessions().add(*peer, session);
  return 0;  // they are copies
}

}  // namespace

std::string take_tls_error() {
  std::string text;
  while (const unsigned long code = ERR_get_error()) {
    if (const char* reason = ERR_reason_error_string(code)) text = reason;
  }
  return text.empty() ? "unknown error" : text;
}

bool apply_tls_settings(const TlsSettings& settings, SSL_CTX* context, std::string& why) {
  try {
    SSL_CTX_set_min_proto_version(context, settings.allow_tls12 ? TLS1_2_VERSION : TLS1_3_VERSION);
    SSL_CTX_set_max_proto_version(context, settings.allow_tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    choose_ciphers(context, settings);
    trust(context, settings.trust);
    if (settings.own) introduce(context, *settings.own);
  } catch (const Unusable& error) {
    why = error.what();
    return false;
  }
  return true;
}

std::shared_ptr<const TlsContext> TlsContext::make(const TlsSettings& settings, std::string& why) {
  ERR_clear_error();
  const std::shared_ptr<TlsContext> made(new TlsContext(SSL_CTX_new(TLS_client_method()), settings.check_host));
  if (made->context_ == nullptr) {
    why = take_tls_error();
    return nullptr;
  }
  SSL_CTX_set_session_cache_mode(made->context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_app_data(made->context_, made.get());
  SSL_CTX_sess_set_new_cb(made->context_, handle_new_session);
  return apply_tls_settings(settings, made->context_, why) ? made : nullptr;
}

// ---- Sessions -------------------------------------------------------------------------------------------------------

TlsSessions::~TlsSessions() {
  for (const auto& [peer, sessions] : sessions_) {
    for (SSL_SESSION* session : sessions) SSL_SESSION_free(session);
  }
}

void TlsSessions::add(const std::string& peer, SSL_SESSION* session) {
  // The connection goes on with its own.
  SSL_SESSION* copy = SSL_SESSION_dup(session);
  if (copy == nullptr) return;
  const std::lock_guard lock(mutex_);
  const auto drop_oldest = [](std::deque<SSL_SESSION*>& sessions) {
    SSL_SESSION_free(sessions.front());
    sessions.pop_front();
  };
  if (!sessions_.contains(peer) && sessions_.size() == most_peers) {
    const auto any = sessions_.begin();
    while (!any->second.empty()) drop_oldest(any->second);
    sessions_.erase(any);
  }
  std::deque<SSL_SESSION*>& sessions = sessions_[peer];
  if (sessions.size() == most_of_a_peer) drop_oldest(sessions);
  sessions.push_back(copy);
}

SSL_SESSION* TlsSessions::take(const std::string& peer) {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(peer);
  if (found == sessions_.end()) return nullptr;
  SSL_SESSION* session = found->second.back();
  found->second.pop_back();
  if (found->second.empty()) sessions_.erase(found);
  const X509* certificate = SSL_SESSION_get0_peer(session);
  if (certificate != nullptr && X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0) return session;
  SSL_SESSION_free(session);
  return nullptr;
}

void TlsContext::keep_sessions_of(SSL* connection, const std::string& peer) {
  SSL_set_app_data(connection, const_cast<std::string*>(&peer));
}

TlsContext::~TlsContext() {
  SSL_CTX_free(context_);
}

}  // namespace shunt::net
