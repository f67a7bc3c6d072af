#include "sasl/credentials.h"

#include <utility>

#include <fmt/format.h>

#include "sasl/printable_text.h"

namespace shunt::sasl {
namespace {

bool serves(const LoginModule& module, Mechanism mechanism, LoginModule::Kind wanted, std::string& why) {
  if (module.kind == wanted) return true;
  why = fmt::format("{} does not serve the mechanism {}, which needs {}", to_string(module.kind), to_string(mechanism),
                    to_string(wanted));
  return false;
}

}  // namespace

std::string Credentials::describe() const {
  const auto holder = token ? token->get().token : nullptr;
  const std::string& name = holder ? holder->user : user;
  if (name.empty()) return to_string(mechanism);
  return fmt::format("{} as user \"{}\"", to_string(mechanism), printable_text(name));
}

std::optional<Credentials> make_token_credentials(const LoginModule& module, std::string_view extension_prefix,
                                                  std::shared_ptr<const CurrentToken> token, std::string& why) {
  if (!serves(module, Mechanism::oauth_bearer, LoginModule::Kind::oauth_bearer, why)) return std::nullopt;
  Credentials credentials;
  credentials.mechanism = Mechanism::oauth_bearer;
  credentials.token = std::move(token);
  for (const auto& [option, value] : module.options) {
    if (!option.starts_with(extension_prefix)) continue;
    const std::string name = option.substr(extension_prefix.size());
    why = check_extension(name, value);
    if (!why.empty()) return std::nullopt;
    credentials.extensions.emplace(name, value);
  }
  return credentials;
}

std::optional<Credentials> make_credentials(Mechanism mechanism, const LoginModule& module, std::string& why) {
  const auto wanted = is_scram(mechanism) ? LoginModule::Kind::scram : LoginModule::Kind::plain;
  if (!serves(module, mechanism, wanted, why)) return std::nullopt;
  const auto option = [&module](std::string_view name) {
    const auto entry = module.options.find(name);
    return entry == module.options.end() ? Secret() : entry->second;
  };
  if (option("tokenauth").reveal() == "true") {
    why = "delegation tokens (tokenauth) are not supported: name a user and its password";
    return std::nullopt;
  }
  Credentials credentials;
  credentials.mechanism = mechanism;
  credentials.user = option("username").reveal();
  credentials.password = option("password");
  for (const auto& [name, text] : {std::pair<std::string_view, std::string_view>{"username", credentials.user},
                                   {"password", credentials.password.reveal()}}) {
    if (text.empty()) {
      why = fmt::format("{0} is missing, or empty: write {0}=\"...\" before the ;", name);
    } else if (text.find('\0') != std::string_view::npos) {
      why = fmt::format("{} holds a NUL, which no mechanism can carry", name);
    } else {
      continue;
    }
    return std::nullopt;
  }
  return credentials;
}

}  // namespace shunt::sasl
