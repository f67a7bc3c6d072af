#include "replicate/config/security.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "net/kerberos_login.h"
#include "net/tls_source.h"
#include "replicate/config/tls_settings.h"
#include "replicate/config/values.h"
#include "sasl/credentials.h"

namespace shunt::replicate {
namespace {

struct SecurityProtocol {
  bool tls;
  bool sasl;
};

SecurityProtocol read_protocol(Reader& reader) {
  return reader.choice<SecurityProtocol>("security.protocol", {{"PLAINTEXT", {.tls = false, .sasl = false}},
                                                               {"SSL", {.tls = true, .sasl = false}},
                                                               {"SASL_PLAINTEXT", {.tls = false, .sasl = true}},
                                                               {"SASL_SSL", {.tls = true, .sasl = true}}});
}

// ---- SASL -----------------------------------------------------------------------------------------------------------

std::optional<sasl::Mechanism> read_mechanism(Reader& reader) {
  const auto mechanism = sasl::find_mechanism(reader.text("sasl.mechanism"));
  if (!mechanism) {
    reader.fail(*reader.find("sasl.mechanism"),
                "is not supported; shunt has PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER and GSSAPI");
  }
  return mechanism;
}

void read_kerberos(Reader& reader, const Entry& jaas, const sasl::LoginModule& module, net::Security& security) {
  std::string why;
  auto settings = sasl::read_kerberos(module, reader.text("sasl.kerberos.service.name"), why);
  if (!settings) {
    reader.fail(jaas, fmt::format("is refused: {}", why));
    return;
  }
  sasl::Credentials credentials;
  credentials.mechanism = sasl::Mechanism::gssapi;
  credentials.user = settings->principal;
  security.kerberos = std::make_shared<net::KerberosLogin>(std::move(*settings));
  credentials.slow_start = security.kerberos;
  security.credentials = std::make_shared<net::CredentialsSource>(std::move(credentials));
}

/// User and password, from what `sasl.jaas.config` is by now.
net::CredentialsSource::Read reading_again(const ProvidedValue& provided, sasl::Mechanism mechanism,
                                           std::uint32_t most_scram_iterations) {
  return
      [read = provided.read, mechanism, most_scram_iterations](std::string& why) -> std::optional<sasl::Credentials> {
        try {
          const sasl::Secret jaas = read();
          const auto module = sasl::parse_jaas(jaas.reveal(), why);
          if (!module) return std::nullopt;
          auto credentials = sasl::make_credentials(mechanism, *module, why);
          if (credentials) credentials->most_scram_iterations = most_scram_iterations;
          return credentials;
        } catch (const std::runtime_error& failure) {
          why = failure.what();
          return std::nullopt;
        }
      };
}

void read_credentials(Reader& reader, TokenLogins& logins, net::Security& security) {
  const Entry& protocol = *reader.find("security.protocol");
  const auto mechanism = read_mechanism(reader);
  const Entry* jaas = reader.find("sasl.jaas.config");
  if (jaas == nullptr)
    reader.fail(protocol, "needs sasl.jaas.config, which says who shunt is, and sasl.mechanism, unless that is GSSAPI");
  if (!mechanism || jaas == nullptr) return;

  std::string why;
  const auto module = sasl::parse_jaas(jaas->value.reveal(), why);
  if (!module) {
    reader.fail(*jaas, fmt::format("is refused: {}", why));
    return;
  }
  if (*mechanism == sasl::Mechanism::oauth_bearer) {
    read_token_login(reader, *jaas, *module, logins, security);
    return;
  }
  if (*mechanism == sasl::Mechanism::gssapi) {
    read_kerberos(reader, *jaas, *module, security);
    return;
  }
  auto credentials = sasl::make_credentials(*mechanism, *module, why);
  if (!credentials) {
    reader.fail(*jaas, fmt::format("is refused: {}", why));
    return;
  }
  if (const Entry* handler = reader.find("sasl.login.callback.handler.class")) {
    reader.warn(*handler,
                "has no effect: user and password come from sasl.jaas.config, and shunt loads no Java classes");
  }
  credentials->most_scram_iterations = reader.number_as<std::uint32_t>(
      "shunt.sasl.scram.iterations.max", sasl::least_scram_iterations, sasl::largest_scram_iterations);
  if (!jaas->provided) {
    security.credentials = std::make_shared<net::CredentialsSource>(std::move(*credentials));
    return;
  }
  // From now on changes are seen; what has changed before is read here.
  net::FileWatch watch(jaas->provided->files);
  auto read = reading_again(*jaas->provided, *mechanism, credentials->most_scram_iterations);
  if (auto newest = read(why)) credentials = std::move(newest);
  security.credentials =
      std::make_shared<net::CredentialsSource>(std::move(*credentials), std::move(watch), std::move(read));
}

// ---- TLS ------------------------------------------------------------------------------------------------------------

constexpr std::string_view tls_prefix = "ssl.";

sasl::Secret secret_of(const Entry* entry) {
  return entry == nullptr ? sasl::Secret() : entry->value;
}

/// `name`: "ssl.truststore" or "ssl.keystore". Nothing: none is configured.
std::optional<net::TlsStore> read_store(Reader& reader, const std::string& name, const std::string& inline_key) {
  enum class Type { jks, pkcs12, pem };
  const auto type =
      reader.choice<Type>(name + ".type", {{"JKS", Type::jks}, {"PKCS12", Type::pkcs12}, {"PEM", Type::pem}});
  const Entry* certificates = reader.find(name + inline_key);
  net::TlsStore store;
  // As in Java, a store said to be JKS may be PKCS12; one that is JKS is refused when it is read.
  store.type = type == Type::pem ? net::TlsStore::Type::pem : net::TlsStore::Type::pkcs12;
  store.path = reader.text(name + ".location");
  store.password = secret_of(reader.find(name + ".password"));
  store.certificates = secret_of(certificates);
  if (certificates != nullptr && type != Type::pem) {
    reader.fail(*certificates, fmt::format("needs {}.type = PEM", name));
    return std::nullopt;
  }
  if (certificates != nullptr && !store.path.empty()) {
    reader.fail(*certificates, fmt::format("and {}.location exclude each other", name));
    return std::nullopt;
  }
  if (store.path.empty() && certificates == nullptr) return std::nullopt;
  return store;
}

void read_versions(Reader& reader, net::TlsSettings& settings) {
  settings.allow_tls12 = settings.allow_tls13 = false;
  for (const std::string& version : reader.list("ssl.enabled.protocols")) {
    if (version == "TLSv1.2") {
      settings.allow_tls12 = true;
    } else if (version == "TLSv1.3") {
      settings.allow_tls13 = true;
    } else {
      reader.fail(*reader.find("ssl.enabled.protocols"), "names another version than TLSv1.2 and TLSv1.3");
    }
  }
}

void read_host_check(Reader& reader, net::TlsSettings& settings) {
  const std::string algorithm = reader.text("ssl.endpoint.identification.algorithm");
  if (equal_ignoring_case(algorithm, "https")) return;
  const Entry& entry = *reader.find("ssl.endpoint.identification.algorithm");
  if (!algorithm.empty()) {
    reader.fail(entry, "is neither https nor empty");
    return;
  }
  settings.check_host = false;
  reader.warn(entry, "lets every host pass for a broker that has any certificate of a trusted issuer");
}

/// What the keys ssl.* say, with what their providers have by now.
net::TlsSource::Read reading_tls_again(const Reader& reader) {
  std::vector<std::pair<std::string, Entry>> entries;
  for (const auto& [key, entry] : reader.settings()) {
    if (key.starts_with(tls_prefix)) entries.emplace_back(key, *entry);
  }
  return [level = reader.level(), entries](std::string& why) -> std::optional<net::TlsSettings> {
    auto newest = entries;
    Settings settings;
    for (auto& [key, entry] : newest) {
      try {
        if (entry.provided) entry.value = entry.provided->read();
      } catch (const std::runtime_error& failure) {
        why = failure.what();
        return std::nullopt;
      }
      settings.emplace(key, &entry);
    }
    Diagnostics diagnostics;
    Reader again(settings, level, diagnostics);
    net::TlsSettings read = read_tls_settings(again);
    if (!diagnostics.has_errors()) return read;
    const auto said = diagnostics.sorted();
    why = std::ranges::find(said, Severity::error, &Diagnostic::severity)->message;
    return std::nullopt;
  };
}

std::shared_ptr<net::TlsSource> read_tls(Reader& reader) {
  std::string why;
  net::TlsSettings settings = read_tls_settings(reader);
  std::vector<std::string> files;
  for (const auto& [key, entry] : reader.settings()) {
    if (key.starts_with(tls_prefix) && entry->provided)
      files.insert(files.end(), entry->provided->files.begin(), entry->provided->files.end());
  }
  auto source = files.empty() ? net::TlsSource::make(std::move(settings), why)
                              : net::TlsSource::make(reading_tls_again(reader), files, why);
  if (!source) reader.fail(*reader.find("security.protocol"), fmt::format("cannot be had: {}", why));
  return source;
}

}  // namespace

net::TlsSettings read_tls_settings(Reader& reader) {
  net::TlsSettings settings;
  read_versions(reader, settings);
  for (const std::string& suite : reader.list("ssl.cipher.suites")) {
    if (!suite.empty()) settings.cipher_suites.push_back(suite);
  }
  read_host_check(reader, settings);
  settings.trust = read_store(reader, "ssl.truststore", ".certificates");
  settings.own = read_store(reader, "ssl.keystore", ".certificate.chain");
  if (settings.own) {
    settings.own->key = secret_of(reader.find("ssl.keystore.key"));
    settings.own->key_password = secret_of(reader.find("ssl.key.password"));
  }
  return settings;
}

net::Security read_security(Reader& reader, TokenLogins& logins) {
  const SecurityProtocol protocol = read_protocol(reader);
  net::Security security;
  if (protocol.sasl) read_credentials(reader, logins, security);
  if (protocol.tls) security.tls = read_tls(reader);
  return security;
}

}  // namespace shunt::replicate
