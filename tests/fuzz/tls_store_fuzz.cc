// Stores: any bytes as PEM or PKCS12, with any password, make a context or a reason that holds nothing of the password. Half
// of the inputs are changes to a store that holds: nobody finds one by chance.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <openssl/pkcs12.h>
#include <sys/mman.h>
#include <unistd.h>

#include "net/tls_context.h"
#include "tests/support/tls_certificates.h"

using shunt::net::TlsContext;
using shunt::net::TlsSettings;
using shunt::net::TlsStore;
using shunt::sasl::Secret;

namespace {

/// A file that is never on a disk.
class Memory {
 public:
  explicit Memory(std::string_view text) : fd_(memfd_create("store", MFD_CLOEXEC)) {
    if (fd_ < 0 || write(fd_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
  }
  ~Memory() { close(fd_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

// Every password begins like this: a fuzzer that reads the program's strings makes one of what a reason says anyway.
constexpr std::string_view never_said = "\x01|#";
constexpr const char* good_password = "\x01|#open";

std::string good_pkcs12(const shunt::tests::Identity& identity) {
  BIO* key_text = BIO_new_mem_buf(identity.key.data(), static_cast<int>(identity.key.size()));
  BIO* text = BIO_new_mem_buf(identity.certificate.data(), static_cast<int>(identity.certificate.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(key_text, nullptr, nullptr, nullptr);
  X509* certificate = PEM_read_bio_X509(text, nullptr, nullptr, nullptr);
  // One iteration: what it costs to open it is not what is looked for.
  PKCS12* store = PKCS12_create(good_password, "mirror", key, certificate, nullptr, 0, 0, 1, 1, 0);
  BIO* out = BIO_new(BIO_s_mem());
  i2d_PKCS12_bio(out, store);
  char* bytes = nullptr;
  const long length = BIO_get_mem_data(out, &bytes);
  std::string made(bytes, static_cast<std::size_t>(length));
  PKCS12_free(store);
  X509_free(certificate);
  EVP_PKEY_free(key);
  for (BIO* bio : {key_text, text, out}) BIO_free(bio);
  return made;
}

/// Position (two bytes) and what is to be there, as often as it is said.
std::string changed(std::string store, std::string_view changes) {
  for (; changes.size() >= 3; changes.remove_prefix(3)) {
    const auto at =
        static_cast<std::size_t>(static_cast<unsigned char>(changes[0]) << 8 | static_cast<unsigned char>(changes[1]));
    store[at % store.size()] = changes[2];
  }
  return store;
}

void make(const TlsSettings& settings, std::string_view password) {
  std::string why;
  const auto context = TlsContext::make(settings, why);
  if (!context == why.empty()) std::abort();
  if (!password.empty() && why.find(password) != std::string::npos) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // What it is used for | length of the password | password | store
  if (size < 2) return 0;
  const bool is_trust = (data[0] & 1) != 0;
  const bool is_inline = (data[0] & 2) != 0;
  const bool is_pkcs12 = (data[0] & 4) != 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  static const shunt::tests::Identity identity = shunt::tests::Authority().issue("mirror");
  static const std::string pkcs12 = good_pkcs12(identity);
  const std::string_view tail = text.substr(0, data[1]);
  text.remove_prefix(tail.size());
  std::string password;
  if (!tail.empty()) password.append(never_said).append(tail);
  std::string store_text(text);
  if ((data[0] & 8) != 0) {
    store_text = changed(is_pkcs12 ? pkcs12 : identity.both(), text);
    if (password.empty()) password = good_password;
  }

  TlsStore store;
  store.password = store.key_password = Secret(password);
  store.type = is_pkcs12 ? TlsStore::Type::pkcs12 : TlsStore::Type::pem;
  const Memory file(store_text);
  if (is_inline) {
    store.type = TlsStore::Type::pem;
    store.certificates = store.key = Secret(store_text);
  } else {
    store.path = file.path();
  }
  TlsSettings settings;
  settings.trust.emplace().certificates = Secret(identity.certificate);  // the system's own take long to read
  (is_trust ? settings.trust : settings.own) = store;
  make(settings, password);
  return 0;
}
