#include "sasl/credentials.h"

#include <fmt/format.h>

namespace shunt::sasl {

std::optional<Credentials> make_credentials(Mechanism mechanism, const LoginModule& module, std::string& why) {
  const auto wanted = is_scram(mechanism) ? LoginModule::Kind::scram : LoginModule::Kind::plain;
  if (module.kind != wanted) {
    why = fmt::format("{} does not serve the mechanism {}, which needs {}", to_string(module.kind),
                      to_string(mechanism), to_string(wanted));
    return std::nullopt;
  }
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
