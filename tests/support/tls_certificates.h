// Certificates for tests, made in memory: an authority, and what it signs.
#pragma once

#include <stdexcept>
#include <string>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace shunt::tests {

/// A key and a certificate in PEM.
struct Identity {
  std::string key;
  std::string certificate;
  [[nodiscard]] std::string both() const { return key + certificate; }
};

struct IdentityOptions {
  std::string hosts = "IP:127.0.0.1,DNS:localhost";  // subjectAltName; empty: none
  long not_before_s = -3600;                         // from now
  long not_after_s = 3600;
};

class Authority {
 public:
  explicit Authority(const std::string& name = "test authority") : key_(new_key()), certificate_(X509_new()) {
    fill(certificate_, key_, name, {.hosts = ""});
    extend(certificate_, NID_basic_constraints, "critical,CA:TRUE");
    X509_set_issuer_name(certificate_, X509_get_subject_name(certificate_));
    X509_sign(certificate_, key_, EVP_sha256());
  }
  ~Authority() {
    X509_free(certificate_);
    EVP_PKEY_free(key_);
  }
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  [[nodiscard]] std::string certificate() const { return pem(certificate_); }

  [[nodiscard]] Identity issue(const std::string& name, const IdentityOptions& options = {}) const {
    return make(name, options, X509_get_subject_name(certificate_), key_);
  }
  static Identity self_signed(const std::string& name) { return make(name, {}, nullptr, nullptr); }

 private:
  static EVP_PKEY* new_key() {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    if (key == nullptr) throw std::runtime_error("no key could be made");
    return key;
  }

  static void extend(X509* certificate, int what, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, value.c_str());
    if (extension == nullptr) throw std::runtime_error("no such extension: " + value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }

  static void fill(X509* certificate, EVP_PKEY* key, const std::string& name, const IdentityOptions& options) {
    static long serial = 0;
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), options.not_before_s);
    X509_gmtime_adj(X509_getm_notAfter(certificate), options.not_after_s);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    if (!options.hosts.empty()) extend(certificate, NID_subject_alt_name, options.hosts);
  }

  static Identity make(const std::string& name, const IdentityOptions& options, const X509_NAME* issuer,
                       EVP_PKEY* signer) {
    EVP_PKEY* key = new_key();
    X509* certificate = X509_new();
    fill(certificate, key, name, options);
    X509_set_issuer_name(certificate, issuer == nullptr ? X509_get_subject_name(certificate) : issuer);
    X509_sign(certificate, signer == nullptr ? key : signer, EVP_sha256());
    BIO* out = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
    Identity identity{.key = text_of(out), .certificate = pem(certificate)};
    X509_free(certificate);
    EVP_PKEY_free(key);
    return identity;
  }

  static std::string pem(X509* certificate) {
    BIO* out = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(out, certificate);
    return text_of(out);
  }
  static std::string text_of(BIO* bio) {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(bio, &bytes);
    std::string text(bytes, static_cast<std::size_t>(size));
    BIO_free(bio);
    return text;
  }

  EVP_PKEY* key_;
  X509* certificate_;
};

}  // namespace shunt::tests
