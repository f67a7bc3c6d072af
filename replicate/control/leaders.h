// Questions that only a partition's leader answers, asked for many partitions at once: one request per leader (cut
// where a request or its answer would grow large), leaders side by side.
//
// An answer that says "not the leader (any more)", or a broker that cannot be reached, is answered by fresh metadata
// and another try, until `patience` is over; every other error is the partition's answer. One partition's error never
// affects another's answer.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/error.h"
#include "protocol/ids.h"
#include "protocol/messages/fetch.h"
#include "replicate/condition.h"
#include "replicate/control/cluster.h"
#include "replicate/isolation.h"
#include "replicate/start_position.h"

namespace shunt::replicate {

/// What became of the question for one partition.
template <class T>
struct Answered {
  std::optional<T> value;       // held when there was no error
  std::int16_t error_code = 0;  // Kafka's, as last heard; 0 with no value: no leader could be asked
  bool may_retry = false;       // no value: the same question may have an answer later
  std::string reason;           // no value: who answered what
};

template <class T>
using Answers = std::map<TopicPartition, Answered<T>>;

/// What is lacked where one of these questions is not allowed.
inline constexpr std::string_view grant_reading = "; grant Read and Describe on the topic to this user";

/// The value for `partition`, which `cluster` was asked about; throws ClusterError where there is none. `fact` names it:
/// "the log end".
template <class T>
const T& value_of(const Cluster& cluster, const Answers<T>& answers, const TopicPartition& partition,
                  std::string_view fact) {
  const Answered<T>& answered = answers.at(partition);
  if (answered.value) return *answered.value;
  const std::string reason = std::string(fact) + " of " + partition.to_string() + " is not known: " + answered.reason;
  if (protocol::is_authorization_failure(answered.error_code)) {
    throw UnauthorizedError(cluster, reason + std::string(grant_reading));
  }
  throw ClusterError(reason);
}

/// Of a partition that waits for an answer: `unauthorized` where that takes a right, `otherwise` elsewhere.
template <class T>
Condition condition_of(const Answered<T>& answered, Condition unauthorized, Condition otherwise) {
  return protocol::is_authorization_failure(answered.error_code) ? unauthorized : otherwise;
}

struct LeaderSettings {
  /// Short, for the answers that are there wait with the others; whoever needs more patience asks again.
  net::Duration patience = std::chrono::milliseconds(500);
  /// For one request: a broker that hangs must not hold up the answers of the others for long.
  net::Duration call_timeout = std::chrono::seconds(5);
  std::size_t concurrency = 8;  // requests under way
};

/// For questions that many partitions' leaders are asked.
inline constexpr LeaderSettings many_leaders{.patience = std::chrono::seconds(5)};

/// The first offset of each log (ListOffsets, earliest).
net::Awaitable<Answers<protocol::Offset>> log_starts(Cluster& cluster, std::vector<TopicPartition> partitions,
                                                     LeaderSettings settings = {});

/// Where the part of each log begins that its leader holds itself: what is before it, if anything, is in tiered storage
/// (KIP-405), which may be slow to answer. Brokers that know of no tiers hold everything.
net::Awaitable<Answers<protocol::Offset>> local_log_starts(Cluster& cluster, std::vector<TopicPartition> partitions,
                                                           LeaderSettings settings = {});

/// Where the log ends for readers (ListOffsets, latest): the high watermark, or for who reads committed records the last
/// stable offset, below which no transaction is open. Not where the next record goes.
net::Awaitable<Answers<protocol::Offset>> readable_ends(Cluster& cluster, std::vector<TopicPartition> partitions,
                                                        Isolation isolation, LeaderSettings settings = {});

/// The first offset of a record with this timestamp or a later one (ListOffsets); -1: there is none.
net::Awaitable<Answers<protocol::Offset>> offsets_at_time(Cluster& cluster, std::vector<TopicPartition> partitions,
                                                          std::int64_t timestamp_ms, LeaderSettings settings = {});

/// Where a reader begins that starts there: the first offset of the log, its readable end, or as offsets_at_time() says; at
/// the readable end where there is no such record.
net::Awaitable<Answers<protocol::Offset>> start_positions(Cluster& cluster, std::vector<TopicPartition> partitions,
                                                          StartPosition start, Isolation isolation,
                                                          LeaderSettings settings = {});

/// The true end of each log, which the next record gets: OffsetForLeaderEpoch for the current epoch. ListOffsets would
/// answer the high watermark, which lags behind while followers do.
net::Awaitable<Answers<protocol::Offset>> log_ends(Cluster& cluster, std::vector<TopicPartition> partitions,
                                                   LeaderSettings settings = {});

/// Where, in the log of each partition's leader, the given leader epoch ends, or the one before it when it has none of
/// that one (KIP-279): a log that goes on from a reader's position still has the epoch that reader was in, up to there.
struct EpochEnd {
  protocol::LeaderEpoch epoch{-1};  // the one that `end` belongs to
  protocol::Offset end{-1};         // exclusive; -1, with the epoch: the leader knows of none
};
net::Awaitable<Answers<EpochEnd>> epoch_ends(Cluster& cluster, std::map<TopicPartition, protocol::LeaderEpoch> epochs,
                                             LeaderSettings settings = {});

/// The idempotent producers each partition remembers (DescribeProducers, KIP-664). Needs Read on the topic.
struct ActiveProducer {
  protocol::ProducerId id;
  std::int32_t epoch = -1;
  std::int32_t last_sequence = -1;
  std::int32_t coordinator_epoch = -1;  // of the last marker; -1: none was written
  std::int64_t open_since = -1;         // first offset of the transaction that is open; -1: none is
};
/// The one with this id; null: the partition does not remember it. Points into `producers`.
const ActiveProducer* find_producer(const std::vector<ActiveProducer>& producers, protocol::ProducerId id);
net::Awaitable<Answers<std::vector<ActiveProducer>>> active_producers(Cluster& cluster,
                                                                      std::vector<TopicPartition> partitions,
                                                                      LeaderSettings settings = {});

}  // namespace shunt::replicate
