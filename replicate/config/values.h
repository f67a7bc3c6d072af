// The value types of Kafka's ConfigDef, read from text as Kafka reads them (blanks around are dropped), and a few of
// our own. Functions that can fail return nothing then; the reader of the key says what was expected.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/broker_connection.h"

namespace shunt::replicate {

/// Without the blanks and control characters around it, as Java's String.trim().
std::string_view trim(std::string_view text);

/// ConfigDef LIST: split at commas, items trimmed; empty text is an empty list.
std::vector<std::string> parse_list(std::string_view text);

/// ConfigDef BOOLEAN: `true` or `false`, in any case.
std::optional<bool> parse_bool(std::string_view text);

/// ConfigDef INT and LONG: decimal, with a sign if need be.
std::optional<std::int64_t> parse_integer(std::string_view text);

/// ConfigDef DOUBLE: decimal, perhaps with a fraction and an exponent; finite.
std::optional<double> parse_real(std::string_view text);

/// Bytes: a number, alone or with KiB, MiB or GiB behind it.
std::optional<std::int64_t> parse_size(std::string_view text);

/// Milliseconds since 1970, as such a number or as UTC like 2026-01-31T00:00:00Z.
std::optional<std::int64_t> parse_time(std::string_view text);

/// `host:port`, `[ipv6]:port`, each perhaps behind `PROTOCOL://` as Kafka allows. Port 0 is left to the caller to
/// judge.
std::optional<net::HostPort> parse_address(std::string_view text);

/// Equal but for the case of ASCII letters.
bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace shunt::replicate
