#include "sasl/bearer_token.h"

#include <algorithm>
#include <cmath>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "sasl/base64url.h"
#include "sasl/printable_text.h"

namespace shunt::sasl {
namespace {

namespace json = boost::json;

bool is_blank(char c) {
  return static_cast<unsigned char>(c) <= ' ';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// What brokers take for a token (OAuthBearerClientInitialResponse).
bool is_token_text(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
}

/// A time claim (RFC 7519: seconds since 1970, perhaps with a fraction). Nothing: there is none.
std::optional<std::int64_t> time_ms(const json::object& claims, std::string_view name) {
  const json::value* value = claims.if_contains(name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  const double seconds = value->to_number<double>();
  constexpr double longest = 1e12;  // thirty thousand years
  if (!std::isfinite(seconds) || seconds < 0) return std::nullopt;
  return static_cast<std::int64_t>(std::min(seconds, longest) * 1000);
}

}  // namespace

std::optional<BearerToken> parse_bearer_token(std::string_view text, std::string_view subject_claim, std::string& why) {
  text = trimmed(text);
  const auto fail = [&why](std::string reason) {
    why = std::move(reason);
    return std::nullopt;
  };
  if (text.empty()) return fail("it is empty");
  if (text.size() > bearer_token_limit_bytes)
    return fail(fmt::format("it is longer than {} bytes", bearer_token_limit_bytes));
  if (!is_token_text(text)) return fail("it holds what no JWT can hold");
  const std::size_t first_dot = text.find('.');
  const std::size_t last_dot = text.rfind('.');
  if (std::ranges::count(text, '.') != 2 || first_dot == 0 || last_dot == first_dot + 1) {
    return fail("it is no JWT, three parts with dots between them");
  }
  auto payload = decode_base64url(text.substr(first_dot + 1, last_dot - first_dot - 1));
  if (!payload) return fail("its claims are not base64url");
  boost::system::error_code error;
  const json::value claims = json::parse({payload->data(), payload->size()}, error);
  wipe(*payload);
  if (error || !claims.is_object()) return fail("its claims are no JSON object");

  const auto expires_ms = time_ms(claims.get_object(), "exp");
  if (!expires_ms) return fail("it does not say when it ends: the claim exp is missing");
  const json::value* subject = claims.get_object().if_contains(subject_claim);
  if (subject == nullptr || !subject->is_string() || subject->get_string().empty()) {
    return fail(fmt::format("it does not say whose it is: the claim {} is missing", subject_claim));
  }
  return BearerToken{.text = Secret(text),
                     .user = printable_text(subject->get_string()),
                     .issued_ms = time_ms(claims.get_object(), "iat"),
                     .expires_ms = *expires_ms};
}

}  // namespace shunt::sasl
