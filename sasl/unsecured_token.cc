#include "sasl/unsecured_token.h"

#include <charconv>
#include <cmath>
#include <vector>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "sasl/base64url.h"

namespace shunt::sasl {
namespace {

namespace json = boost::json;

constexpr std::string_view string_prefix = "unsecuredLoginStringClaim_";
constexpr std::string_view number_prefix = "unsecuredLoginNumberClaim_";
constexpr std::string_view list_prefix = "unsecuredLoginListClaim_";
constexpr std::string_view lifetime_option = "unsecuredLoginLifetimeSeconds";
constexpr double default_lifetime_seconds = 3600;

std::string option(const LoginModule& module, std::string_view name, std::string_view fallback) {
  const auto entry = module.options.find(name);
  return std::string(entry == module.options.end() ? fallback : entry->second.reveal());
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_number = error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
  return is_number ? std::optional(value) : std::nullopt;
}

/// ",a,b": [a, b]
json::array items(std::string_view text) {
  json::array list;
  while (text.size() > 1) {
    const char separator = text.front();
    const std::size_t end = text.find(separator, 1);
    list.emplace_back(text.substr(1, end == std::string_view::npos ? end : end - 1));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end);
  }
  return list;
}

void append_part(std::vector<char>& token, const json::value& value) {
  const std::string text = json::serialize(value);
  const std::vector<char> part = encode_base64url(text);
  token.insert(token.end(), part.begin(), part.end());
  token.push_back('.');
}

}  // namespace

std::string unsecured_subject_claim(const LoginModule& module) {
  return option(module, "unsecuredLoginPrincipalClaimName", "sub");
}

std::optional<Secret> make_unsecured_token(const LoginModule& module, std::int64_t now_ms, std::string& why) {
  const auto fail = [&why](std::string reason) {
    why = std::move(reason);
    return std::nullopt;
  };
  json::object claims;
  for (const auto& [name, value] : module.options) {
    const std::string_view text = value.reveal();
    if (name.starts_with(string_prefix)) {
      claims[name.substr(string_prefix.size())] = text;
    } else if (name.starts_with(list_prefix)) {
      claims[name.substr(list_prefix.size())] = items(text);
    } else if (name.starts_with(number_prefix)) {
      const auto parsed = number(text);
      if (!parsed) return fail(fmt::format("{} is not a number", name));
      claims[name.substr(number_prefix.size())] = *parsed;
    }
  }
  const std::string subject = unsecured_subject_claim(module);
  const json::value* user = claims.if_contains(subject);
  if (user == nullptr || !user->is_string() || user->get_string().empty()) {
    return fail(fmt::format("{}{} is missing, which says whose an unsigned token is", string_prefix, subject));
  }
  const auto lifetime_text = option(module, lifetime_option, "");
  const auto lifetime = lifetime_text.empty() ? std::optional(default_lifetime_seconds) : number(lifetime_text);
  if (!lifetime || *lifetime <= 0) return fail(fmt::format("{} is not a number above 0", lifetime_option));
  const double now = static_cast<double>(now_ms) / 1000;
  if (!claims.contains("iat")) claims["iat"] = now;
  if (!claims.contains("exp")) claims["exp"] = now + *lifetime;

  std::vector<char> token;
  append_part(token, json::object{{"alg", "none"}});
  append_part(token, claims);
  Secret made(std::string_view(token.data(), token.size()));
  wipe(token);
  return made;
}

}  // namespace shunt::sasl
