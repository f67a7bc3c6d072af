// Both ends of a Produce round trip on the data path: the frame around the batches, and the answer's partitions.
#include <string>
#include <string_view>

#include <benchmark/benchmark.h>

#include "protocol/messages/produce.h"
#include "protocol/produce_frame.h"
#include "protocol/produce_response.h"

namespace shunt::bench {
namespace {

constexpr std::string_view client_id = "shunt";
constexpr std::string_view topic = "orders.of.the.day";

// One request with a batch for each of so many partitions of a topic, into an arena that is used again and again.
void produce_frame(benchmark::State& state) {
  const auto partitions = static_cast<std::int32_t>(state.range(0));
  constexpr std::size_t records_bytes = 16 << 10;
  std::vector<std::byte> arena;
  for ([[maybe_unused]] auto _ : state) {
    arena.clear();
    protocol::ProduceFrameSize size(client_id);
    size.add_topic(topic);
    for (std::int32_t p = 0; p < partitions; ++p) size.add_partition(records_bytes);
    protocol::append_produce_prologue(arena, {.frame_bytes = size.frame_bytes(),
                                              .correlation_id = 1,
                                              .client_id = client_id,
                                              .timeout_ms = 30000,
                                              .topics = 1});
    protocol::append_produce_topic(arena, topic, partitions);
    for (std::int32_t p = 0; p < partitions; ++p) {
      protocol::append_produce_partition(arena, protocol::PartitionIndex(p), records_bytes);
    }
    benchmark::DoNotOptimize(arena.data());
  }
  state.SetItemsProcessed(state.iterations() * partitions);
}
BENCHMARK(produce_frame)->Arg(1)->Arg(64);

void produce_response(benchmark::State& state) {
  protocol::ProduceResponse response;
  auto& answered = response.responses.emplace_back();
  answered.name = topic;
  for (std::int32_t p = 0; p < static_cast<std::int32_t>(state.range(0)); ++p) {
    auto& partition = answered.partition_responses.emplace_back();
    partition.index = protocol::PartitionIndex(p);
    partition.base_offset = protocol::Offset(p);
  }
  const auto body = protocol::encode(response, 8);
  for ([[maybe_unused]] auto _ : state) {
    protocol::ProduceResponseReader reader(body);
    while (reader.next()) benchmark::DoNotOptimize(reader.base_offset());
    if (reader.malformed()) state.SkipWithError("the answer was not understood");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(produce_response)->Arg(1)->Arg(64);

}  // namespace
}  // namespace shunt::bench
