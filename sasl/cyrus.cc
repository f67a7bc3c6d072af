#include "sasl/cyrus.h"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <new>
#include <stdexcept>

#include <fmt/format.h>
#include <sasl/sasl.h>

#include "sasl/printable_text.h"

namespace shunt::sasl {
namespace {

// The library takes every callback for an `int (*)()` and casts it back by its id.
template <class Function>
sasl_callback_t callback(unsigned long id, Function* function, void* context) {
  return {.id = id, .proc = reinterpret_cast<int (*)()>(reinterpret_cast<void (*)()>(function)), .context = context};
}

/// Of all plug-ins installed on the machine, those that are asked for here, and no others, are loaded.
int verify_file(void*, const char* file, sasl_verify_type_t type) {
  if (type != SASL_VRFY_PLUGIN) return SASL_OK;
  const std::string name = std::filesystem::path(file).filename().string();
  return name.starts_with("libplain.") || name.starts_with("libscram.") || name.starts_with("libgssapiv2.")
             ? SASL_OK
             : SASL_CONTINUE;
}

/// Otherwise it writes to the system's log, and not only what may be read there.
int be_silent(void*, int, const char*) {
  return SASL_OK;
}

void* make_mutex() {
  return new (std::nothrow) std::mutex;
}
int lock_mutex(void* mutex) {
  static_cast<std::mutex*>(mutex)->lock();
  return SASL_OK;
}
int unlock_mutex(void* mutex) {
  static_cast<std::mutex*>(mutex)->unlock();
  return SASL_OK;
}
void free_mutex(void* mutex) {
  delete static_cast<std::mutex*>(mutex);
}

/// Once in a process; it stays. Throws std::runtime_error.
void initialise_library() {
  static const int result = [] {
    sasl_set_mutex(make_mutex, lock_mutex, unlock_mutex, free_mutex);
    static sasl_callback_t callbacks[] = {callback(SASL_CB_VERIFYFILE, verify_file, nullptr),
                                          callback(SASL_CB_LOG, be_silent, nullptr),
                                          {.id = SASL_CB_LIST_END, .proc = nullptr, .context = nullptr}};
    return sasl_client_init(callbacks);
  }();
  if (result != SASL_OK) {
    throw std::runtime_error(fmt::format("Cyrus SASL: {}", sasl_errstring(result, nullptr, nullptr)));
  }
}

int give_user(void* context, int, const char** result, unsigned* size) {
  const auto& credentials = *static_cast<const Credentials*>(context);
  static const std::string nobody;  // GSSAPI: whom the ticket names
  const std::string& user = credentials.mechanism == Mechanism::gssapi ? nobody : credentials.user;
  *result = user.c_str();
  if (size != nullptr) *size = static_cast<unsigned>(user.size());
  return SASL_OK;
}

}  // namespace

struct CyrusClient::Session {
  Session(const Credentials& from, Kerberos with) : credentials(from), kerberos(std::move(with)) {
    const std::string_view text = credentials.password.reveal();
    // sasl_secret_t is a length with the bytes behind it.
    password_bytes.resize(sizeof(sasl_secret_t) + text.size());
    auto* secret = reinterpret_cast<sasl_secret_t*>(password_bytes.data());
    secret->len = text.size();
    std::memcpy(secret->data, text.data(), text.size());
  }
  ~Session() {
    sasl_dispose(&connection);
    wipe(password_bytes);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  static int give_password(sasl_conn_t*, void* context, int, sasl_secret_t** secret) {
    *secret = reinterpret_cast<sasl_secret_t*>(static_cast<Session*>(context)->password_bytes.data());
    return SASL_OK;
  }

  const Credentials& credentials;
  const Kerberos kerberos;
  std::vector<char, SecretAllocator<char>> password_bytes;
  sasl_callback_t callbacks[4] = {
      // Whom to be (authorisation) is who we are (authentication): Kafka takes nothing else.
      callback(SASL_CB_USER, give_user, const_cast<Credentials*>(&credentials)),
      callback(SASL_CB_AUTHNAME, give_user, const_cast<Credentials*>(&credentials)),
      callback(SASL_CB_PASS, give_password, this),
      {.id = SASL_CB_LIST_END, .proc = nullptr, .context = nullptr}};
  sasl_conn_t* connection = nullptr;
};

CyrusClient::CyrusClient(const Credentials& credentials, Kerberos kerberos) {
  initialise_library();
  session_ = std::make_unique<Session>(credentials, std::move(kerberos));
  // Only GSSAPI looks at them.
  const std::string& service = session_->kerberos.service;
  const std::string& host = session_->kerberos.host;
  const int result = sasl_client_new(service.empty() ? "kafka" : service.c_str(), host.empty() ? "kafka" : host.c_str(),
                                     nullptr, nullptr, session_->callbacks, 0, &session_->connection);
  if (result == SASL_OK && session_->kerberos.credential) {
    // Who we are, and no more: Kafka encrypts with TLS or not at all.
    const sasl_security_properties_t no_layer{.min_ssf = 0,
                                              .max_ssf = 0,
                                              .maxbufsize = 0,
                                              .security_flags = 0,
                                              .property_names = nullptr,
                                              .property_values = nullptr};
    sasl_setprop(session_->connection, SASL_SEC_PROPS, &no_layer);
    sasl_setprop(session_->connection, SASL_GSS_CREDS, session_->kerberos.credential.get());
  }
  if (result != SASL_OK) {
    throw std::runtime_error(fmt::format("Cyrus SASL: {}", sasl_errstring(result, nullptr, nullptr)));
  }
}

CyrusClient::~CyrusClient() {
  wipe(output_);
}

CyrusClient::Outcome CyrusClient::start() {
  const char* output = nullptr;
  unsigned size = 0;
  const char* mechanism = to_string(session_->credentials.mechanism);
  const int result = sasl_client_start(session_->connection, mechanism, nullptr, &output, &size, nullptr);
  if (result == SASL_NOMECH) {
    reason_ = fmt::format("this machine has no plug-in for {}: install the package libsasl2-modules{}", mechanism,
                          session_->credentials.mechanism == Mechanism::gssapi ? "-gssapi-mit" : "");
    return Outcome::failed;
  }
  return note(result, output, size);
}

CyrusClient::Outcome CyrusClient::handle_challenge(std::span<const std::byte> challenge) {
  const char* output = nullptr;
  unsigned size = 0;
  const auto* text = reinterpret_cast<const char*>(challenge.data());
  const int result =
      sasl_client_step(session_->connection, text, static_cast<unsigned>(challenge.size()), nullptr, &output, &size);
  return note(result, output, size);
}

CyrusClient::Outcome CyrusClient::note(int result, const char* output, unsigned size) {
  if (result != SASL_OK && result != SASL_CONTINUE) {
    if (session_->credentials.mechanism == Mechanism::gssapi) {
      reason_ = printable_text(sasl_errdetail(session_->connection));  // the Kerberos library's words
    } else {
      reason_ =
          result == SASL_BADSERV ? "the server does not know the password" : sasl_errstring(result, nullptr, nullptr);
    }
    return Outcome::failed;
  }
  wipe(output_);
  const auto* bytes = reinterpret_cast<const std::byte*>(output);
  if (output != nullptr) output_.assign(bytes, bytes + size);
  return result == SASL_OK ? Outcome::ended : Outcome::more;
}

}  // namespace shunt::sasl
