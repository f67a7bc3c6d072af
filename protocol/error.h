// Kafka's error codes: name, whether a repeat may succeed, and what to look up again before it. One table; the meaning
// of a code for one particular request (a duplicate, a fenced producer, ...) belongs to who sent that request.
//
// Source: org.apache.kafka.common.protocol.Errors of Kafka 4.3; a conformance test compares every row.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace shunt::protocol {

/// What the client knew and must ask again before it repeats a request.
enum class Refresh {
  nothing,
  metadata,     // leaders, topic ids, or the controller
  coordinator,  // FindCoordinator
};

// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): the rows of the table read code first
struct ErrorInfo {
  std::int16_t code;
  std::string_view name;
  bool retriable;  // by Kafka's own judgement. UNKNOWN_SERVER_ERROR is not: on Produce it is permanent for the batch
  Refresh refresh;
};

inline constexpr std::int16_t no_error = 0;

/// All known codes, ascending from -1.
std::span<const ErrorInfo> error_table();

/// Null for a code that this version of shunt does not know.
const ErrorInfo* find_error(std::int16_t code);

/// "NOT_LEADER_OR_FOLLOWER (6)", or "unknown error (999)".
std::string error_name(std::int16_t code);

/// False for unknown codes: an endless repeat would hide them.
bool is_retriable(std::int16_t code);

/// Refresh::nothing for unknown codes.
Refresh what_to_refresh(std::int16_t code);

}  // namespace shunt::protocol
