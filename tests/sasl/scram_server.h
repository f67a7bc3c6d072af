// The server's side of SCRAM (RFC 5802), written from the RFC on OpenSSL alone: what the client's side is tested
// against.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "sasl/mechanism.h"

namespace shunt::sasl::tests {

using Hash = std::vector<unsigned char>;

inline std::string base64(const Hash& bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

class ScramServer {
 public:
  ScramServer(Mechanism mechanism, std::string password, int iterations = 4096)
      : digest_(mechanism == Mechanism::scram_sha_512 ? EVP_sha512() : EVP_sha256()),
        password_(std::move(password)),
        iterations_(iterations) {}

  /// The answer to the client's first message, "n,a=alice,n=alice,r=...".
  std::string first(std::string_view message) {
    client_first_ = message.substr(message.find(",n=") + 1);
    client_nonce = client_first_.substr(client_first_.find(",r=") + 3);
    user = client_first_.substr(2, client_first_.find(',') - 2);
    server_first_ = "r=" + client_nonce + "SERVERNONCE,s=" + base64(salt_) + ",i=" + std::to_string(iterations_);
    return server_first_;
  }

  /// The answer to the client's last one, "c=biws,r=...,p=PROOF".
  std::string last(std::string_view message) {
    const std::string_view without_proof = message.substr(0, message.find(",p="));
    const std::string auth = client_first_ + "," + server_first_ + "," + std::string(without_proof);
    const Hash salted = salt_password();
    const Hash client_key = hmac(salted, "Client Key");
    Hash stored_key(static_cast<std::size_t>(EVP_MD_size(digest_)));
    EVP_Digest(client_key.data(), client_key.size(), stored_key.data(), nullptr, digest_, nullptr);
    Hash proof = hmac(stored_key, auth);
    for (std::size_t i = 0; i < proof.size(); ++i) proof[i] ^= client_key[i];
    if (message != std::string(without_proof) + ",p=" + base64(proof)) return "e=invalid-proof";
    return "v=" + base64(hmac(hmac(salted, "Server Key"), auth));
  }

  std::string user;
  std::string client_nonce;

 private:
  [[nodiscard]] Hash salt_password() const {
    Hash salted(static_cast<std::size_t>(EVP_MD_size(digest_)));
    PKCS5_PBKDF2_HMAC(password_.data(), static_cast<int>(password_.size()), salt_.data(),
                      static_cast<int>(salt_.size()), iterations_, digest_, static_cast<int>(salted.size()),
                      salted.data());
    return salted;
  }
  [[nodiscard]] Hash hmac(const Hash& key, std::string_view text) const {
    Hash result(static_cast<std::size_t>(EVP_MD_size(digest_)));
    HMAC(digest_, key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
         text.size(), result.data(), nullptr);
    return result;
  }

  const EVP_MD* digest_;
  std::string password_;
  int iterations_;
  Hash salt_{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  std::string client_first_;
  std::string server_first_;
};

}  // namespace shunt::sasl::tests
