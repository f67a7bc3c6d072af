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

/// Codes that decide what is done next, by Kafka's names.
namespace errors {
inline constexpr std::int16_t unknown_server_error = -1;
inline constexpr std::int16_t offset_out_of_range = 1;
inline constexpr std::int16_t unknown_topic_or_partition = 3;
inline constexpr std::int16_t leader_not_available = 5;
inline constexpr std::int16_t not_leader_or_follower = 6;
inline constexpr std::int16_t message_too_large = 10;
inline constexpr std::int16_t coordinator_load_in_progress = 14;
inline constexpr std::int16_t coordinator_not_available = 15;
inline constexpr std::int16_t not_coordinator = 16;
inline constexpr std::int16_t record_list_too_large = 18;
inline constexpr std::int16_t illegal_generation = 22;
inline constexpr std::int16_t unknown_member_id = 25;
inline constexpr std::int16_t topic_authorization_failed = 29;
inline constexpr std::int16_t group_authorization_failed = 30;
inline constexpr std::int16_t cluster_authorization_failed = 31;
inline constexpr std::int16_t invalid_timestamp = 32;
inline constexpr std::int16_t unsupported_version = 35;
inline constexpr std::int16_t topic_already_exists = 36;
inline constexpr std::int16_t invalid_partitions = 37;
inline constexpr std::int16_t invalid_config = 40;
inline constexpr std::int16_t not_controller = 41;
inline constexpr std::int16_t invalid_request = 42;
inline constexpr std::int16_t policy_violation = 44;
inline constexpr std::int16_t out_of_order_sequence_number = 45;
inline constexpr std::int16_t invalid_producer_epoch = 47;
inline constexpr std::int16_t invalid_txn_state = 48;
inline constexpr std::int16_t invalid_transaction_timeout = 50;
inline constexpr std::int16_t concurrent_transactions = 51;
inline constexpr std::int16_t transaction_coordinator_fenced = 52;
inline constexpr std::int16_t transactional_id_authorization_failed = 53;
inline constexpr std::int16_t security_disabled = 54;
inline constexpr std::int16_t non_empty_group = 68;
inline constexpr std::int16_t group_id_not_found = 69;
inline constexpr std::int16_t invalid_record = 87;
inline constexpr std::int16_t unstable_offset_commit = 88;
inline constexpr std::int16_t throttling_quota_exceeded = 89;
inline constexpr std::int16_t producer_fenced = 90;
inline constexpr std::int16_t unknown_topic_id = 100;
inline constexpr std::int16_t stale_member_epoch = 113;
}  // namespace errors

/// All known codes, ascending from -1.
std::span<const ErrorInfo> error_table();

/// Null for a code that this version of shunt does not know.
const ErrorInfo* find_error(std::int16_t code);

/// "NOT_LEADER_OR_FOLLOWER (6)", or "unknown error (999)".
std::string error_name(std::int16_t code);

/// False for unknown codes: an endless repeat would hide them.
bool is_retriable(std::int16_t code);

/// A right is missing: to a topic, a group, the cluster, or a transactional id.
bool is_authorization_failure(std::int16_t code);

/// Refresh::nothing for unknown codes.
Refresh what_to_refresh(std::int16_t code);

}  // namespace shunt::protocol
