#include "sasl/scram_checks.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "sasl/credentials.h"

namespace shunt::sasl {
namespace {

/// "x=value", the first attribute of `rest`, which it is taken from with its comma. Empty: it is not `name`.
std::string_view take_attribute(std::string_view& rest, char name) {
  if (rest.size() < 2 || rest[0] != name || rest[1] != '=') return {};
  const std::size_t end = std::min(rest.find(','), rest.size());
  const std::string_view value = rest.substr(2, end - 2);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return value;
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

/// What may be shown of a text from a peer that has proved nothing.
std::string shown(std::string_view text) {
  std::string result;
  for (const char c : text.substr(0, 100)) result += c >= ' ' && c < 0x7f ? c : '?';
  return result;
}

/// RFC 5802, 7: no message is anything but text of a certain size.
std::string check_text(std::string_view message) {
  if (message.empty()) return "the server ended the exchange without proving that it knows the password";
  if (message.size() > scram_message_limit_bytes) {
    return fmt::format("the server sent a SCRAM message of {} bytes where at most {} are taken", message.size(),
                       scram_message_limit_bytes);
  }
  if (message.starts_with("e=")) {
    return fmt::format("the server refused: {}", shown(message.substr(2, message.find(',') - 2)));
  }
  if (message.starts_with("m=")) return "the server demands a SCRAM extension that shunt does not know";
  return is_printable(message) ? "" : "the server's SCRAM message holds what is no text";
}

}  // namespace

void ScramChecks::handle_client_first(std::string_view message) {
  const std::size_t begin = message.rfind(",r=");
  nonce_ = begin == std::string_view::npos ? std::string() : std::string(message.substr(begin + 3));
}

std::string ScramChecks::check_server_first(std::string_view message) const {
  if (std::string why = check_text(message); !why.empty()) return why;
  std::string_view rest = message;
  const std::string_view nonce = take_attribute(rest, 'r');
  if (nonce_.empty() || !nonce.starts_with(nonce_)) return "the server's nonce does not begin with ours";
  if (nonce.size() == nonce_.size()) return "the server added nothing to our nonce";
  if (take_attribute(rest, 's').empty()) return "the server's first SCRAM message has no salt";
  const std::string_view digits = take_attribute(rest, 'i');
  std::uint32_t iterations = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), iterations);
  if (error == std::errc::result_out_of_range) iterations = UINT32_MAX;
  if (digits.empty() || end != digits.data() + digits.size() || error == std::errc::invalid_argument) {
    return "the server's first SCRAM message has no iteration count";
  }
  if (iterations < least_scram_iterations) {
    return fmt::format("the server asks for {} SCRAM iterations, fewer than {} are not safe", shown(digits),
                       least_scram_iterations);
  }
  if (iterations > most_iterations_) {
    return fmt::format("the server asks for {} SCRAM iterations, more than shunt.sasl.scram.iterations.max = {}",
                       shown(digits), most_iterations_);
  }
  return {};
}

std::string ScramChecks::check_server_final(std::string_view message) {
  if (std::string why = check_text(message); !why.empty()) return why;
  std::string_view rest = message;
  return take_attribute(rest, 'v').empty() ? "the server's last SCRAM message has no signature" : "";
}

}  // namespace shunt::sasl
