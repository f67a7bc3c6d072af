#include "replicate/config/token_login.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <optional>
#include <stdexcept>
#include <string>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "net/machine.h"
#include "net/token_sources.h"
#include "replicate/config/tls_settings.h"
#include "replicate/config/values.h"
#include "sasl/credentials.h"
#include "sasl/unsecured_token.h"

namespace shunt::replicate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t day_ms = 24LL * 60 * 60 * 1000;
// Kafka has none; an endpoint that hangs must not be waited for for ever.
constexpr std::int64_t default_timeout_ms = 10'000;

constexpr std::string_view package = "org.apache.kafka.common.security.oauthbearer.";
constexpr std::string_view unsecured_handler = "internals.unsecured.OAuthBearerUnsecuredLoginCallbackHandler";
constexpr std::string_view handlers[] = {"OAuthBearerLoginCallbackHandler", "secured.OAuthBearerLoginCallbackHandler",
                                         "internals.secured.OAuthBearerLoginCallbackHandler"};
constexpr std::string_view extension_prefix = "extension_";

/// `name` without Kafka's package; nothing: it is another's class.
std::optional<std::string_view> own_class(std::string_view name) {
  if (!name.starts_with(package)) return std::nullopt;
  return name.substr(package.size());
}

class LoginReader {
 public:
  LoginReader(Reader& reader, const Entry& jaas, const sasl::LoginModule& module)
      : reader_(reader), jaas_(jaas), module_(module) {}

  struct Source {
    net::TokenSource fetch;
    std::string subject_claim;
    std::string_view extension_prefix;
  };

  /// Nothing: something is wrong, and was said.
  std::optional<Source> read_source() {
    if (const Entry* token = reader_.find("shunt.sasl.oauthbearer.token")) {
      return secured(net::fixed_token(token->value));
    }
    const Entry* handler = reader_.find("sasl.login.callback.handler.class");
    const std::string handler_name = reader_.text("sasl.login.callback.handler.class");
    const auto own = own_class(handler_name);
    if (handler_name.empty() || own == unsecured_handler) return read_unsecured();
    if (!own || std::ranges::find(handlers, *own) == std::end(handlers)) {
      reader_.fail(*handler,
                   fmt::format("is not supported: shunt loads no Java classes; it knows {}{}", package, handlers[0]));
      return std::nullopt;
    }
    return read_secured(*handler);
  }

  net::TokenRenewal read_renewal() {
    const auto period = [this](std::string_view key, std::int64_t most) {
      return seconds(reader_.number(key, 0, most));
    };
    const auto pause = [this](std::string_view key, std::int64_t least) {
      return milliseconds(reader_.number(key, least, day_ms));
    };
    net::TokenRenewal renewal;  // the bounds of the first four are Kafka's
    renewal.window_factor = reader_.real("sasl.login.refresh.window.factor", 0.5, 1.0);
    renewal.window_jitter = reader_.real("sasl.login.refresh.window.jitter", 0.0, 0.25);
    renewal.min_period = period("sasl.login.refresh.min.period.seconds", 900);
    renewal.buffer = period("sasl.login.refresh.buffer.seconds", 3600);
    renewal.backoff = pause("sasl.login.retry.backoff.ms", 1);
    renewal.backoff_max = pause("sasl.login.retry.backoff.max.ms", 100);
    return renewal;
  }

 private:
  Source secured(net::TokenSource fetch) {
    return {.fetch = std::move(fetch),
            .subject_claim = reader_.text("sasl.oauthbearer.sub.claim.name"),
            .extension_prefix = extension_prefix};
  }

  std::optional<Source> read_unsecured() {
    if (const Entry* endpoint = reader_.find("sasl.oauthbearer.token.endpoint.url")) {
      reader_.fail(*endpoint, fmt::format("needs sasl.login.callback.handler.class = {}{}, too", package, handlers[0]));
      return std::nullopt;
    }
    std::string why;
    if (!sasl::make_unsecured_token(module_, net::unix_ms(), why)) {
      refuse(fmt::format("{}; for tokens of an identity provider set sasl.login.callback.handler.class", why));
      return std::nullopt;
    }
    reader_.warn(jaas_, "makes tokens that nobody signs: brokers that take them take anybody's word");
    return Source{.fetch = net::unsecured_token(module_),
                  .subject_claim = sasl::unsecured_subject_claim(module_),
                  .extension_prefix = sasl::unsecured_extension_prefix};
  }

  std::optional<Source> read_secured(const Entry& handler) {
    enum class Retriever { by_url, file, client_credentials };
    const Entry* retriever_entry = reader_.find("sasl.oauthbearer.jwt.retriever.class");
    const std::string retriever_name = reader_.text("sasl.oauthbearer.jwt.retriever.class");
    const auto own =
        retriever_name.empty() ? std::optional<std::string_view>("DefaultJwtRetriever") : own_class(retriever_name);
    Retriever retriever{};
    if (own == "FileJwtRetriever") {
      retriever = Retriever::file;
    } else if (own == "ClientCredentialsJwtRetriever") {
      retriever = Retriever::client_credentials;
    } else if (own != "DefaultJwtRetriever") {
      reader_.fail(
          *retriever_entry,
          "is not supported: shunt has DefaultJwtRetriever, FileJwtRetriever and ClientCredentialsJwtRetriever");
      return std::nullopt;
    }
    const Entry* endpoint = reader_.find("sasl.oauthbearer.token.endpoint.url");
    const std::string url = reader_.text("sasl.oauthbearer.token.endpoint.url");
    if (url.empty()) {
      reader_.fail(handler,
                   "needs sasl.oauthbearer.token.endpoint.url: https://..., or file:///... for a token in a file");
      return std::nullopt;
    }
    const bool is_file = url.size() > 5 && equal_ignoring_case(std::string_view(url).substr(0, 5), "file:");
    if (retriever == Retriever::by_url) retriever = is_file ? Retriever::file : Retriever::client_credentials;
    if (is_file != (retriever == Retriever::file)) {
      reader_.fail(*endpoint, fmt::format("does not fit {}", retriever_name));
      return std::nullopt;
    }
    return is_file ? read_file_source(*endpoint, url) : read_endpoint(*endpoint, url);
  }

  std::optional<Source> read_file_source(const Entry& endpoint, std::string_view url) {
    std::string_view path = url.substr(5);
    if (path.starts_with("///")) path.remove_prefix(2);
    if (path.starts_with("//") || !path.starts_with('/')) {
      reader_.fail(endpoint, "is not written file:///path/to/token");
      return std::nullopt;
    }
    return secured(net::token_from_file(std::string(path)));
  }

  std::optional<Source> read_endpoint(const Entry& endpoint, const std::string& url) {
    const auto parsed = net::parse_http_url(url);
    if (!parsed) {
      reader_.fail(endpoint, "is not a URL that begins with https://, http:// or file:///");
      return std::nullopt;
    }
    if (!parsed->is_https && !parsed->is_loopback) {
      reader_.warn(endpoint,
                   "is not encrypted: client secret and tokens can be read by whoever is on the way; use https://");
    }
    net::ClientCredentials client;
    client.endpoint = *parsed;
    client.id = trim(key_or_option(id_key, id_option).reveal());
    client.secret = sasl::Secret(trim(key_or_option(secret_key, secret_option).reveal()));
    client.scope = trim(key_or_option("sasl.oauthbearer.scope", "scope").reveal());
    client.url_encoded = reader_.boolean("sasl.oauthbearer.header.urlencode");
    const auto timeout = [this](std::string_view key) {
      return milliseconds(reader_.optional_number(key, 1, day_ms).value_or(default_timeout_ms));
    };
    client.connect_timeout = timeout("sasl.login.connect.timeout.ms");
    client.read_timeout = timeout("sasl.login.read.timeout.ms");
    if (client.id.empty() || client.secret.empty()) {
      reader_.fail(endpoint,
                   fmt::format("needs {}, or the option {} in sasl.jaas.config",
                               client.id.empty() ? id_key : secret_key, client.id.empty() ? id_option : secret_option));
      return std::nullopt;
    }
    if (has_nul(client)) {
      refuse(nul_in_client);
      return std::nullopt;
    }
    if (!read_trust(endpoint, client.tls)) return std::nullopt;
    return secured(asking_as(std::move(client)));
  }

  /// Whoever rotates what the client shows need not restart it: where that comes from files, they are read for each token.
  net::TokenSource asking_as(net::ClientCredentials client) {
    const Again id = again(id_key, id_option);
    const Again secret = again(secret_key, secret_option);
    if (!id && !secret) return net::token_from_endpoint(std::move(client));
    return [id, secret, client = std::move(client)](const std::atomic<bool>& stopping) {
      sasl::FetchedToken failed;
      net::ClientCredentials newest = client;
      try {
        if (id) newest.id = trim(id().reveal());
        if (secret) newest.secret = sasl::Secret(trim(secret().reveal()));
      } catch (const std::runtime_error& failure) {
        failed.why = failure.what();
        return failed;
      }
      if (!newest.id.empty() && !newest.secret.empty() && !has_nul(newest)) {
        return net::token_from_endpoint(std::move(newest))(stopping);
      }
      failed.why = has_nul(newest) ? nul_in_client : "client id or client secret is empty by now";
      return failed;
    };
  }

  static constexpr std::string_view id_key = "sasl.oauthbearer.client.credentials.client.id";
  static constexpr std::string_view id_option = "clientId";
  static constexpr std::string_view secret_key = "sasl.oauthbearer.client.credentials.client.secret";
  static constexpr std::string_view secret_option = "clientSecret";
  static constexpr const char* nul_in_client = "client id or client secret holds a NUL, which no request can carry";

  static bool has_nul(const net::ClientCredentials& client) {
    return client.id.find('\0') != std::string::npos || client.secret.reveal().find('\0') != std::string_view::npos;
  }

  /// Whom to trust as the endpoint: what the options ssl.* of the JAAS line say, as in Kafka, not what is said of brokers.
  bool read_trust(const Entry& endpoint, net::TlsSettings& tls) {
    std::list<Entry> entries;
    Settings settings;
    for (const auto& [name, value] : module_.options) {
      if (!name.starts_with("ssl.")) continue;
      entries.push_back({.key = fmt::format("{}, option {}", jaas_.key, name),
                         .value = value,
                         .where = jaas_.where,
                         .from_provider = true});
      settings.emplace(name, &entries.back());
    }
    Reader reader = reader_.over(settings);
    tls = read_tls_settings(reader);
    std::string why;
    if (net::TlsContext::make(tls, why)) return true;
    reader_.fail(endpoint, fmt::format("cannot be trusted as sasl.jaas.config says: {}", why));
    return false;
  }

  /// The key wins, as in Kafka.
  sasl::Secret key_or_option(std::string_view key, std::string_view option) {
    if (const Entry* entry = reader_.find(key)) return entry->value;
    const auto entry = module_.options.find(option);
    return entry == module_.options.end() ? sasl::Secret() : entry->second;
  }

  /// What key_or_option() would give by now; throws std::runtime_error. Null: no part of it came from a file.
  using Again = std::function<sasl::Secret()>;
  Again again(std::string_view key, std::string_view option) {
    if (const Entry* entry = reader_.find(key)) return entry->provided ? entry->provided->read : nullptr;
    if (!jaas_.provided) return nullptr;
    return [read = jaas_.provided->read, option] {
      const sasl::Secret jaas = read();
      std::string why;
      const auto module = sasl::parse_jaas(jaas.reveal(), why);
      if (!module) throw std::runtime_error("sasl.jaas.config is refused: " + why);
      const auto entry = module->options.find(option);
      return entry == module->options.end() ? sasl::Secret() : entry->second;
    };
  }

  void refuse(const std::string& why) { reader_.fail(jaas_, fmt::format("is refused: {}", why)); }

  Reader& reader_;
  const Entry& jaas_;
  const sasl::LoginModule& module_;
};

/// Everything a login depends on.
sasl::Secret keys_of(const Settings& settings) {
  std::vector<char> text;
  std::size_t size = 0;
  const auto belongs = [](std::string_view key) { return key.starts_with("sasl.") || key.starts_with("shunt.sasl."); };
  for (const auto& [key, entry] : settings) size += belongs(key) ? key.size() + entry->value.reveal().size() + 2 : 0;
  text.reserve(size);
  for (const auto& [key, entry] : settings) {
    if (!belongs(key)) continue;
    for (const std::string_view part : {std::string_view(key), entry->value.reveal()}) {
      text.insert(text.end(), part.begin(), part.end());
      text.push_back('\0');
    }
  }
  sasl::Secret keys(std::string_view(text.data(), text.size()));
  sasl::wipe(text);
  return keys;
}

void tell(bool is_trouble, const std::string& what) {
  is_trouble ? spdlog::warn("OAUTHBEARER: {}", what) : spdlog::info("OAUTHBEARER: {}", what);
}

}  // namespace

const TokenLogins::Login* TokenLogins::find(const sasl::Secret& keys) const {
  const auto known = std::ranges::find(logins_, keys.reveal(), [](const auto& entry) { return entry.first.reveal(); });
  return known == logins_.end() ? nullptr : &known->second;
}

void read_token_login(Reader& reader, const Entry& jaas, const sasl::LoginModule& module, TokenLogins& logins,
                      net::Security& security) {
  sasl::Secret keys = keys_of(reader.settings());
  if (const TokenLogins::Login* known = logins.find(keys)) {
    security.credentials = known->credentials;
    security.login = known->login;
    return;
  }
  LoginReader login_reader(reader, jaas, module);
  auto source = login_reader.read_source();
  const net::TokenRenewal renewal = login_reader.read_renewal();
  if (!source) return;
  TokenLogins::Login made;
  made.login = std::make_shared<net::TokenLogin>(net::TokenLogin::Settings{
      .source = std::move(source->fetch), .subject_claim = source->subject_claim, .renewal = renewal, .tell = tell});
  std::string why;
  auto credentials = sasl::make_token_credentials(module, source->extension_prefix, made.login->current(), why);
  if (!credentials) {
    reader.fail(jaas, fmt::format("is refused: {}", why));
    return;
  }
  made.credentials = std::make_shared<net::CredentialsSource>(std::move(*credentials));
  security.credentials = made.credentials;
  security.login = made.login;
  logins.add(std::move(keys), std::move(made));
}

}  // namespace shunt::replicate
