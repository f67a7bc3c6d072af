// Both ends of a Produce round trip on the data path: the frame around the batches, and the answer's partitions.
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include "protocol/messages/produce.h"
#include "protocol/produce_frame.h"
#include "protocol/produce_response.h"

namespace shunt::bench {
namespace {

constexpr std::string_view client_id = "shunt";
constexpr protocol::Uuid topic_id{{std::byte{7}}};

// One request with a batch for each of so many partitions of a topic, into an arena that is used again and again.
void produce_frame(benchmark::State& state) {
  const auto partitions = static_cast<std::int32_t>(state.range(0));
  constexpr std::size_t records_bytes = 16 << 10;
  std::vector<std::byte> arena;
  for ([[maybe_unused]] auto _ : state) {
    arena.clear();
    protocol::append_produce_prologue(arena, {.version = protocol::produce_by_id,
                                              .correlation_id = 1,
                                              .client_id = client_id,
                                              .timeout_ms = 30000,
                                              .topics = 1});
    protocol::append_produce_topic(arena, protocol::produce_by_id, {}, topic_id,
                                   static_cast<std::uint32_t>(partitions));
    for (std::int32_t p = 0; p < partitions; ++p) {
      protocol::append_produce_partition(arena, protocol::produce_by_id, protocol::PartitionIndex(p), records_bytes);
      protocol::append_produce_end(arena, protocol::produce_by_id, protocol::ProduceEnd::partition);
    }
    benchmark::DoNotOptimize(arena.data());
  }
  state.SetItemsProcessed(state.iterations() * partitions);
}
BENCHMARK(produce_frame)->Arg(1)->Arg(64);

void produce_response(benchmark::State& state) {
  protocol::ProduceResponse response;
  auto& answered = response.responses.emplace_back();
  answered.topic_id = topic_id;
  for (std::int32_t p = 0; p < static_cast<std::int32_t>(state.range(0)); ++p) {
    auto& partition = answered.partition_responses.emplace_back();
    partition.index = protocol::PartitionIndex(p);
    partition.base_offset = protocol::Offset(p);
  }
  std::vector<std::byte> body{std::byte{0}};  // the answer's header has no tags
  const auto encoded = protocol::encode(response, protocol::produce_by_id);
  body.insert(body.end(), encoded.begin(), encoded.end());
  for ([[maybe_unused]] auto _ : state) {
    protocol::ProduceResponseReader reader(protocol::produce_by_id, body);
    while (reader.next()) benchmark::DoNotOptimize(reader.base_offset());
    if (reader.malformed()) state.SkipWithError("the answer was not understood");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(produce_response)->Arg(1)->Arg(64);

}  // namespace
}  // namespace shunt::bench
