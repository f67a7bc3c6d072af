// A Fetch response of 16 MiB through the pull parser, in the pieces of 1 MiB in which it is received. The payload is
// not read, so bytes per second measure the headers' cost alone, and the time per batch is the figure to watch.
#include <algorithm>

#include <benchmark/benchmark.h>

#include "protocol/fetch_stream.h"
#include "protocol/messages/fetch.h"

#include "batches.h"

namespace shunt::bench {
namespace {

using protocol::FetchStream;

constexpr std::size_t body_bytes = 16 << 20;
constexpr std::size_t piece_bytes = 1 << 20;
constexpr std::size_t partitions = 8;

struct Body {
  std::vector<std::byte> bytes;
  std::int64_t batches = 0;
};

Body make_body(std::size_t batch_bytes) {
  Body body;
  protocol::FetchResponse response;
  auto& topic = response.responses.emplace_back();
  topic.topic_id.bytes.fill(std::byte{7});
  for (std::size_t p = 0; p < partitions; ++p) {
    std::vector<std::byte> records;
    const auto batch = make_batch(batch_bytes);
    while (records.size() + batch_bytes <= body_bytes / partitions) {
      records.insert(records.end(), batch.begin(), batch.end());
      ++body.batches;
    }
    auto& partition = topic.partitions.emplace_back();
    partition.partition_index = protocol::PartitionIndex(static_cast<std::int32_t>(p));
    partition.records = std::move(records);
  }
  body.bytes = {std::byte{0}};  // the answer's header has no tags
  const auto encoded = protocol::encode(response, FetchStream::by_id);
  body.bytes.insert(body.bytes.end(), encoded.begin(), encoded.end());
  return body;
}

/// The batches found; -1 for an answer that is not one. `each_batch(header)` sees every header.
template <class EachBatch>
std::int64_t parse(std::span<const std::byte> bytes, EachBatch each_batch) {
  FetchStream stream(FetchStream::by_id, bytes.size());
  std::int64_t batches = 0;
  while (true) {
    switch (stream.next()) {
      case FetchStream::Event::need_more: {
        const std::size_t size = std::min(bytes.size(), piece_bytes);
        stream.feed(bytes.first(size));
        bytes = bytes.subspan(size);
        break;
      }
      case FetchStream::Event::batch:
        each_batch(stream.header());
        ++batches;
        break;
      case FetchStream::Event::payload:
        benchmark::DoNotOptimize(stream.slice().data());
        break;
      case FetchStream::Event::done:
        return batches;
      case FetchStream::Event::malformed:
        return -1;
      default:
        break;
    }
  }
}

template <class EachBatch>
void measure(benchmark::State& state, EachBatch each_batch) {
  const Body body = make_body(static_cast<std::size_t>(state.range(0)));
  for ([[maybe_unused]] auto _ : state) {
    if (parse(body.bytes, each_batch) != body.batches) {
      state.SkipWithError("not the batches that were put in");
      return;
    }
  }
  const std::int64_t batches = state.iterations() * body.batches;
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.bytes.size()));
  state.counters["time/batch"] =
      benchmark::Counter(static_cast<double>(batches), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void fetch_stream(benchmark::State& state) {
  measure(state, [](auto header) { benchmark::DoNotOptimize(header.data()); });
}
BENCHMARK(fetch_stream)->Arg(100)->Arg(1 << 10)->Arg(16 << 10)->Arg(256 << 10);

// What the data path does with every batch short of sending it.
void fetch_stream_and_stamp(benchmark::State& state) {
  protocol::Stamp stamp{.producer_id = protocol::ProducerId((std::int64_t{1} << 62) + 1),
                        .producer_epoch = protocol::ProducerEpoch(0),
                        .base_sequence = protocol::Sequence(0)};
  measure(state, [&](auto header) {
    protocol::stamp_record_batch(header, stamp);
    stamp.base_sequence = stamp.base_sequence.advanced(10);
    benchmark::DoNotOptimize(header.data());
  });
}
BENCHMARK(fetch_stream_and_stamp)->Arg(100)->Arg(1 << 10)->Arg(16 << 10)->Arg(256 << 10);

}  // namespace
}  // namespace shunt::bench
