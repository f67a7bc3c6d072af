#include "sasl/oauth_bearer.h"

#include <algorithm>
#include <span>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "sasl/printable_text.h"

namespace shunt::sasl {
namespace {

constexpr char separator = '\x01';
constexpr std::size_t status_limit_bytes = 64;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_value_part(char c) {
  return (c > ' ' && c < 0x7f) || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

}  // namespace

std::string check_extension(std::string_view name, const Secret& value) {
  if (name == "auth") return "the extension auth is the token's own";
  if (name.empty() || !std::ranges::all_of(name, is_letter)) {
    return fmt::format("the extension {} has a name of other than letters", printable_text(name));
  }
  if (value.empty() || !std::ranges::all_of(value.reveal(), is_value_part)) {
    return fmt::format("the extension {} is empty, or no ASCII text", name);
  }
  return {};
}

std::vector<std::byte> oauth_client_first(const BearerToken& token, const Extensions& extensions) {
  const std::string_view end(&separator, 1);
  std::vector<std::string_view> pieces{"n,,", end, "auth=Bearer ", token.text.reveal(), end};
  for (const auto& [name, value] : extensions) {
    for (const std::string_view piece : {std::string_view(name), std::string_view("="), value.reveal(), end}) {
      pieces.push_back(piece);
    }
  }
  pieces.push_back(end);
  std::size_t size = 0;
  for (const std::string_view piece : pieces) size += piece.size();
  std::vector<std::byte> message(size);  // at once: growing would leave a copy behind
  auto place = message.begin();
  for (const std::string_view piece : pieces) place = std::ranges::copy(std::as_bytes(std::span(piece)), place).out;
  return message;
}

std::vector<std::byte> oauth_client_gives_up() {
  return {static_cast<std::byte>(separator)};
}

std::string oauth_refusal_status(std::string_view message) {
  boost::system::error_code error;
  const boost::json::value answer = boost::json::parse({message.data(), message.size()}, error);
  if (error || !answer.is_object()) return {};
  const boost::json::value* status = answer.get_object().if_contains("status");
  return status != nullptr && status->is_string() ? printable_text(status->get_string(), status_limit_bytes)
                                                  : std::string();
}

}  // namespace shunt::sasl
