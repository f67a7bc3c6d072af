// A small cluster for tests of the control plane: scripted brokers that answer from one shared picture of topics and
// logs, as real brokers would, and can be told to refuse.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "protocol/compression.h"
#include "protocol/ids.h"
#include "replicate/control/cluster.h"
#include "tests/support/scripted_broker.h"

namespace shunt::tests {

struct FakeBatch {
  std::int64_t base = 0;
  std::int32_t records = 1;
  std::string payload;  // everything after the header
  std::uint16_t attributes = 0;
  std::int64_t base_timestamp_ms = 1000;
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = 0;
  std::int8_t magic = 2;
  bool is_sealed = false;      // with a CRC that is right
  std::vector<std::byte> raw;  // if not empty: what is stored instead of all this, but for base and records

  [[nodiscard]] std::vector<std::byte> bytes() const;
};

struct FakePartition {
  std::int32_t leader = 0;
  std::int32_t leader_epoch = 5;
  std::int64_t log_start = 0;
  std::int64_t log_end = 0;
  std::optional<std::int64_t> high_watermark;      // else log_end
  std::optional<std::int64_t> last_stable_offset;  // else the high watermark
  std::vector<FakeBatch> batches;
  std::vector<std::int64_t> producers;                  // that have written records
  std::map<std::int64_t, std::int32_t> last_sequences;  // of theirs; else 0
  std::map<std::int64_t, std::int32_t> epochs;          // the same
  /// Of epochs before the current one: where each ended, as this leader knows.
  std::map<std::int32_t, std::int64_t> epoch_ends;
  std::int16_t error = 0;  // answered to every question about the log
  /// After so many questions about the log the user lacks the right to ask more.
  int questions_allowed = std::numeric_limits<int>::max();

  /// Appends a batch of `records` records.
  void append(std::string payload, std::int32_t records = 1);
  /// The same with records that can be read: their values are `value`, a number behind it, from `first` on.
  void append_records(const std::string& value, std::int32_t records, protocol::Codec codec = protocol::Codec::none,
                      std::int64_t producer_id = -1, std::int32_t first = 0);
  /// Appends a batch of one record, or of one tombstone.
  void append_record(std::span<const std::byte> key, std::optional<std::span<const std::byte>> value);
  /// Appends what is stored in another format, at its own offsets.
  void append_raw(std::vector<std::byte> bytes, std::int32_t records);
  /// Appends `count` transaction markers.
  void append_markers(int count);
};

struct FakeTopic {
  std::vector<FakePartition> partitions;
  std::map<std::string, std::string> configs;
  std::int16_t error = 0;  // in Metadata
  std::uint8_t id = 1;     // the last byte of its topic id
  /// What Metadata says that the user may do, a bit for each operation; the default: it does not say.
  std::int32_t operations = std::numeric_limits<std::int32_t>::min();
  /// So many Metadata answers still name `partitions_before` partitions.
  int answers_behind = 0;
  std::size_t partitions_before = 0;
};

class FakeKafka {
 public:
  FakeKafka(net::asio::io_context& context, int brokers);

  FakeTopic& create(const std::string& topic, int partitions);
  FakePartition& partition(const std::string& topic, int index) {
    return topics.at(topic).partitions.at(static_cast<std::size_t>(index));
  }
  ScriptedBroker& broker(int id) { return *brokers_.at(static_cast<std::size_t>(id)); }
  /// The broker is gone, for Metadata too.
  void stop(int id);

  [[nodiscard]] replicate::ClusterSettings settings(const std::string& alias) const;
  [[nodiscard]] int requests(std::int16_t key) const;  // at all brokers together

  std::map<std::string, FakeTopic> topics;
  std::string cluster_id = "fake";
  /// Names of settings that CreateTopics and IncrementalAlterConfigs refuse.
  std::vector<std::string> unknown_configs;
  std::int16_t create_error = 0;
  std::int16_t delete_error = 0;
  std::int16_t grow_error = 0;
  std::int16_t describe_configs_error = 0;
  std::int16_t alter_configs_error = 0;
  /// So many Metadata answers name no leader for any partition.
  int leaderless_answers = 0;
  /// So many Metadata answers do not know yet that a topic has grown.
  int answers_behind_growth = 0;

 private:
  void serve(int id);
  FakePartition* find(const std::string& topic, protocol::PartitionIndex index);
  std::int16_t check(int broker, const std::string& topic, protocol::PartitionIndex index, protocol::LeaderEpoch epoch);

  std::vector<std::unique_ptr<ScriptedBroker>> brokers_;
  std::vector<bool> up_;
};

}  // namespace shunt::tests
