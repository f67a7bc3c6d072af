// What the data path does to a batch in the processor: finding it in a Fetch response, stamping its header, framing it
// for a Produce request. The rate of each is per byte of record batches, so that it can be held against the rate at
// which the kernel copies them.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "protocol/codec.h"
#include "protocol/crc32c.h"
#include "protocol/fetch_stream.h"
#include "protocol/messages/fetch.h"
#include "protocol/messages/metadata.h"
#include "protocol/messages/produce.h"
#include "protocol/produce_frame.h"
#include "protocol/produce_response.h"
#include "protocol/record_batch.h"
#include "protocol/records.h"
#include "protocol/wire.h"

namespace {

using namespace shunt::protocol;

constexpr std::int16_t fetch_version = 11;
constexpr std::int16_t produce_version = 8;

std::vector<std::byte> random_bytes(std::size_t size) {
  std::mt19937_64 random(size);
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

/// A batch of `size` bytes with a right CRC.
std::vector<std::byte> make_batch(std::int64_t base, std::size_t size) {
  std::vector<std::byte> batch = random_bytes(size);
  wire::store(&batch[0], base);
  wire::store(&batch[8], static_cast<std::int32_t>(size - record_batch_overhead));
  batch[16] = std::byte{2};
  wire::store(&batch[21], std::int16_t{0});
  wire::store(&batch[23], std::int32_t{0});
  wire::store(&batch[57], std::int32_t{1});
  wire::store(&batch[17], crc32c(std::span<const std::byte>(batch).subspan(21)));
  return batch;
}

/// The body of a Fetch response with 8 MiB of batches of `batch_size` in 4 partitions.
std::vector<std::byte> fetch_body(std::size_t batch_size) {
  constexpr std::size_t partition_bytes = std::size_t{2} << 20;
  FetchResponse response;
  auto& topic = response.responses.emplace_back();
  topic.topic = "orders";
  for (std::int32_t index = 0; index < 4; ++index) {
    auto& partition = topic.partitions.emplace_back();
    partition.partition_index = PartitionIndex(index);
    std::vector<std::byte> records;
    for (std::int64_t base = 0; records.size() < partition_bytes; ++base) {
      const std::vector<std::byte> batch = make_batch(base, batch_size);
      records.insert(records.end(), batch.begin(), batch.end());
    }
    partition.records = Records(std::move(records));
  }
  return encode(response, fetch_version);
}

void count_bytes(benchmark::State& state, std::size_t bytes_a_round) {
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes_a_round) * state.iterations());
}

// ---- CRC32C ---------------------------------------------------------------------------------------------------------

void crc_of_all_bytes(benchmark::State& state) {
  const auto bytes = random_bytes(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(crc32c(bytes));
  count_bytes(state, bytes.size());
}
BENCHMARK(crc_of_all_bytes)->Arg(1 << 10)->Arg(16 << 10)->Arg(256 << 10);

void crc_by_delta(benchmark::State& state) {
  const auto before = random_bytes(40);
  const auto after = random_bytes(41);
  const auto tail = static_cast<std::uint64_t>(state.range(0));
  std::uint32_t crc = 1;
  for (auto _ : state) crc = crc32c_replace(crc, before, std::span(after).first(40), tail);
  benchmark::DoNotOptimize(crc);
}
BENCHMARK(crc_by_delta)->Arg(1 << 10)->Arg(16 << 10)->Arg(256 << 10);

// ---- Record batches -------------------------------------------------------------------------------------------------

void stamp(benchmark::State& state) {
  auto batch = make_batch(7, static_cast<std::size_t>(state.range(0)));
  const auto header = std::span(batch).first<record_batch_header_size>();
  std::int32_t sequence = 0;
  for (auto _ : state) {
    stamp_record_batch(header, {.producer_id = ProducerId(std::int64_t{1} << 62),
                                .producer_epoch = ProducerEpoch(0),
                                .base_sequence = Sequence(++sequence & INT32_MAX)});
    benchmark::ClobberMemory();
  }
  count_bytes(state, batch.size());
}
BENCHMARK(stamp)->Arg(1 << 10)->Arg(16 << 10)->Arg(256 << 10);

/// The whole response in pieces of 1 MiB, as the data path receives it.
void parse_fetch_response(benchmark::State& state) {
  const auto body = fetch_body(static_cast<std::size_t>(state.range(0)));
  std::uint64_t batches = 0;
  for (auto _ : state) {
    FetchStream stream(body.size());
    std::span<const std::byte> left(body);
    bool done = false;
    while (!done) {
      switch (stream.next()) {
        case FetchStream::Event::need_more: {
          const auto piece = left.first(std::min(left.size(), std::size_t{1} << 20));
          left = left.subspan(piece.size());
          stream.feed(piece);
          break;
        }
        case FetchStream::Event::batch:
          ++batches;
          break;
        case FetchStream::Event::malformed:
          state.SkipWithError("the response does not parse");
          return;
        case FetchStream::Event::done:
          done = true;
          break;
        default:
          break;
      }
    }
  }
  count_bytes(state, body.size());
  state.counters["batches"] = benchmark::Counter(static_cast<double>(batches), benchmark::Counter::kIsRate);
}
BENCHMARK(parse_fetch_response)->Arg(1 << 10)->Arg(16 << 10)->Arg(256 << 10);

/// The frame around one batch, without the batch.
void frame_produce_request(benchmark::State& state) {
  std::vector<std::byte> frame;
  for (auto _ : state) {
    frame.clear();
    ProduceFrameSize size("shunt");
    size.add_topic("orders");
    size.add_partition(std::size_t{16} << 10);
    append_produce_prologue(frame, {.frame_bytes = size.frame_bytes(),
                                    .correlation_id = 1,
                                    .client_id = "shunt",
                                    .timeout_ms = 30000,
                                    .topics = 1});
    append_produce_topic(frame, "orders", 1);
    append_produce_partition(frame, PartitionIndex(3), std::size_t{16} << 10);
    benchmark::DoNotOptimize(frame.data());
  }
}
BENCHMARK(frame_produce_request);

void read_produce_response(benchmark::State& state) {
  ProduceResponse response;
  auto& topic = response.responses.emplace_back();
  topic.name = "orders";
  for (std::int32_t index = 0; index < 6; ++index)
    topic.partition_responses.emplace_back().index = PartitionIndex(index);
  const auto body = encode(response, produce_version);
  for (auto _ : state) {
    ProduceResponseReader reader(body);
    while (reader.next()) benchmark::DoNotOptimize(reader.base_offset());
    if (reader.malformed()) state.SkipWithError("the response does not parse");
  }
}
BENCHMARK(read_produce_response);

// ---- The codec of the control plane ---------------------------------------------------------------------------------

MetadataResponse large_metadata() {
  MetadataResponse response;
  for (std::int32_t topics = 0; topics < 100; ++topics) {
    auto& topic = response.topics.emplace_back();
    topic.name = "topic-" + std::to_string(topics);
    for (std::int32_t index = 0; index < 20; ++index) {
      auto& partition = topic.partitions.emplace_back();
      partition.partition_index = PartitionIndex(index);
      partition.replica_nodes = {BrokerId(1), BrokerId(2), BrokerId(3)};
      partition.isr_nodes = partition.replica_nodes;
    }
  }
  return response;
}

void encode_metadata(benchmark::State& state) {
  const MetadataResponse response = large_metadata();
  std::size_t size = 0;
  for (auto _ : state) size = encode(response, static_cast<std::int16_t>(state.range(0))).size();
  count_bytes(state, size);
}
BENCHMARK(encode_metadata)->Arg(8)->Arg(12);

void decode_metadata(benchmark::State& state) {
  const auto version = static_cast<std::int16_t>(state.range(0));
  const auto body = encode(large_metadata(), version);
  for (auto _ : state) {
    const auto response = decode<MetadataResponse>(body, version);
    if (!response) state.SkipWithError("the response does not parse");
    benchmark::DoNotOptimize(response);
  }
  count_bytes(state, body.size());
}
BENCHMARK(decode_metadata)->Arg(8)->Arg(12);

}  // namespace
