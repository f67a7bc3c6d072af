#include "sasl/token_response.h"

#include <vector>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "sasl/printable_text.h"

namespace shunt::sasl {
namespace {

namespace json = boost::json;

std::string_view text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

/// What says "not like this", not "not now".
bool is_final(long status) {
  constexpr long request_timeout = 408;
  constexpr long too_early = 425;
  constexpr long too_many_requests = 429;
  constexpr long not_implemented = 501;
  constexpr long version_not_supported = 505;
  if (status == request_timeout || status == too_early || status == too_many_requests) return false;
  return (status >= 300 && status < 500) || status == not_implemented || status == version_not_supported;
}

/// "invalid_client: Client authentication failed" (RFC 6749, 5.2), or as Okta words it; empty: it says neither.
std::string explain(const json::object& answer) {
  for (const auto& [code, text] : {std::pair{"error", "error_description"}, {"errorCode", "errorSummary"}}) {
    const std::string_view error = text_of(answer, code);
    if (error.empty()) continue;
    const std::string_view description = text_of(answer, text);
    return printable_text(error) + (description.empty() ? "" : ": " + printable_text(description));
  }
  return {};
}

}  // namespace

FetchedToken parse_token_response(long status, std::string_view body) {
  // What is parsed lies where it can be wiped, unless JSON swells to more than that.
  std::vector<unsigned char> room(body.size() * 2 + 4096);
  FetchedToken fetched;
  {
    json::monotonic_resource memory(room.data(), room.size());
    boost::system::error_code error;
    const json::value answer = json::parse({body.data(), body.size()}, error, &memory);
    const json::object* object = error ? nullptr : answer.if_object();
    if (status != 200 && status != 201) {
      const std::string said = object == nullptr ? std::string() : explain(*object);
      fetched.why = fmt::format("HTTP {}{}{}", status, said.empty() ? "" : ": ", said);
      fetched.is_final = is_final(status);
    } else if (object == nullptr) {
      fetched.why =
          fmt::format("HTTP {} with {}", status, body.empty() ? "an empty answer" : "an answer that is no JSON object");
    } else {
      for (const char* name : {"access_token", "id_token"}) {
        if (fetched.text.empty()) fetched.text = Secret(text_of(*object, name));
      }
      if (fetched.text.empty()) fetched.why = fmt::format("HTTP {} with an answer that holds no access_token", status);
    }
  }
  wipe(room);
  return fetched;
}

}  // namespace shunt::sasl
