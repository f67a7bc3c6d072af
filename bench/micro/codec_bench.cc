// The general codec on the two large messages that recur: the cluster's metadata, and a fetch of many partitions
// outside a session.
#include <string>

#include <benchmark/benchmark.h>

#include "protocol/messages/fetch.h"
#include "protocol/messages/metadata.h"

namespace shunt::bench {
namespace {

using protocol::BrokerId;
using protocol::PartitionIndex;

constexpr std::int16_t metadata_version = 12;
constexpr std::int16_t fetch_version = 11;
constexpr std::int32_t partitions_per_topic = 50;

protocol::MetadataResponse make_metadata(std::int64_t partitions) {
  protocol::MetadataResponse metadata;
  for (std::int32_t id = 0; id < 3; ++id) {
    auto& broker = metadata.brokers.emplace_back();
    broker.node_id = BrokerId(id);
    broker.host = "broker-" + std::to_string(id) + ".example.com";
    broker.port = 9092;
  }
  for (std::int64_t first = 0; first < partitions; first += partitions_per_topic) {
    auto& topic = metadata.topics.emplace_back();
    topic.name = "topic-" + std::to_string(first);
    for (std::int32_t p = 0; p < partitions_per_topic; ++p) {
      auto& partition = topic.partitions.emplace_back();
      partition.partition_index = PartitionIndex(p);
      partition.leader_id = BrokerId(p % 3);
      partition.replica_nodes = partition.isr_nodes = {BrokerId(0), BrokerId(1), BrokerId(2)};
    }
  }
  return metadata;
}

protocol::FetchRequest make_fetch(std::int64_t partitions) {
  protocol::FetchRequest fetch;
  for (std::int64_t first = 0; first < partitions; first += partitions_per_topic) {
    auto& topic = fetch.topics.emplace_back();
    topic.topic = "topic-" + std::to_string(first);
    for (std::int32_t p = 0; p < partitions_per_topic; ++p) {
      auto& partition = topic.partitions.emplace_back();
      partition.partition = PartitionIndex(p);
      partition.partition_max_bytes = 1 << 20;
    }
  }
  return fetch;
}

template <class M>
void encode(benchmark::State& state, const M& message, std::int16_t version) {
  std::size_t bytes = 0;
  for ([[maybe_unused]] auto _ : state) {
    const auto encoded = protocol::encode(message, version);
    bytes = encoded.size();
    benchmark::DoNotOptimize(encoded.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}

template <class M>
void decode(benchmark::State& state, const M& message, std::int16_t version) {
  const auto encoded = protocol::encode(message, version);
  for ([[maybe_unused]] auto _ : state) {
    const auto decoded = protocol::decode<M>(encoded, version);
    if (!decoded) state.SkipWithError("the message was not understood");
    benchmark::DoNotOptimize(decoded.has_value());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(encoded.size()));
}

// The argument is the number of partitions; an item is one of them.
void metadata_encode(benchmark::State& state) {
  encode(state, make_metadata(state.range(0)), metadata_version);
}
BENCHMARK(metadata_encode)->Arg(1000);

void metadata_decode(benchmark::State& state) {
  decode(state, make_metadata(state.range(0)), metadata_version);
}
BENCHMARK(metadata_decode)->Arg(1000);

void fetch_request_encode(benchmark::State& state) {
  encode(state, make_fetch(state.range(0)), fetch_version);
}
BENCHMARK(fetch_request_encode)->Arg(50)->Arg(1000);

void fetch_request_decode(benchmark::State& state) {
  decode(state, make_fetch(state.range(0)), fetch_version);
}
BENCHMARK(fetch_request_decode)->Arg(50)->Arg(1000);

}  // namespace
}  // namespace shunt::bench
