#include "protocol/error.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace shunt::protocol {

namespace {

constexpr ErrorInfo table[] = {
    {-1, "UNKNOWN_SERVER_ERROR", false, Refresh::nothing},
    {0, "NONE", false, Refresh::nothing},
    {1, "OFFSET_OUT_OF_RANGE", false, Refresh::nothing},
    {2, "CORRUPT_MESSAGE", true, Refresh::nothing},
    {3, "UNKNOWN_TOPIC_OR_PARTITION", true, Refresh::metadata},
    {4, "INVALID_FETCH_SIZE", false, Refresh::nothing},
    {5, "LEADER_NOT_AVAILABLE", true, Refresh::metadata},
    {6, "NOT_LEADER_OR_FOLLOWER", true, Refresh::metadata},
    {7, "REQUEST_TIMED_OUT", true, Refresh::nothing},
    {8, "BROKER_NOT_AVAILABLE", false, Refresh::nothing},
    {9, "REPLICA_NOT_AVAILABLE", true, Refresh::metadata},
    {10, "MESSAGE_TOO_LARGE", false, Refresh::nothing},
    {11, "STALE_CONTROLLER_EPOCH", false, Refresh::nothing},
    {12, "OFFSET_METADATA_TOO_LARGE", false, Refresh::nothing},
    {13, "NETWORK_EXCEPTION", true, Refresh::metadata},
    {14, "COORDINATOR_LOAD_IN_PROGRESS", true, Refresh::nothing},
    {15, "COORDINATOR_NOT_AVAILABLE", true, Refresh::coordinator},
    {16, "NOT_COORDINATOR", true, Refresh::coordinator},
    {17, "INVALID_TOPIC_EXCEPTION", false, Refresh::nothing},
    {18, "RECORD_LIST_TOO_LARGE", false, Refresh::nothing},
    {19, "NOT_ENOUGH_REPLICAS", true, Refresh::nothing},
    {20, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", true, Refresh::nothing},
    {21, "INVALID_REQUIRED_ACKS", false, Refresh::nothing},
    {22, "ILLEGAL_GENERATION", false, Refresh::nothing},
    {23, "INCONSISTENT_GROUP_PROTOCOL", false, Refresh::nothing},
    {24, "INVALID_GROUP_ID", false, Refresh::nothing},
    {25, "UNKNOWN_MEMBER_ID", false, Refresh::nothing},
    {26, "INVALID_SESSION_TIMEOUT", false, Refresh::nothing},
    {27, "REBALANCE_IN_PROGRESS", false, Refresh::nothing},
    {28, "INVALID_COMMIT_OFFSET_SIZE", false, Refresh::nothing},
    {29, "TOPIC_AUTHORIZATION_FAILED", false, Refresh::nothing},
    {30, "GROUP_AUTHORIZATION_FAILED", false, Refresh::nothing},
    {31, "CLUSTER_AUTHORIZATION_FAILED", false, Refresh::nothing},
    {32, "INVALID_TIMESTAMP", false, Refresh::nothing},
    {33, "UNSUPPORTED_SASL_MECHANISM", false, Refresh::nothing},
    {34, "ILLEGAL_SASL_STATE", false, Refresh::nothing},
    {35, "UNSUPPORTED_VERSION", false, Refresh::nothing},
    {36, "TOPIC_ALREADY_EXISTS", false, Refresh::nothing},
    {37, "INVALID_PARTITIONS", false, Refresh::nothing},
    {38, "INVALID_REPLICATION_FACTOR", false, Refresh::nothing},
    {39, "INVALID_REPLICA_ASSIGNMENT", false, Refresh::nothing},
    {40, "INVALID_CONFIG", false, Refresh::nothing},
    {41, "NOT_CONTROLLER", true, Refresh::metadata},
    {42, "INVALID_REQUEST", false, Refresh::nothing},
    {43, "UNSUPPORTED_FOR_MESSAGE_FORMAT", false, Refresh::nothing},
    {44, "POLICY_VIOLATION", false, Refresh::nothing},
    {45, "OUT_OF_ORDER_SEQUENCE_NUMBER", false, Refresh::nothing},
    {46, "DUPLICATE_SEQUENCE_NUMBER", false, Refresh::nothing},
    {47, "INVALID_PRODUCER_EPOCH", false, Refresh::nothing},
    {48, "INVALID_TXN_STATE", false, Refresh::nothing},
    {49, "INVALID_PRODUCER_ID_MAPPING", false, Refresh::nothing},
    {50, "INVALID_TRANSACTION_TIMEOUT", false, Refresh::nothing},
    {51, "CONCURRENT_TRANSACTIONS", true, Refresh::nothing},
    {52, "TRANSACTION_COORDINATOR_FENCED", false, Refresh::nothing},
    {53, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", false, Refresh::nothing},
    {54, "SECURITY_DISABLED", false, Refresh::nothing},
    {55, "OPERATION_NOT_ATTEMPTED", false, Refresh::nothing},
    {56, "KAFKA_STORAGE_ERROR", true, Refresh::metadata},
    {57, "LOG_DIR_NOT_FOUND", false, Refresh::nothing},
    {58, "SASL_AUTHENTICATION_FAILED", false, Refresh::nothing},
    {59, "UNKNOWN_PRODUCER_ID", false, Refresh::nothing},
    {60, "REASSIGNMENT_IN_PROGRESS", false, Refresh::nothing},
    {61, "DELEGATION_TOKEN_AUTH_DISABLED", false, Refresh::nothing},
    {62, "DELEGATION_TOKEN_NOT_FOUND", false, Refresh::nothing},
    {63, "DELEGATION_TOKEN_OWNER_MISMATCH", false, Refresh::nothing},
    {64, "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED", false, Refresh::nothing},
    {65, "DELEGATION_TOKEN_AUTHORIZATION_FAILED", false, Refresh::nothing},
    {66, "DELEGATION_TOKEN_EXPIRED", false, Refresh::nothing},
    {67, "INVALID_PRINCIPAL_TYPE", false, Refresh::nothing},
    {68, "NON_EMPTY_GROUP", false, Refresh::nothing},
    {69, "GROUP_ID_NOT_FOUND", false, Refresh::nothing},
    {70, "FETCH_SESSION_ID_NOT_FOUND", true, Refresh::nothing},
    {71, "INVALID_FETCH_SESSION_EPOCH", true, Refresh::nothing},
    {72, "LISTENER_NOT_FOUND", true, Refresh::metadata},
    {73, "TOPIC_DELETION_DISABLED", false, Refresh::nothing},
    {74, "FENCED_LEADER_EPOCH", true, Refresh::metadata},
    {75, "UNKNOWN_LEADER_EPOCH", true, Refresh::metadata},
    {76, "UNSUPPORTED_COMPRESSION_TYPE", false, Refresh::nothing},
    {77, "STALE_BROKER_EPOCH", false, Refresh::nothing},
    {78, "OFFSET_NOT_AVAILABLE", true, Refresh::nothing},
    {79, "MEMBER_ID_REQUIRED", false, Refresh::nothing},
    {80, "PREFERRED_LEADER_NOT_AVAILABLE", true, Refresh::metadata},
    {81, "GROUP_MAX_SIZE_REACHED", false, Refresh::nothing},
    {82, "FENCED_INSTANCE_ID", false, Refresh::nothing},
    {83, "ELIGIBLE_LEADERS_NOT_AVAILABLE", true, Refresh::metadata},
    {84, "ELECTION_NOT_NEEDED", true, Refresh::metadata},
    {85, "NO_REASSIGNMENT_IN_PROGRESS", false, Refresh::nothing},
    {86, "GROUP_SUBSCRIBED_TO_TOPIC", false, Refresh::nothing},
    {87, "INVALID_RECORD", false, Refresh::nothing},
    {88, "UNSTABLE_OFFSET_COMMIT", true, Refresh::nothing},
    {89, "THROTTLING_QUOTA_EXCEEDED", true, Refresh::nothing},
    {90, "PRODUCER_FENCED", false, Refresh::nothing},
    {91, "RESOURCE_NOT_FOUND", false, Refresh::nothing},
    {92, "DUPLICATE_RESOURCE", false, Refresh::nothing},
    {93, "UNACCEPTABLE_CREDENTIAL", false, Refresh::nothing},
    {94, "INCONSISTENT_VOTER_SET", false, Refresh::nothing},
    {95, "INVALID_UPDATE_VERSION", false, Refresh::nothing},
    {96, "FEATURE_UPDATE_FAILED", false, Refresh::nothing},
    {97, "PRINCIPAL_DESERIALIZATION_FAILURE", false, Refresh::nothing},
    {98, "SNAPSHOT_NOT_FOUND", false, Refresh::nothing},
    {99, "POSITION_OUT_OF_RANGE", false, Refresh::nothing},
    {100, "UNKNOWN_TOPIC_ID", true, Refresh::metadata},
    {101, "DUPLICATE_BROKER_REGISTRATION", false, Refresh::nothing},
    {102, "BROKER_ID_NOT_REGISTERED", false, Refresh::nothing},
    {103, "INCONSISTENT_TOPIC_ID", true, Refresh::metadata},
    {104, "INCONSISTENT_CLUSTER_ID", false, Refresh::nothing},
    {105, "TRANSACTIONAL_ID_NOT_FOUND", false, Refresh::nothing},
    {106, "FETCH_SESSION_TOPIC_ID_ERROR", true, Refresh::nothing},
    {107, "INELIGIBLE_REPLICA", false, Refresh::nothing},
    {108, "NEW_LEADER_ELECTED", false, Refresh::nothing},
    {109, "OFFSET_MOVED_TO_TIERED_STORAGE", false, Refresh::nothing},
    {110, "FENCED_MEMBER_EPOCH", false, Refresh::nothing},
    {111, "UNRELEASED_INSTANCE_ID", false, Refresh::nothing},
    {112, "UNSUPPORTED_ASSIGNOR", false, Refresh::nothing},
    {113, "STALE_MEMBER_EPOCH", false, Refresh::nothing},
    {114, "MISMATCHED_ENDPOINT_TYPE", false, Refresh::nothing},
    {115, "UNSUPPORTED_ENDPOINT_TYPE", false, Refresh::nothing},
    {116, "UNKNOWN_CONTROLLER_ID", false, Refresh::nothing},
    {117, "UNKNOWN_SUBSCRIPTION_ID", false, Refresh::nothing},
    {118, "TELEMETRY_TOO_LARGE", false, Refresh::nothing},
    {119, "INVALID_REGISTRATION", false, Refresh::nothing},
    {120, "TRANSACTION_ABORTABLE", false, Refresh::nothing},
    {121, "INVALID_RECORD_STATE", false, Refresh::nothing},
    {122, "SHARE_SESSION_NOT_FOUND", true, Refresh::nothing},
    {123, "INVALID_SHARE_SESSION_EPOCH", true, Refresh::nothing},
    {124, "FENCED_STATE_EPOCH", false, Refresh::nothing},
    {125, "INVALID_VOTER_KEY", false, Refresh::nothing},
    {126, "DUPLICATE_VOTER", false, Refresh::nothing},
    {127, "VOTER_NOT_FOUND", false, Refresh::nothing},
    {128, "INVALID_REGULAR_EXPRESSION", false, Refresh::nothing},
    {129, "REBOOTSTRAP_REQUIRED", false, Refresh::nothing},
    {130, "STREAMS_INVALID_TOPOLOGY", false, Refresh::nothing},
    {131, "STREAMS_INVALID_TOPOLOGY_EPOCH", false, Refresh::nothing},
    {132, "STREAMS_TOPOLOGY_FENCED", false, Refresh::nothing},
    {133, "SHARE_SESSION_LIMIT_REACHED", true, Refresh::nothing},
};

static_assert(std::ranges::is_sorted(table, {}, &ErrorInfo::code));

}  // namespace

std::span<const ErrorInfo> error_table() {
  return table;
}

const ErrorInfo* find_error(std::int16_t code) {
  const auto* found = std::ranges::lower_bound(table, code, {}, &ErrorInfo::code);
  return found != std::end(table) && found->code == code ? found : nullptr;
}

std::string error_name(std::int16_t code) {
  const ErrorInfo* info = find_error(code);
  return fmt::format("{} ({})", info == nullptr ? "unknown error" : info->name, code);
}

bool is_retriable(std::int16_t code) {
  const ErrorInfo* info = find_error(code);
  return info != nullptr && info->retriable;
}

bool is_authorization_failure(std::int16_t code) {
  return code == errors::topic_authorization_failed || code == errors::group_authorization_failed ||
         code == errors::cluster_authorization_failed || code == errors::transactional_id_authorization_failed;
}

Refresh what_to_refresh(std::int16_t code) {
  const ErrorInfo* info = find_error(code);
  return info == nullptr ? Refresh::nothing : info->refresh;
}

}  // namespace shunt::protocol
