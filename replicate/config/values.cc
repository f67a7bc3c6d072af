#include "replicate/config/values.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>

namespace shunt::replicate {
namespace {

bool is_trimmed(char c) {
  return static_cast<unsigned char>(c) <= ' ';
}
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
bool is_host_char(char c) {
  const char l = lower(c);
  return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '%';
}

constexpr std::size_t kHostLimitBytes = 253;  // of a DNS name

}  // namespace

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_trimmed(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_trimmed(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string> parse_list(std::string_view text) {
  std::vector<std::string> items;
  text = trim(text);
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    items.emplace_back(trim(text.substr(0, comma)));
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
    if (text.empty()) items.emplace_back();
  }
  return items;
}

std::optional<bool> parse_bool(std::string_view text) {
  text = trim(text);
  if (equal_ignoring_case(text, "true")) return true;
  if (equal_ignoring_case(text, "false")) return false;
  return std::nullopt;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  text = trim(text);
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> parse_real(std::string_view text) {
  text = trim(text);
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_size(std::string_view text) {
  text = trim(text);
  int shift = 0;
  for (const auto& [unit, bits] : {std::pair{"KiB", 10}, {"MiB", 20}, {"GiB", 30}}) {
    if (text.ends_with(unit)) {
      text.remove_suffix(3);
      shift = bits;
    }
  }
  const auto number = parse_integer(text);
  if (!number || *number < 0 || *number > (INT64_MAX >> shift)) return std::nullopt;
  return *number << shift;
}

std::optional<std::int64_t> parse_time(std::string_view text) {
  text = trim(text);
  const bool is_number = !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  if (is_number) return parse_integer(text);
  std::tm time{};
  const std::string whole(text);
  const char* end = strptime(whole.c_str(), "%Y-%m-%dT%H:%M:%SZ", &time);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return std::int64_t{timegm(&time)} * 1000;
}

std::optional<net::HostPort> parse_address(std::string_view text) {
  text = trim(text);
  if (const std::size_t scheme = text.find("://"); scheme != std::string_view::npos) {
    if (!std::ranges::all_of(text.substr(0, scheme), is_host_char)) return std::nullopt;
    text.remove_prefix(scheme + 3);
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  if (host.starts_with('[') != host.ends_with(']')) return std::nullopt;
  const bool bracketed = host.starts_with('[') && host.size() >= 2;
  if (bracketed) host = host.substr(1, host.size() - 2);
  // Kafka takes an IPv6 address without brackets too: the port is what follows the last colon.
  const bool is_ipv6 = bracketed || host.find(':') != std::string_view::npos;
  const auto fits = [is_ipv6](char c) { return is_host_char(c) || (is_ipv6 && c == ':'); };
  if (host.empty() || host.size() > kHostLimitBytes || !std::ranges::all_of(host, fits)) return std::nullopt;
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (error != std::errc() || end != port_text.data() + port_text.size()) return std::nullopt;
  return net::HostPort{std::string(host), port};
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace shunt::replicate
